import type { RequestStopTransactionResponse, StatusInfoType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import type { TransactionView } from "../model/station-model.ts";

/**
 * F03, F04: transactions that the CSMS asks to stop. What the stop brings about is told by the E block, with the meter
 * values that there is room for (F03.FR.04–06, FR.09, F04.FR.03–06).
 */
export const remoteStop = declareBlock({ name: "remote-stop", letter: "F", needs: ["transactions"], create });

function create({ csms, hardware, logger, model, transactions }: Given<"transactions">) {
  const reject = (statusInfo: StatusInfoType): { response: RequestStopTransactionResponse } => ({
    response: { status: "Rejected", statusInfo },
  });

  /** A driver who was authorized, but has not plugged in yet: there is nothing to stop, only a permission to take back. */
  const withdraw = async (evseId: number): Promise<boolean> => {
    transactions.noteStopReason(evseId, "Remote");
    try {
      await hardware.evse.withdrawAuthorization(evseId);
      return true;
    } catch (error) {
      logger.error(`The authorization at EVSE ${evseId} could not be withdrawn: ${(error as Error).message}`);
      transactions.noteStopReason(evseId, undefined);
      return false;
    }
  };

  const stop = async ({ transactionId, evseId }: TransactionView): Promise<boolean> => {
    try {
      if (await hardware.evse.stopTransaction(evseId, "Remote")) return true; // F03.FR.02, FR.03, F04.FR.02
    } catch (error) {
      logger.error(`Transaction ${transactionId} could not be stopped remotely: ${(error as Error).message}`);
      return false;
    }
    const evse = model.evse(evseId);
    return evse?.authorized === true && !evse.evConnected && (await withdraw(evseId));
  };

  csms.handle(
    "RequestStopTransaction",
    async ({ transactionId }) => {
      if (csms.registration !== "Accepted")
        return reject({ reasonCode: "CSNotAccepted", additionalInfo: "the station is not accepted yet" }); // B02.FR.05
      const transaction = model.transaction(transactionId);
      if (transaction === undefined)
        return reject({ reasonCode: "TxNotFound", additionalInfo: "no such transaction is running" }); // F03.FR.08
      const { evseId } = transaction;
      // Nobody draws energy with it any more or yet: it goes on until its stop point, but the request is noted (F03.FR.02).
      if (model.evse(evseId)?.authorized !== true)
        return {
          response: { status: "Accepted" },
          afterResponse: () => transactions.noteTrigger(evseId, "RemoteStop"),
        };
      if (await stop(transaction)) return { response: { status: "Accepted" } }; // F03.FR.07
      return reject({ reasonCode: "InternalError", additionalInfo: "the charger did not stop it" });
    },
    {
      lane: ({ transactionId }) => `RequestStopTransaction ${transactionId}`,
    },
  );

  return {};
}
