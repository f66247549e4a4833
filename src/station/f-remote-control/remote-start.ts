import { AuthCtrlr } from "../../device-model/variables.ts";
import type { RequestStartTransactionRequest, RequestStartTransactionResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import type { EvseModel } from "../model/station-model.ts";
import type { EvseEvent } from "../ports.ts";
import { createStartClaims } from "./start-claims.ts";

/** After these an EV does not wait for its driver any longer. */
const ENDS_WAITING: ReadonlySet<EvseEvent["kind"]> = new Set(["TransactionStarted", "Deauthorized", "SessionFinished"]);

interface Refusal {
  readonly reasonCode: string;
  readonly additionalInfo: string;
}

/** F01, F02: transactions that the CSMS asks to start. */
export const remoteStart = declareBlock({
  name: "remote-start",
  letter: "F",
  needs: ["remoteStartProfiles", "reservations", "resets", "transactions"],
  hears: {
    "hardware.evse": "follow-up",
    "station.tokenPresented": "reading",
    "station.tokenDecided": "reading",
  },
  create,
});

function create(context: Given<"remoteStartProfiles" | "reservations" | "resets" | "transactions">) {
  const { csms, deviceModel, hardware, logger, model, remoteStartProfiles, reservations, resets, transactions } =
    context;
  /** EVSEs at which somebody has plugged in and has not charged yet. */
  const waitingEvs = new Set<number>();
  const claims = createStartClaims(context);

  const noteWaitingEv = (event: EvseEvent): void => {
    if (event.kind === "SessionStarted" && event.reason === "EVConnected") waitingEvs.add(event.evseId);
    else if (ENDS_WAITING.has(event.kind)) waitingEvs.delete(event.evseId);
  };

  const isMasterPass = ({ groupIdToken }: RequestStartTransactionRequest): boolean => {
    const masterPass = deviceModel.read(AuthCtrlr.MasterPassGroupId) ?? "";
    return masterPass !== "" && groupIdToken?.idToken.toUpperCase() === masterPass.toUpperCase();
  };

  const evseObstacle = (evse: EvseModel): Refusal | undefined => {
    if (evse.connectors.every(({ status }) => status === "Unavailable" || status === "Faulted"))
      return { reasonCode: "NotEnabled", additionalInfo: "the EVSE is unavailable or faulted" }; // F01.FR.23, F02.FR.25
    if (evse.transaction?.authorized === true || evse.authorized || claims.isClaimed(evse.evseId))
      return { reasonCode: "TxInProgress", additionalInfo: "the EVSE is in use" }; // F01.FR.24, F02.FR.26
    if (resets.isPending(evse.evseId)) return { reasonCode: "NotEnabled", additionalInfo: "a reset is waiting" };
    return undefined;
  };

  /**
   * The EVSE that was asked for, or those that could do (F01.FR.06, FR.20, F02.FR.14, FR.22), the best first: what is
   * reserved for this token, then where an EV waits, then the free ones, then where one stands that has charged already.
   */
  const candidates = ({ evseId, idToken, groupIdToken }: RequestStartTransactionRequest): readonly EvseModel[] => {
    if (evseId !== undefined) return model.evses.filter((evse) => evse.evseId === evseId);
    const usable = model.evses.filter((evse) => evseObstacle(evse) === undefined);
    const isOwn = (evse: EvseModel): boolean =>
      evse.connectors.some(({ reserved }) => reserved) &&
      !reservations.isKeptForOther([evse.evseId], idToken, groupIdToken);
    const rank = (evse: EvseModel): number =>
      isOwn(evse) ? -1 : waitingEvs.has(evse.evseId) ? 0 : evse.evConnected ? 2 : 1;
    return usable.toSorted((one, other) => rank(one) - rank(other));
  };

  /** Where nobody can be asked the connector's own status decides. */
  const isReservedForOther = async (evse: EvseModel, request: RequestStartTransactionRequest): Promise<boolean> => {
    const { idToken, groupIdToken } = request;
    const isForGroup = reservations.needsGroup(evse.evseId, idToken, groupIdToken);
    if (reservations.isKeptForOther([evse.evseId], idToken, groupIdToken) && !isForGroup) return true;
    const reserved = evse.connectors.some((connector) => connector.reserved);
    if (!hardware.reservation.available) return reserved;
    return answerOr(
      logger,
      `Reservations of EVSE ${evse.evseId} could not be looked up`,
      hardware.reservation.isReservedForOther(evse.evseId, idToken, groupIdToken),
      reserved,
    );
  };

  const firstNotReserved = async (request: RequestStartTransactionRequest): Promise<EvseModel | undefined> => {
    const usable = candidates(request);
    // Asked at once: however many EVSEs there are, the CSMS waits for one answer.
    const reserved = await Promise.all(usable.map((evse) => isReservedForOther(evse, request)));
    // Where no EVSE is named, one that was taken meanwhile leaves the next.
    return usable.find(
      (evse, index) => reserved[index] === false && (request.evseId !== undefined || evseObstacle(evse) === undefined),
    );
  };

  /** A profile is carried out or refused (F01.FR.10, FR.26, F02.FR.18, FR.27). */
  const profileObstacle = ({ chargingProfile, evseId }: RequestStartTransactionRequest): Refusal | undefined =>
    chargingProfile === undefined ? undefined : remoteStartProfiles.defect(evseId, chargingProfile);

  const obstacle = (
    request: RequestStartTransactionRequest,
    evse: EvseModel | undefined,
    isKnown: boolean,
  ): Refusal | undefined => {
    if (isMasterPass(request)) return { reasonCode: "InvalidIdToken", additionalInfo: "a master pass starts nothing" }; // C12.FR.09, C16.FR.03
    if (csms.registration !== "Accepted")
      return { reasonCode: "CSNotAccepted", additionalInfo: "the station is not accepted yet" }; // B02.FR.05
    if (!isKnown) return { reasonCode: "UnknownEvse", additionalInfo: "no such EVSE" };
    if (evse === undefined)
      return request.evseId === undefined
        ? { reasonCode: "NoEvseAvailable", additionalInfo: "no EVSE is free" } // F01.FR.07, F02.FR.15
        : { reasonCode: "Reserved", additionalInfo: "the EVSE is reserved for another token" }; // F01.FR.21, FR.22, F02.FR.23, FR.24
    return evseObstacle(evse) ?? profileObstacle(request);
  };

  /**
   * The token goes the way of one that was presented at the charger (F01.FR.03, FR.05, F02.FR.11, FR.13), so that the
   * transaction with its triggers, tokens, reservation, meter values and time-out is like any other, told by the E block
   * (F01.FR.14, FR.15, FR.17, FR.18, F02.FR.02, FR.03, FR.05–07).
   */
  const offerToken = ({ idToken, groupIdToken, remoteStartId }: RequestStartTransactionRequest, evseId: number): void =>
    hardware.authorization.provideToken({
      idToken, // F01.FR.04, F02.FR.12
      ...(groupIdToken !== undefined && { groupIdToken }),
      remoteStartId,
      evseId,
      // F01.FR.01, FR.02, F02.FR.09, FR.10; a group that nobody has named is asked for (H03.FR.08).
      prevalidated:
        deviceModel.read(AuthCtrlr.AuthorizeRemoteStart) !== true &&
        !reservations.needsGroup(evseId, idToken, groupIdToken),
    });

  csms.handle("RequestStartTransaction", async (request) => {
    const isKnown = request.evseId === undefined || model.evse(request.evseId) !== undefined;
    const evse = await firstNotReserved(request);
    const refusal = obstacle(request, evse, isKnown);
    if (refusal !== undefined || evse === undefined) {
      const response: RequestStartTransactionResponse = {
        status: "Rejected",
        ...(refusal !== undefined && { statusInfo: refusal }),
      };
      return { response };
    }
    remoteStartProfiles.keep(request.remoteStartId, request.chargingProfile);
    claims.claim(evse.evseId, request.idToken);
    const transactionId = transactions.waitingForAuthorization(evse.evseId);
    return {
      response: { status: "Accepted", ...(transactionId !== undefined && { transactionId }) }, // F01.FR.13
      afterResponse() {
        reservations.use(evse.evseId, request.idToken, request.groupIdToken); // H03.FR.09
        offerToken(request, evse.evseId);
      },
    };
  });

  return {
    hears: {
      "hardware.evse"(event: EvseEvent) {
        noteWaitingEv(event);
        claims.takeEvent(event);
      },
      "station.tokenPresented": claims.takePresented,
      "station.tokenDecided": claims.takeDecided,
    },
    stop: claims.stop,
  };
}
