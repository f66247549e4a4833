import { ReservationCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { CancelReservationResponse, IdTokenType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import type { EvseEvent, ReservationUpdate } from "../ports.ts";
import type { ReservationService } from "../services.ts";
import { HardwareFlags } from "./hardware-flags.ts";
import { Placement } from "./placement.ts";
import { isFor } from "./reservation.ts";
import { ReservationBook } from "./reservation-book.ts";
import { createReservationEnd } from "./reservation-end.ts";
import { ReservationUse } from "./reservation-use.ts";
import { reservationsView } from "./reservations-view.ts";
import { ReserveNow } from "./reserve-now.ts";
import { ReservedStatus } from "./reserved-status.ts";

/** The CSMS names the time: looked at again at least so often, since the clock may be set. */
const CHECK_MILLISECONDS = 60_000;

type Needed = "connectors" | "customerData" | "evseHolds" | "idleness" | "statusViews";

/**
 * H01–H04. EVerest's Auth keeps the EVSEs and turns away other cards; here it is decided what may be promised, what the
 * CSMS is told, and what holds when EVerest has forgotten.
 */
export const reservations = declareBlock({
  name: "reservations",
  letter: "H",
  needs: ["connectors", "customerData", "evseHolds", "idleness", "statusViews"],
  provides: ["reservations"],
  hears: {
    "hardware.evse": "status",
    "hardware.reservation": "status",
    "station.evseChanged": "reading",
    "station.tokenPresented": "status",
    "station.tokenDecided": "status",
  },
  views: { reservations: reservationsView },
  create,
});

function create(context: Given<Needed>) {
  const { clock, core, csms, deviceModel, hardware, logger, model } = context;
  const book = new ReservationBook(core);
  const flags = new HardwareFlags(context, () => status.apply());
  const status = new ReservedStatus(context, book, flags);
  const end = createReservationEnd(context, book, flags, status, () => placement);
  const placement = new Placement(context, book, (reservation) => tell(reservation.reservationId, "Removed"));
  const use = new ReservationUse(context, book, status, end);
  const reserveNow = new ReserveNow(context, { book, status, end, placement });
  /** Being cancelled now. */
  const cancelling = new Set<number>();
  /** What the hardware side calls reserved while a CALL is being answered: the answer goes first. */
  const afterAnswer = new Map<number, boolean>();
  /** By EVSE how many connectors can be used: with each that cannot a reservation may be lost. */
  const usable = new Map<number, number>();
  let timer: Timer | undefined;

  /** Tried again with the next look when it cannot be stored. */
  const tell = (reservationId: number, word: "Expired" | "Removed"): boolean => {
    const reservation = book.get(reservationId);
    if (reservation === undefined) return false;
    try {
      end.tell(reservation, word);
      return true;
    } catch (error) {
      logger.error(`The end of reservation ${reservationId} could not be stored: ${(error as Error).message}`);
      return false;
    }
  };

  /** H04.FR.01, also offline and over a restart: the message waits for the CSMS. */
  const expire = (): void => {
    const now = clock.now().getTime();
    for (const { reservationId, expiryDateTime } of book.all)
      if (Date.parse(expiryDateTime) <= now && tell(reservationId, "Expired")) void end.release(reservationId);
    timer?.cancel();
    const next = Math.min(...book.all.map(({ expiryDateTime }) => Date.parse(expiryDateTime) - now));
    if (book.all.length > 0)
      timer = clock.after(next > 0 ? Math.min(next, CHECK_MILLISECONDS) : CHECK_MILLISECONDS / 6, expire);
  };

  /** H01.FR.16, FR.17: what means only what is out of order, and the newest of those for which no EVSE is left. */
  const removeLost = (): void => {
    const isLost = (reservationId: number): boolean => {
      const reservation = book.get(reservationId);
      const seen =
        reservation === undefined ? [] : status.meant(reservation).map((evse) => status.statusFor(reservation, evse));
      return seen.every((one) => one === "Faulted" || one === "Unavailable");
    };
    const certain = book.all.filter(({ reservationId }) => isLost(reservationId));
    const left = book.all.filter((one) => !certain.includes(one));
    const crowded = status.unplaceable(left).flatMap((index) => left[index] ?? []);
    for (const { reservationId } of [...certain, ...crowded])
      if (tell(reservationId, "Removed")) void end.release(reservationId);
  };

  const noteUsable = (): void => {
    const fewer = model.evses.filter((evse) => {
      const before = usable.get(evse.evseId) ?? evse.connectors.length;
      const now = status.usableConnectors(evse).length;
      usable.set(evse.evseId, now);
      return now < before;
    });
    if (fewer.length > 0) removeLost();
  };

  const followEvse = (event: EvseEvent): void => {
    const { kind, evseId } = event;
    if (kind === "ReservationStarted" || kind === "ReservationEnded") {
      const isAnswering = reserveNow.isMaking() || cancelling.size > 0;
      if (isAnswering) afterAnswer.set(evseId, kind === "ReservationStarted");
      else flags.set(evseId, kind === "ReservationStarted");
      status.apply();
    }
    if (kind === "TransactionStarted" || (kind === "SessionStarted" && event.reason === "Authorized")) begin(event);
    use.follow(event);
  };

  /** Somebody charges here: the reserver, or somebody for whom the hardware side has given the reservation away. */
  const begin = (event: EvseEvent & { kind: "SessionStarted" | "TransactionStarted" }): void => {
    const { evseId, token, reservationId, kind } = event;
    if (kind === "TransactionStarted") {
      afterAnswer.delete(evseId);
      flags.set(evseId, false); // G01.FR.06
    }
    use.begin(evseId, reservationId, token?.idToken, token?.groupIdToken);
    for (const reservation of book.all)
      if (reservation.evseId === evseId && tell(reservation.reservationId, "Removed"))
        void end.release(reservation.reservationId);
  };

  const followUpdate = ({ reservationId, status: word }: ReservationUpdate): void => {
    // What is being made or cancelled says of itself what became of it.
    if (reserveNow.isMaking(reservationId) || cancelling.has(reservationId)) return;
    if (word === "Placed") return;
    flags.doubtAfterEnd();
    if (book.get(reservationId) === undefined) return tellUnknown(reservationId, word);
    if (word === "Used") use.useById(reservationId);
    else tell(reservationId, word === "Expired" ? "Expired" : "Removed");
  };

  /** Made through an earlier program: the CSMS knows it all the same. */
  const tellUnknown = (reservationId: number, word: ReservationUpdate["status"]): void => {
    if (end.wasKnown(reservationId) || (word !== "Expired" && word !== "Removed")) return;
    core.unitOfWork.run(() =>
      csms.enqueue("ReservationStatusUpdate", { reservationId, reservationUpdateStatus: word }),
    );
  };

  const cancel = async (reservationId: number): Promise<CancelReservationResponse> => {
    const notFound = { reasonCode: "NotFound", additionalInfo: "no such reservation" };
    if (!hardware.reservation.available) return { status: "Rejected", statusInfo: notFound };
    cancelling.add(reservationId);
    try {
      const wasThere = await hardware.reservation.cancelReservation(reservationId);
      const reservation = book.get(reservationId);
      if (reservation === undefined)
        return wasThere ? { status: "Accepted" } : { status: "Rejected", statusInfo: notFound }; // H02.FR.01
      core.unitOfWork.run(() => book.remove(reservationId)); // H02.FR.02
      return { status: "Accepted" };
    } catch (error) {
      logger.error(`Reservation ${reservationId} could not be cancelled: ${(error as Error).message}`);
      const statusInfo = { reasonCode: "InternalError", additionalInfo: "the charger did not answer" };
      return { status: "Rejected", statusInfo };
    } finally {
      cancelling.delete(reservationId);
    }
  };

  /** The answer is out. */
  const settle = (): void => {
    if (!reserveNow.isMaking() && cancelling.size === 0) {
      for (const [evseId, isReserved] of afterAnswer) flags.set(evseId, isReserved);
      afterAnswer.clear();
    }
    status.apply(); // H01.FR.20, FR.23, FR.24
    expire();
  };

  csms.handle(
    "ReserveNow",
    async (request) => {
      try {
        return { response: await reserveNow.make(request), afterResponse: settle };
      } catch (error) {
        settle();
        throw error;
      }
    },
    { lane: () => "reservations" },
  );
  csms.handle(
    "CancelReservation",
    async ({ reservationId }) => {
      const reservation = book.get(reservationId);
      const response = await cancel(reservationId);
      return {
        response,
        afterResponse() {
          if (response.status === "Accepted" && reservation !== undefined) end.quietly(reservation);
          settle();
        },
      };
    },
    { lane: () => "reservations" },
  );

  const evsesOf = (evseIds: readonly number[] | undefined) =>
    model.evses.filter(({ evseId }) => evseIds === undefined || evseIds.length === 0 || evseIds.includes(evseId));
  const mayCharge = (evseId: number, idToken: IdTokenType, groupIdToken: IdTokenType | undefined): boolean =>
    !status.isKept(evseId) ||
    book.all.some(
      (one) => isFor(one, idToken, groupIdToken) && status.meant(one).some((evse) => evse.evseId === evseId),
    );
  const service: ReservationService = {
    isKeptForOther: (evseIds, idToken, groupIdToken) =>
      evsesOf(evseIds).every(({ evseId }) => !mayCharge(evseId, idToken, groupIdToken)),
    needsGroup: (evseId, idToken, groupIdToken) =>
      status.isKept(evseId) &&
      groupIdToken === undefined &&
      !mayCharge(evseId, idToken, undefined) &&
      book.all.some(
        (one) => one.groupIdToken !== undefined && status.meant(one).some((evse) => evse.evseId === evseId),
      ),
    use: (evseId, idToken, groupIdToken) => use.present(idToken, groupIdToken, [evseId]),
    usedBy: (idToken, evseId) => use.usedBy(idToken, evseId),
  };

  // Errata 2.14: a reset waits for the driver who has reserved, wherever that may be.
  context.idleness.register("reservation", (evseId) => {
    const waiting = model.evses.filter(
      (evse) =>
        (evseId === undefined || evse.evseId === evseId) &&
        (evse.connectors.some(({ reserved }) => reserved) || book.all.some((one) => status.meant(one).includes(evse))),
    );
    return waiting.length === 0 ? undefined : `EVSE ${waiting.map((evse) => evse.evseId).join(", ")}`;
  });
  // Whom an EVSE is kept for must be known until the reservation is over (N10.FR.03, FR.06).
  context.customerData.register({
    name: "reservations",
    find: ({ isToken }) => {
      const own = book.all.filter(({ idToken }) => isToken(idToken));
      return own.length === 0
        ? undefined
        : own.map(({ reservationId, evseId, expiryDateTime }) => ({ reservationId, evseId, expiryDateTime }));
    },
  });
  context.statusViews.register("reservations", () =>
    book.all.map(({ reservationId, evseId, connectorType, expiryDateTime }) => ({
      reservationId,
      ...(evseId !== undefined && { evseId }),
      ...(connectorType !== undefined && { connectorType }),
      expiryDateTime,
    })),
  );

  return {
    provides: { reservations: service },
    hears: {
      "hardware.evse": followEvse,
      "hardware.reservation": followUpdate,
      "station.evseChanged": ({ evseId }: { readonly evseId: number }) => {
        use.settle(evseId);
        noteUsable();
        status.apply();
      },
      "station.tokenPresented": ({ idToken, evseIds }: { idToken: IdTokenType; evseIds?: readonly number[] }) =>
        use.present(idToken, undefined, evseIds),
      "station.tokenDecided": (token: Parameters<ReservationUse["decided"]>[0]) => use.decided(token),
    },
    start() {
      expire();
      status.apply();
      flags.start();
      if (hardware.reservation.available) placement.ensure(book.all);
      else {
        // For this run only: with a module the component file says whether.
        deviceModel.write(ReservationCtrlr.Available, false, "internal", true);
        for (const { reservationId } of book.all) tell(reservationId, "Removed");
      }
    },
    stop() {
      timer?.cancel();
      flags.stop();
      placement.stop();
      use.stop();
    },
  };
}
