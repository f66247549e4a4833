import type { StationContext } from "../context.ts";
import { countedUntil } from "./charging-time.ts";
import type { Deauthorization } from "./deauthorization.ts";
import type { SessionKeeper } from "./interruption.ts";
import { lastKnownReading, type Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { TransactionEvents } from "./transaction-events.ts";
import type { TransactionValues } from "./transaction-values.ts";
import { endsByReset } from "./transition.ts";

/** What becomes of a session that an earlier run left: it goes on, or its transaction ends when it was last known to be alive. */
export function createSessionKeeper(
  { events, model }: StationContext,
  sessions: Sessions,
  told: TransactionEvents,
  values: TransactionValues,
  deauthorization: Pick<Deauthorization, "resume">,
): SessionKeeper {
  /** The latest of the times at which the station is known to have been there. */
  const lastAlive = ({ lastKnown, transaction }: Session): Date => {
    const newestValue = transaction && values.newestAt(transaction.transactionId);
    const times = [lastKnown?.at, transaction?.lastEventAt, newestValue].filter((time) => time !== undefined);
    return new Date(Math.max(...times.map((time) => Date.parse(time))));
  };

  return {
    adopt(session) {
      const { transaction, evseId, connectorId } = session;
      sessions.decide(evseId, () => {
        values.keepInterruption(session, model.evse(evseId)?.reading);
        return session;
      });
      if (transaction === undefined) return;
      events.emit("transactionResumed", { transactionId: transaction.transactionId, evseId, connectorId });
      deauthorization.resume(session);
    },
    abandon(session) {
      const byReset = endsByReset(session);
      const lost: Session = {
        ...session,
        stoppedReason: byReset ? "ImmediateReset" : "PowerLoss",
        energyFlows: false,
        chargingState: session.evConnected ? "EVConnected" : "Idle",
      };
      sessions.decide(session.evseId, () => {
        const trigger = byReset ? "ResetCommand" : "AbnormalCondition"; // B12.FR.05
        const timestamp = lastAlive(session);
        const countedAt = countedUntil(session, timestamp);
        told.end(lost, { trigger, timestamp, countedAt, reading: lastKnownReading(session), unseen: true });
        return undefined;
      });
    },
  };
}
