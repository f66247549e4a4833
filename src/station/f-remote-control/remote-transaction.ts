import { AuthCtrlr, SmartChargingCtrlr } from "../../device-model/variables.ts";
import type {
  RequestStartTransactionRequest,
  RequestStartTransactionResponse,
  RequestStopTransactionResponse,
} from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { EvseModel } from "../model/station-model.ts";
import { profileDefect } from "./profile-defect.ts";

/** F01–F04: transactions that the CSMS asks to start and to stop. */
export function createRemoteTransactionBlock(context: StationContext): Block {
  const { csms, deviceModel, hardware, logger, model, services } = context;

  const isUsable = (evse: EvseModel): boolean =>
    evse.connectors.some(({ status }) => status !== "Unavailable" && status !== "Faulted") && // F01.FR.23, F02.FR.25
    evse.transaction?.authorized !== true && // F01.FR.24, F02.FR.26
    !(services.isResetPending?.(evse.evseId) ?? false);

  /** F01.FR.20: without evseId a plugged-in EV that waits for authorization comes first, then a free EVSE. */
  const selectEvse = (): EvseModel | undefined => {
    const usable = model.evses.filter(isUsable);
    return (
      usable.find((evse) => evse.evConnected) ??
      usable.find((evse) => evse.connectors.some(({ status }) => status === "Available"))
    );
  };

  const refuse = (reasonCode: string, additionalInfo: string): RequestStartTransactionResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo },
  });

  const isReservedForOther = async (evse: EvseModel, request: RequestStartTransactionRequest): Promise<boolean> => {
    if (!hardware.reservation.available) return false;
    return hardware.reservation
      .isReservedForOther(evse.evseId, request.idToken, request.groupIdToken)
      .catch(() => evse.connectors.some(({ reserved }) => reserved));
  };

  const obstacle = async (
    request: RequestStartTransactionRequest,
    evse: EvseModel | undefined,
  ): Promise<RequestStartTransactionResponse | undefined> => {
    if (csms.registration !== "Accepted") return refuse("CSNotAccepted", "the station is not accepted yet"); // B02.FR.05
    if (request.evseId !== undefined && model.evse(request.evseId) === undefined)
      return refuse("UnknownEvse", "no such EVSE");
    if (evse === undefined) return refuse("NotFound", "no EVSE is free");
    if (evse.transaction?.authorized === true) return refuse("TxInProgress", "the EVSE is in use");
    if (!isUsable(evse)) return refuse("NotEnabled", "the EVSE is unavailable or faulted");
    if (await isReservedForOther(evse, request)) return refuse("Reserved", "reserved for another token"); // F01.FR.21, FR.22
    if (request.chargingProfile !== undefined && deviceModel.read(SmartChargingCtrlr.Enabled) === true) {
      const defect = profileDefect(request.chargingProfile);
      if (defect !== undefined) return refuse(defect.reasonCode, defect.additionalInfo); // F01.FR.26, F02.FR.27
    }
    return undefined;
  };

  csms.handle("RequestStartTransaction", async (request) => {
    const evse = request.evseId === undefined ? selectEvse() : model.evse(request.evseId);
    const refused = await obstacle(request, evse);
    if (refused !== undefined || evse === undefined)
      return { response: refused ?? refuse("NotFound", "no EVSE is free") };
    const transactionId = services.expectRemoteStart?.(evse.evseId, request.remoteStartId, request.idToken);
    return {
      response: { status: "Accepted", ...(transactionId !== undefined && { transactionId }) }, // F01.FR.13
      afterResponse: () =>
        hardware.authorization.provideToken({
          idToken: request.idToken,
          ...(request.groupIdToken !== undefined && { groupIdToken: request.groupIdToken }),
          remoteStartId: request.remoteStartId,
          evseId: evse.evseId,
          prevalidated: deviceModel.read(AuthCtrlr.AuthorizeRemoteStart) !== true, // F01.FR.01, FR.02
        }),
    };
  });

  csms.handle("RequestStopTransaction", async ({ transactionId }) => {
    const rejected: RequestStopTransactionResponse = { status: "Rejected" };
    const transaction = csms.registration === "Accepted" ? model.transaction(transactionId) : undefined; // B02.FR.05
    if (transaction === undefined) return { response: rejected }; // F03.FR.08
    try {
      const stopping = await hardware.evse.stopTransaction(transaction.evseId, "Remote");
      return { response: { status: stopping ? "Accepted" : "Rejected" } }; // F03.FR.07
    } catch (error) {
      logger.error(`Transaction ${transactionId} could not be stopped remotely: ${(error as Error).message}`);
      return { response: rejected };
    }
  });

  return { name: "remote-transaction", start() {}, stop() {} };
}
