import * as v from "valibot";
import type { StationContext } from "../context.ts";

const KEY = "reservations.told";
/** Should an older one be named once more, it is told once more. */
const REMEMBERED = 100;

const Told = v.array(v.object({ reservationId: v.number(), transactionId: v.string() }));

/**
 * With which transaction each reservation was told, the oldest first: with one for each time that it was placed (H01.FR.15,
 * E03.FR.03), although EVerest's Auth may name one again that it still keeps. Read anew each time: what is told and what is
 * noted here are one unit of work.
 */
export class ToldReservations {
  constructor(private readonly core: Pick<StationContext["core"], "keyValues">) {}

  /** Was it told with a transaction other than this one? */
  withOther(reservationId: number, transactionId: string | undefined): boolean {
    return this.read().some((told) => told.reservationId === reservationId && told.transactionId !== transactionId);
  }

  /** To be called inside a unit of work, with the event that tells it. */
  note(reservationId: number, transactionId: string): void {
    const others = this.read().filter((told) => told.reservationId !== reservationId);
    this.core.keyValues.set(KEY, [...others.slice(1 - REMEMBERED), { reservationId, transactionId }]);
  }

  /** It is placed anew: to be called inside a unit of work. */
  forget(reservationId: number): void {
    const told = this.read();
    const others = told.filter((one) => one.reservationId !== reservationId);
    if (others.length < told.length) this.core.keyValues.set(KEY, others);
  }

  private read(): v.InferOutput<typeof Told> {
    return this.core.keyValues.get(KEY, Told) ?? [];
  }
}
