/** When the needs of an EV go to the CSMS: pure, so that a test is a table. */

/** The EV waits so long for ChargeParameterDiscoveryRes (K15, error handling). */
export const EV_PATIENCE_MILLISECONDS = 60_000;
/** An EV that renegotiates without end is listened to so often in so long a time; of the needs between, the newest. */
export const TELLINGS = 3;
export const TELLINGS_MILLISECONDS = 60_000;
/** The EV may be quicker than the event with which its transaction starts. */
export const TRANSACTION_WAIT_MILLISECONDS = 5_000;
/** The CSMS learns of the transaction and its driver first (K15.FR.16), unless there is a backlog. */
export const EVENTS_WAIT_MILLISECONDS = 10_000;

/** So often the newest of many needs are stored. */
export const SAVE_INTERVAL_MILLISECONDS = 5_000;

/** How things stand at the EVSE whose EV has told its needs. Times by the clock that never jumps. */
export interface NeedsFacts {
  readonly nowMilliseconds: number;
  /** When the needs came, or later the connection. */
  readonly sinceMilliseconds: number;
  /** When needs of this EV were told. */
  readonly tellings: readonly number[];
  readonly evConnected: boolean;
  readonly authorized: boolean;
  readonly hasTransaction: boolean;
  /** Events of the transaction have not reached the CSMS yet. */
  readonly eventsWait: boolean;
  /** There is a connection over which they may leave now. */
  readonly canLeave: boolean;
}

export type NeedsDecision =
  | { readonly kind: "tell" }
  | { readonly kind: "wait"; readonly milliseconds: number; readonly isFlood: boolean }
  /** Until there is a connection. */
  | { readonly kind: "keep" }
  | { readonly kind: "drop"; readonly reason: string };

export function decideNeeds(facts: NeedsFacts): NeedsDecision {
  const {
    nowMilliseconds,
    sinceMilliseconds,
    tellings,
    evConnected,
    authorized,
    hasTransaction,
    eventsWait,
    canLeave,
  } = facts;
  const waited = nowMilliseconds - sinceMilliseconds;
  const wait = (milliseconds: number, isFlood = false): NeedsDecision => ({ kind: "wait", milliseconds, isFlood });
  if (!evConnected && !hasTransaction) return { kind: "drop", reason: "no EV is connected" };
  if (!canLeave) return { kind: "keep" };
  if (!hasTransaction && waited < TRANSACTION_WAIT_MILLISECONDS) return wait(TRANSACTION_WAIT_MILLISECONDS - waited);
  if (!hasTransaction && !authorized) return { kind: "drop", reason: "nobody is authorized to charge" };
  if (eventsWait && waited < EVENTS_WAIT_MILLISECONDS) return wait(EVENTS_WAIT_MILLISECONDS - waited);
  const next = (tellings.at(-TELLINGS) ?? Number.NEGATIVE_INFINITY) + TELLINGS_MILLISECONDS;
  if (next > nowMilliseconds) return wait(next - nowMilliseconds, true);
  return { kind: "tell" };
}
