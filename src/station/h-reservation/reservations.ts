import { ReservationCtrlr } from "../../device-model/variables.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { UntilStored } from "../model/until-stored.ts";
import type { EvseEvent, ReservationUpdate } from "../ports.ts";
import { CancelReservation } from "./cancel-reservation.ts";
import { HardwareFlags } from "./hardware-flags.ts";
import { Placement } from "./placement.ts";
import type { Reservation } from "./reservation.ts";
import { ReservationBook } from "./reservation-book.ts";
import { createReservationEnd } from "./reservation-end.ts";
import { createReservationService } from "./reservation-service.ts";
import { ReservationUse } from "./reservation-use.ts";
import { ReservationWatch } from "./reservation-watch.ts";
import { reservationsView } from "./reservations-view.ts";
import { ReserveNow } from "./reserve-now.ts";
import { ReservedStatus } from "./reserved-status.ts";
import { ToldReservations } from "./told-reservations.ts";

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
  const { clock, core, csms, deviceModel, hardware, logger } = context;
  const book = new ReservationBook(core);
  const flags = new HardwareFlags(context, () => status.apply());
  const status = new ReservedStatus(context, book, flags);
  const end = createReservationEnd(context, book, flags, status, () => placement);
  const watch = new ReservationWatch(context, book, status, end);
  const placement = new Placement(context, book, (reservation) => watch.remove(reservation));
  const use = new ReservationUse(context, book, status, end);
  const told = new ToldReservations(core);
  const reserveNow = new ReserveNow(context, { book, status, end, placement, told });
  const cancelling = new CancelReservation(context, book, placement);
  const untilStored = new UntilStored(clock, logger);
  /** What the hardware side calls reserved while a CALL is being answered: the answer goes first. */
  const afterAnswer = new Map<number, boolean>();

  const isAnswering = (reservationId?: number): boolean =>
    reserveNow.isMaking(reservationId) || cancelling.isCancelling(reservationId);

  const followFlag = (evseId: number, isReserved: boolean): void => {
    if (isAnswering()) return void afterAnswer.set(evseId, isReserved);
    flags.set(evseId, isReserved);
    status.apply();
    // Not used, not expired, and still promised: the hardware side must not forget it.
    if (!isReserved) placement.ensure(book.all.filter((reservation) => reservation.evseId === evseId));
  };

  const followEvse = (event: EvseEvent): void => {
    const { kind, evseId } = event;
    if (kind === "ReservationStarted" || kind === "ReservationEnded") followFlag(evseId, kind === "ReservationStarted");
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
    for (const reservation of book.all) if (reservation.evseId === evseId) watch.remove(reservation);
  };

  const followUpdate = ({ reservationId, status: word }: ReservationUpdate): void => {
    // What is being made or cancelled says of itself what became of it.
    if (isAnswering(reservationId)) return;
    if (word === "Placed") {
      const isOurs = book.get(reservationId) !== undefined || end.wasKnown(reservationId);
      return isOurs ? undefined : core.unitOfWork.run(() => told.forget(reservationId));
    }
    flags.doubtAfterEnd();
    if (word === "Used") return use.useById(reservationId);
    const reservation = book.get(reservationId);
    if (reservation !== undefined) end.tell(reservation, word === "Expired" ? "Expired" : "Removed");
    else if (word !== "Cancelled" && !end.wasKnown(reservationId)) end.tellUnknown(reservationId, word);
  };

  /** The answer is out. */
  const settle = (): void => {
    if (!isAnswering()) {
      for (const [evseId, isReserved] of afterAnswer) flags.set(evseId, isReserved);
      afterAnswer.clear();
    }
    status.apply(); // H01.FR.20, FR.23, FR.24
    watch.look();
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
      const response = await cancelling.cancel(reservationId);
      const afterResponse = (): void => {
        if (response.status === "Accepted" && reservation !== undefined) end.quietly(reservation);
        settle();
      };
      return { response, afterResponse };
    },
    { lane: () => "reservations" },
  );
  registerReservations(context, book, status);

  return {
    provides: { reservations: createReservationService(context, book, status, use, told) },
    hears: {
      "hardware.evse": followEvse,
      "hardware.reservation": (update: ReservationUpdate) =>
        untilStored.take(`what became of reservation ${update.reservationId}`, () => followUpdate(update)),
      "station.evseChanged": ({ evseId }: HeardEvents["station.evseChanged"]) => {
        use.settle(evseId);
        watch.followEvses();
        status.apply();
      },
      "station.tokenPresented": (token: HeardEvents["station.tokenPresented"]) => use.presented(token),
      "station.tokenDecided": (token: HeardEvents["station.tokenDecided"]) => use.decided(token),
    },
    start() {
      watch.look();
      status.apply();
      flags.start();
      if (hardware.reservation.available) return placement.ensure(book.all);
      // For this run only: with a module the component file says whether.
      deviceModel.write(ReservationCtrlr.Available, false, "internal", true);
      for (const reservation of book.all) watch.remove(reservation);
    },
    stop() {
      untilStored.stop();
      watch.stop();
      flags.stop();
      placement.stop();
      use.stop();
    },
  };
}

function registerReservations(
  { customerData, idleness, model, statusViews }: Given<Needed>,
  book: ReservationBook,
  status: ReservedStatus,
): void {
  // Errata 2.14: a reset waits for the driver who has reserved, wherever that may be.
  idleness.register("reservation", (evseId) => {
    const waiting = model.evses.filter(
      (evse) =>
        (evseId === undefined || evse.evseId === evseId) &&
        (evse.connectors.some(({ reserved }) => reserved) || book.all.some((one) => status.meant(one).includes(evse))),
    );
    return waiting.length === 0 ? undefined : `EVSE ${waiting.map((evse) => evse.evseId).join(", ")}`;
  });
  const shown = ({ reservationId, evseId, connectorType, expiryDateTime }: Reservation) => ({
    reservationId,
    ...(evseId !== undefined && { evseId }),
    ...(connectorType !== undefined && { connectorType }),
    expiryDateTime,
  });
  // Whom an EVSE is kept for must be known until the reservation is over (N10.FR.03, FR.06).
  customerData.register({
    name: "reservations",
    find: ({ isToken }) => {
      const own = book.all.filter(({ idToken }) => isToken(idToken));
      return own.length === 0 ? undefined : own.map(shown);
    },
  });
  statusViews.register("reservations", () => book.all.map(shown));
}
