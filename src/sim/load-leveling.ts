import type { Clock } from "../lib/clock.ts";
import type { ChargingScheduleType } from "../ocpp/v201/index.ts";
import type { SimulatedCsms } from "./csms.ts";

const LEVELLED_AMPERES = 10;

/** For the whole transaction. */
function schedule(id: number, limit: number, now: Date): ChargingScheduleType {
  return {
    id,
    startSchedule: now.toISOString(),
    chargingRateUnit: "A",
    chargingSchedulePeriod: [{ startPeriod: 0, limit }],
  };
}

/**
 * The CSMS's side of K15: it accepts the needs of each EV and sends a TxProfile for the transaction of the EVSE, with as many
 * schedules as there are `limits`, in A.
 */
export function levelLoad(
  csms: SimulatedCsms,
  clock: Clock,
  limits: readonly [number, ...number[]] = [LEVELLED_AMPERES],
): void {
  const transactionOf = (evseId: number): string | undefined => {
    const events = csms.calls.filter(({ action }) => action === "TransactionEvent").map(({ request }) => request);
    const last = events.findLast(({ evse }) => (evse as { id?: number } | undefined)?.id === evseId);
    return (last?.transactionInfo as { transactionId: string } | undefined)?.transactionId;
  };
  csms.on("NotifyEVChargingNeeds", ({ evseId }) => {
    const transactionId = transactionOf(evseId);
    if (transactionId === undefined) return { status: "Rejected" };
    const [first, ...others] = limits;
    clock.after(0, () => {
      const profile = {
        id: 1_500 + evseId,
        stackLevel: 0,
        chargingProfilePurpose: "TxProfile",
        chargingProfileKind: "Absolute",
        transactionId,
        chargingSchedule: [
          schedule(1, first, clock.now()),
          ...others.map((limit, index) => schedule(index + 2, limit, clock.now())),
        ],
      } as const;
      csms.send("SetChargingProfile", { evseId, chargingProfile: profile }).catch(() => {});
    });
    return { status: "Accepted" };
  });
}
