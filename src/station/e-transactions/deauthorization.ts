import { TxCtrlr } from "../../device-model/variables.ts";
import type { CallOutcome } from "../../ocpp/csms-link.ts";
import type { ReasonEnumType, TransactionEventRequest, TriggerReasonEnumType } from "../../ocpp/v201/index.ts";
import type { StationContext, StationServices } from "../context.ts";
import { importedEnergyWattHours } from "../model/meter-values.ts";
import type { Session } from "./session.ts";

/** What this part may do with the sessions of the transactions block. */
export interface SessionAccess {
  find(transactionId: string): Session | undefined;
  /** Changes and stores a session with a running transaction. */
  change(evseId: number, changed: (session: Session) => Session): void;
  end(evseId: number, trigger: TriggerReasonEnumType, stoppedReason: ReasonEnumType): void;
}

export interface Deauthorization {
  /** Runs in the unit of work that takes the event out of the queue. */
  takeResult(request: TransactionEventRequest, outcome: CallOutcome<"TransactionEvent">): void;
  checkEnergyLimit(evseId: number): void;
  /** Asks again for what was asked before a restart. */
  resume(session: Session): void;
  stopTransactions: StationServices["stopTransactions"];
}

/** E05: what the CSMS says about a token in the answer to an event, and stopping transactions through the hardware. */
export function createDeauthorization(context: StationContext, sessions: SessionAccess): Deauthorization {
  const { core, deviceModel, hardware, logger, model, services } = context;

  /** A durable intent: stored with the transaction before the hardware is asked, gone with its end. */
  const stop = async (session: Session, reason: ReasonEnumType): Promise<void> => {
    const { evseId } = session;
    sessions.change(evseId, (current) =>
      current.transaction === undefined
        ? current
        : { ...current, stoppedReason: reason, transaction: { ...current.transaction, stopAsked: reason } },
    );
    try {
      const stopping = await hardware.evse.stopTransaction(evseId, reason);
      // Nothing runs there any more (e.g. the cable is still plugged after a stop): the end is ours to say.
      if (!stopping && reason === "ImmediateReset") sessions.end(evseId, "ResetCommand", "ImmediateReset");
    } catch (error) {
      logger.error(`The transaction on EVSE ${evseId} could not be stopped (${reason}): ${(error as Error).message}`);
      if (reason === "ImmediateReset") sessions.end(evseId, "ResetCommand", "ImmediateReset");
    }
  };

  const withdraw = (session: Session): void => {
    if (deviceModel.read(TxCtrlr.StopTxOnInvalidId) !== false) {
      void stop(session, "DeAuthorized"); // E05.FR.09, FR.10
      return;
    }
    const allowed = deviceModel.read(TxCtrlr.MaxEnergyOnInvalidId) ?? 0;
    const energy = importedEnergyWattHours(model.evse(session.evseId)?.reading);
    if (allowed > 0 && energy !== undefined) {
      sessions.change(session.evseId, (current) =>
        current.transaction === undefined
          ? current
          : { ...current, transaction: { ...current.transaction, energyLimitWattHours: energy + allowed } },
      ); // E05.FR.03
      return;
    }
    pause(session.evseId);
  };

  /** E05.FR.02: the transaction stays, the energy does not. */
  const pause = (evseId: number): void => {
    hardware.evse.pauseCharging(evseId).catch((error: Error) => {
      logger.error(`Charging on EVSE ${evseId} could not be paused: ${error.message}`);
    });
  };

  return {
    takeResult(request, outcome) {
      if (outcome.kind !== "response") return;
      const { response } = outcome;
      const session = sessions.find(request.transactionInfo.transactionId);
      core.unitOfWork.afterCommit(() => hardware.observer.transactionEventResponse(request, response));
      const { idTokenInfo } = response;
      if (idTokenInfo === undefined) return;
      if (request.idToken !== undefined) services.learnIdTokenInfo?.(request.idToken, idTokenInfo); // C10.FR.05
      const evseId = session?.evseId ?? request.evse?.id;
      if (evseId !== undefined)
        core.unitOfWork.afterCommit(() => hardware.authorization.publishValidationUpdate({ evseId, idTokenInfo }));
      if (idTokenInfo.status !== "Accepted" && session?.transaction !== undefined && session.authorized)
        core.unitOfWork.afterCommit(() => withdraw(session));
    },
    checkEnergyLimit(evseId) {
      const transactionId = model.evse(evseId)?.transaction?.transactionId;
      const session = transactionId === undefined ? undefined : sessions.find(transactionId);
      const limit = session?.transaction?.energyLimitWattHours;
      const energy = importedEnergyWattHours(model.evse(evseId)?.reading);
      if (limit === undefined || energy === undefined || energy < limit) return;
      sessions.change(evseId, (current) => {
        if (current.transaction === undefined) return current;
        const { energyLimitWattHours: _, ...transaction } = current.transaction;
        return { ...current, transaction };
      });
      pause(evseId);
    },
    resume(session) {
      const asked = session.transaction?.stopAsked;
      if (asked !== undefined) void stop(session, asked as ReasonEnumType);
    },
    async stopTransactions(evseId, reason) {
      const running = model.evses.flatMap((evse) => {
        const found = evse.transaction === undefined ? undefined : sessions.find(evse.transaction.transactionId);
        return found === undefined || (evseId !== undefined && evse.evseId !== evseId) ? [] : [found];
      });
      await Promise.all(running.map((session) => stop(session, reason)));
    },
  };
}
