import type { EventInput, InProcessCharger, Payload } from "../../../support/in-process-charger.ts";

const REMOTE = { idToken: { idToken: "APP", type: "Central" as const }, remote: true, remoteStartId: 7 };
const CARD = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };

export type PeriodInput = readonly [startPeriod: number, limit: number, more?: object];

/** A profile like those of a CSMS; times in seconds from `now`. */
export function profileOf(
  now: Date,
  {
    id = 1,
    purpose = "TxDefaultProfile",
    kind = "Absolute",
    start = 0,
    periods = [[0, 16]] as readonly PeriodInput[],
    unit = "A",
    schedule = {},
    ...more
  }: Readonly<Record<string, unknown>> & {
    readonly id?: number;
    readonly purpose?: string;
    readonly kind?: string;
    readonly start?: number;
    readonly periods?: readonly PeriodInput[];
    readonly unit?: string;
    readonly schedule?: object;
  } = {},
) {
  return {
    id,
    stackLevel: 0,
    chargingProfilePurpose: purpose,
    chargingProfileKind: kind,
    ...more,
    chargingSchedule: [
      {
        id: 1,
        chargingRateUnit: unit,
        ...(kind !== "Relative" && { startSchedule: new Date(now.getTime() + start * 1000).toISOString() }),
        chargingSchedulePeriod: periods.map(([startPeriod, limit, other = {}]) => ({ startPeriod, limit, ...other })),
        ...schedule,
      },
    ],
  };
}

/** What the tests of this block do with a charger. */
export function driver(charger: InProcessCharger) {
  const call = async (action: string, payload: object) => (await charger.call(action, payload)).body as Payload;
  const sinkCalls = () => charger.hardwareCalls.filter(({ name }) => name === "setLimits");
  return {
    set: (evseId: number, options: Parameters<typeof profileOf>[1] = {}) =>
      call("SetChargingProfile", { evseId, chargingProfile: profileOf(charger.clock.now(), options) }),
    clear: (request: object) => call("ClearChargingProfile", request),
    get: (request: object) => call("GetChargingProfiles", { requestId: 5, ...request }),
    composite: async (evseId: number, duration = 600, more: object = {}) => {
      const answer = await call("GetCompositeSchedule", { evseId, duration, ...more });
      const schedule = answer.schedule as { chargingSchedulePeriod: Payload[] } | undefined;
      return schedule?.chargingSchedulePeriod ?? answer;
    },
    startTransaction: async (evseId: number, token: typeof REMOTE | typeof CARD = CARD) => {
      const session = { sessionId: `s${evseId}` };
      charger.event(evseId, { kind: "SessionStarted", reason: "EVConnected", ...session } as EventInput);
      charger.event(evseId, { kind: "TransactionStarted", token, ...session } as EventInput);
      charger.event(evseId, { kind: "ChargingStarted", ...session });
      await charger.clock.advance(10);
      return charger.model.evse(evseId)?.transaction?.transactionId ?? "none";
    },
    endTransaction: async (evseId: number) => {
      const session = { sessionId: `s${evseId}` };
      charger.event(evseId, { kind: "TransactionFinished", stoppedReason: "EVDisconnected", ...session });
      charger.event(evseId, { kind: "SessionFinished", ...session });
      await charger.clock.advance(10);
    },
    /** What the sinks were told, one list of [EVSE, first limit] for each telling. */
    told: () =>
      sinkCalls().map(({ args: [limits] }) =>
        (limits as { evseId: number; periods: { limit: number }[] }[]).map(({ evseId, periods }) => [
          evseId,
          periods[0]?.limit,
        ]),
      ),
    sinkCalls,
    forget: () => {
      charger.hardwareCalls.length = 0;
      charger.calls.length = 0;
    },
    remoteToken: REMOTE,
  };
}
