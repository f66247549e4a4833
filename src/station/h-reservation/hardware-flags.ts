import * as v from "valibot";
import { every, type Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";

const RESERVED_KEY = "evses.reserved";
/** After a start the hardware side gets so long to bring its reservations back by itself; then it is asked. */
const CONFIRMATION_MILLISECONDS = 20_000;
/** So often it is asked whether an EVSE is still reserved, lest one stays so for ever. */
const REVIEW_MILLISECONDS = 300_000;
/** When a reservation is over it says so at once, or is asked. */
const CONFIRMATION_OF_END_MILLISECONDS = 1_000;

/**
 * EVSEs that the hardware side calls reserved, for whatever reservation: also one that another program has made. They
 * outlast a restart (B01.FR.13, B11.FR.05) until the hardware side says that there is none.
 */
export class HardwareFlags {
  private readonly reserved: Set<number>;
  /** Reserved before the restart, or for a reservation that is over, and not confirmed since. */
  private readonly doubted = new Set<number>();
  private timer: Timer | undefined;
  private review: Timer | undefined;

  constructor(
    private readonly context: StationContext,
    /** Called when an EVSE turns out to be reserved no longer. */
    private readonly onCleared: () => void,
  ) {
    const { core, hardware } = context;
    const stored = core.keyValues.get(RESERVED_KEY, v.array(v.number())) ?? [];
    this.reserved = new Set(hardware.reservation.available ? stored : []);
  }

  has(evseId: number): boolean {
    return this.reserved.has(evseId);
  }

  set(evseId: number, isReserved: boolean): void {
    this.doubted.delete(evseId);
    if (this.reserved.has(evseId) === isReserved) return;
    if (isReserved) this.reserved.add(evseId);
    else this.reserved.delete(evseId);
    this.store();
  }

  /** What an earlier run left is asked about, unless the hardware side speaks first. */
  start(): void {
    this.doubt(CONFIRMATION_MILLISECONDS);
    this.review = every(this.context.clock, REVIEW_MILLISECONDS, () => this.doubtAfterEnd());
  }

  /** A reservation is over; for whatever else the hardware side keeps these EVSEs, it may be for nothing. */
  doubtAfterEnd(): void {
    this.doubt(CONFIRMATION_OF_END_MILLISECONDS);
  }

  private doubt(milliseconds: number): void {
    for (const evseId of this.reserved) this.doubted.add(evseId);
    this.askAfter(milliseconds);
  }

  private askAfter(milliseconds: number): void {
    this.timer?.cancel();
    if (this.doubted.size > 0) this.timer = this.context.clock.after(milliseconds, () => void this.confirm());
  }

  stop(): void {
    this.timer?.cancel();
    this.review?.cancel();
  }

  private store(): void {
    const { core, logger } = this.context;
    try {
      core.unitOfWork.run(() => core.keyValues.set(RESERVED_KEY, [...this.reserved]));
    } catch (error) {
      logger.error(`The reserved EVSEs could not be stored: ${(error as Error).message}`);
    }
  }

  private async confirm(): Promise<void> {
    const { hardware, logger } = this.context;
    for (const evseId of [...this.doubted]) {
      try {
        const isReserved = await hardware.reservation.isReserved(evseId);
        if (!this.doubted.has(evseId)) continue;
        this.set(evseId, isReserved);
        if (!isReserved) this.onCleared();
      } catch (error) {
        logger.warn(`Whether EVSE ${evseId} is still reserved is asked again: ${(error as Error).message}`);
      }
    }
    this.askAfter(CONFIRMATION_MILLISECONDS);
  }
}
