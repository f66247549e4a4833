import type { SteadyTime } from "../../lib/steady-time.ts";
import type { StationContext } from "../context.ts";
import type { TransactionView } from "../model/station-model.ts";
import { lastKnownReading, type Session, withLastKnown } from "./session.ts";
import type { SessionJournal } from "./session-journal.ts";

function viewOf({
  authorized,
  connectorId,
  evseId,
  sessionId,
  token,
  transaction,
}: Session): TransactionView | undefined {
  if (transaction === undefined) return undefined;
  return {
    transactionId: transaction.transactionId,
    evseId,
    connectorId,
    sessionId,
    authorized: authorized || transaction.tokenTold,
    ...(transaction.readyAt !== undefined && { readyAt: new Date(transaction.readyAt) }),
    ...(token !== undefined && { idToken: token.idToken }),
    ...(token?.groupIdToken !== undefined && { groupIdToken: token.groupIdToken }),
    ...(token?.remoteStartId !== undefined && { remoteStartId: token.remoteStartId }),
  };
}

/** The sessions of all EVSEs: memory follows what is stored, and the other blocks see what memory says. */
export class Sessions {
  private readonly sessions = new Map<number, Session>();

  constructor(
    private readonly context: StationContext,
    private readonly journal: SessionJournal,
    private readonly steadyTime: SteadyTime,
  ) {}

  at(evseId: number): Session | undefined {
    return this.sessions.get(evseId);
  }

  /**
   * One decision about a session: written with its messages, then shown, then announced (effects run in order).
   * `undefined` ends the session. @throws when it cannot be stored; nothing has changed then.
   */
  decide(evseId: number, decision: () => Session | undefined): void {
    const { clock, core, model } = this.context;
    core.unitOfWork.run(() => {
      let next: Session | undefined;
      core.unitOfWork.afterCommit(() => this.keep(evseId, next));
      const decided = decision();
      const reading = model.evse(evseId)?.reading;
      next =
        decided && withLastKnown(decided, clock.now(), this.steadyTime.now(), reading ?? lastKnownReading(decided));
      this.journal.save(evseId, next);
    });
  }

  /** A decision about a running transaction that nobody repeats: false when there is none, or it cannot be stored, which is logged. */
  change(evseId: number, changed: (session: Session) => Session): boolean {
    const session = this.sessions.get(evseId);
    if (session?.transaction === undefined) return false;
    try {
      this.decide(evseId, () => changed(session));
      return true;
    } catch (error) {
      this.context.logger.critical(`A decision about EVSE ${evseId} cannot be stored: ${(error as Error).message}`);
      return false;
    }
  }

  /** Lets the other blocks see a session, also one that is not taken up yet. */
  show(evseId: number, session: Session | undefined): void {
    const evse = this.context.model.evse(evseId);
    if (evse === undefined) return;
    evse.sessionId = session?.sessionId;
    evse.evConnected = session?.evConnected ?? false;
    evse.authorized = session?.authorized ?? false;
    evse.energyFlows = session?.energyFlows ?? false;
    evse.transaction = session && viewOf(session);
  }

  /** Writes down what is known of running transactions, against a power cut. */
  remember(): void {
    const { core, logger } = this.context;
    try {
      core.unitOfWork.run(() => {
        for (const [evseId, session] of this.sessions)
          if (session.transaction !== undefined) this.decide(evseId, () => session);
      });
    } catch (error) {
      logger.error(`What is known of running transactions cannot be stored: ${(error as Error).message}`);
    }
  }

  private keep(evseId: number, session: Session | undefined): void {
    if (session === undefined) this.sessions.delete(evseId);
    else this.sessions.set(evseId, session);
    this.show(evseId, session);
  }
}
