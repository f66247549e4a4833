import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../../log/logger.ts";
import type { CoreDatabase } from "../../store/core-database.ts";
import { storedValue, type ViewRow } from "../../store/database-view.ts";

/** A reset that was promised to the CSMS. */
const ResetIntention = v.object({
  type: v.picklist(["Immediate", "OnIdle"]),
  /** Of this EVSE only. */
  evseId: v.exactOptional(v.number()),
  /** It had to wait, and the CSMS was told so. */
  scheduled: v.boolean(),
  /** It was handed to the hardware side: a restart after that was this reset. */
  carriedOut: v.boolean(),
});
export type ResetIntention = v.InferOutput<typeof ResetIntention>;

const INTENTIONS_KEY = "reset.intentions";

/** What `inspect waiting` shows of promised resets. */
export function waitingResets(database: Database): readonly ViewRow[] {
  return (storedValue(database, INTENTIONS_KEY, v.array(ResetIntention)) ?? []).map(({ type, evseId, carriedOut }) => ({
    what: `reset ${type}`,
    evse: evseId ?? null,
    state: carriedOut ? "carried out" : "waits",
  }));
}

/** The promised resets, at most one for the station and one for each EVSE; kept over restarts. */
export class ResetIntentions {
  private list: readonly ResetIntention[];

  constructor(
    private readonly core: CoreDatabase,
    private readonly logger: Logger,
  ) {
    this.list = core.keyValues.get(INTENTIONS_KEY, v.array(ResetIntention)) ?? [];
  }

  get all(): readonly ResetIntention[] {
    return this.list;
  }

  /** Does a reset of this EVSE, or of the station, wait or run? */
  concerns(evseId: number | undefined): boolean {
    return this.list.some((reset) => reset.evseId === undefined || reset.evseId === evseId);
  }

  /** Is a reset of just this scope promised that has not been carried out? */
  isDue(evseId: number | undefined): boolean {
    return this.list.some((reset) => reset.evseId === evseId && !reset.carriedOut);
  }

  /** Takes the place of an earlier one of the same scope. */
  remember(reset: ResetIntention): void {
    this.store([...this.list.filter(({ evseId }) => evseId !== reset.evseId), reset]);
  }

  forget(evseId: number | undefined): void {
    if (this.list.some((reset) => reset.evseId === evseId))
      this.store(this.list.filter((reset) => reset.evseId !== evseId));
  }

  /** A disk that is full does not keep the station from a reset, which may be what helps. */
  private store(list: readonly ResetIntention[]): void {
    this.list = list;
    try {
      this.core.unitOfWork.run(() => this.core.keyValues.set(INTENTIONS_KEY, list));
    } catch (error) {
      this.logger.error(`A reset will not be remembered over a restart: ${(error as Error).message}`);
    }
  }
}
