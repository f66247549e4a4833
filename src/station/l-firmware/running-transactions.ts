import type { StationContext } from "../context.ts";

/** A stored transaction that nobody has claimed by then is ended, or cannot be read. */
const RESUMING_LIMIT_MILLISECONDS = 120_000;

export interface RunningTransactions {
  idleEvses(): readonly number[];
  /** Unknown: the hardware side has not spoken of all transactions of an earlier run yet. */
  look(): "none" | "some" | "unknown";
}

/** Whether anybody charges, also soon after a restart. */
export function watchTransactions({
  clock,
  core,
  model,
}: Pick<StationContext, "clock" | "core" | "model">): RunningTransactions {
  const resumingUntil = clock.monotonicMilliseconds() + RESUMING_LIMIT_MILLISECONDS;
  const idleEvses = (): readonly number[] =>
    model.evses.filter((evse) => evse.transaction === undefined).map(({ evseId }) => evseId);
  return {
    idleEvses,
    look() {
      const busyCount = model.evses.length - idleEvses().length;
      if (clock.monotonicMilliseconds() < resumingUntil && core.transactions.states().length > busyCount)
        return "unknown";
      return busyCount > 0 ? "some" : "none";
    },
  };
}
