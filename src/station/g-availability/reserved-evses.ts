import * as v from "valibot";
import type { Timer } from "../../lib/clock.ts";
import { declareBlock, type Given } from "../block.ts";
import type { EvseEvent } from "../ports.ts";

const RESERVED_KEY = "evses.reserved";
/** After a start the hardware side gets this long to bring its reservations back by itself; then it is asked. */
const CONFIRMATION_MILLISECONDS = 20_000;

/**
 * B01.FR.13, B11.FR.05: Reserved outlasts a restart. The hardware side keeps the reservations; here is remembered which
 * EVSEs had one, so that the first status after the boot is right, until the hardware side says that there is none.
 */
export const reservedEvses = declareBlock({
  name: "reserved-evses",
  letter: "G",
  needs: ["connectors", "idleness"],
  hears: { "hardware.evse": "status", "station.evseChanged": "reading" },
  create,
});

function create({ clock, core, hardware, logger, model, connectors, idleness }: Given<"connectors" | "idleness">) {
  let stored: readonly number[] = [];
  /** Reserved before the restart and not yet confirmed. */
  const unconfirmed = new Set<number>();
  let timer: Timer | undefined;

  const setReserved = (evseId: number, reserved: boolean): void => {
    for (const { connectorId } of model.evse(evseId)?.connectors ?? [])
      connectors.update(evseId, connectorId, (connector) => {
        connector.reserved = reserved;
      });
  };

  const remember = (): void => {
    const reserved = model.evses
      .filter((evse) => evse.connectors.some(({ reserved }) => reserved))
      .map(({ evseId }) => evseId);
    if (reserved.join() === stored.join()) return;
    try {
      core.unitOfWork.run(() => core.keyValues.set(RESERVED_KEY, reserved));
      stored = reserved;
    } catch (error) {
      logger.error(`The reserved EVSEs could not be stored: ${(error as Error).message}`);
    }
  };

  const confirm = async (): Promise<void> => {
    for (const evseId of [...unconfirmed]) {
      try {
        if (!(await hardware.reservation.isReserved(evseId)) && unconfirmed.has(evseId)) setReserved(evseId, false);
        unconfirmed.delete(evseId);
      } catch (error) {
        logger.warn(`Whether EVSE ${evseId} is still reserved is asked again: ${(error as Error).message}`);
      }
    }
    if (unconfirmed.size > 0) timer = clock.after(CONFIRMATION_MILLISECONDS, () => void confirm());
  };

  const restore = (): void => {
    stored = core.keyValues.get(RESERVED_KEY, v.array(v.number())) ?? [];
    if (!hardware.reservation.available) return;
    for (const evseId of stored) {
      unconfirmed.add(evseId);
      setReserved(evseId, true);
    }
    if (unconfirmed.size > 0) timer = clock.after(CONFIRMATION_MILLISECONDS, () => void confirm());
  };

  // Errata 2.14: a reset waits for the driver who has reserved.
  idleness.register("reservation", (evseId) => {
    const reserved = model.evses.filter(
      (evse) =>
        (evseId === undefined || evse.evseId === evseId) && evse.connectors.some((connector) => connector.reserved),
    );
    return reserved.length === 0 ? undefined : `EVSE ${reserved.map((evse) => evse.evseId).join(", ")}`;
  });

  return {
    hears: {
      "hardware.evse": ({ kind, evseId }: EvseEvent) => {
        if (kind === "ReservationStarted" || kind === "ReservationEnded") unconfirmed.delete(evseId);
      },
      "station.evseChanged": remember,
    },
    start: restore,
    stop: () => timer?.cancel(),
  };
}
