import * as v from "valibot";
import type { Timer } from "../../lib/clock.ts";
import type { SmartChargingParts } from "./parts.ts";
import { reportsOf } from "./report-charging-profiles.ts";

/** Profiles that were installed, and of whose answer it is not known whether it has arrived. */
const UNANSWERED_KEY = "charging-profiles-unanswered";
const Unanswered = v.array(v.number());
/** So long an answer may lie in buffers of this process, the system and the network: then it has arrived, or the connection is gone. */
const DELIVERY_MILLISECONDS = 10_000;
/** ReportChargingProfiles that nobody has asked for (SC.02). */
const NO_REQUEST_ID = 0;

/**
 * A profile is in force from its commit on, and the answer follows. Should the process or the connection end between the
 * two, the CSMS cannot know: when it can be reached again it is told what was installed. Once too often does no harm.
 */
export class UnansweredProfiles {
  /** Answers that are on their way over this connection, by profile. */
  private readonly deliveries = new Map<number, Timer>();
  private isReporting = false;

  constructor(private readonly parts: Pick<SmartChargingParts, "context" | "store">) {}

  /** In the unit of work that installs the profile. */
  note(id: number): void {
    const { keyValues } = this.parts.context.core;
    this.deliveries.get(id)?.cancel();
    this.deliveries.delete(id);
    keyValues.set(UNANSWERED_KEY, [...this.read().filter((other) => other !== id), id]);
  }

  /** The answer was handed to the connection. */
  answered(id: number): void {
    const arrive = (): void => {
      this.deliveries.delete(id);
      this.forget([id]);
    };
    this.deliveries.set(id, this.parts.context.clock.after(DELIVERY_MILLISECONDS, arrive));
  }

  /** The connection is gone, and with it perhaps the newest answers. */
  disconnected(): void {
    for (const timer of this.deliveries.values()) timer.cancel();
    this.deliveries.clear();
  }

  /** Tells the CSMS of what holds without its having been told so. */
  report(): void {
    const ids = this.read().filter((id) => !this.deliveries.has(id));
    if (ids.length === 0 || this.isReporting) return;
    this.isReporting = true;
    this.send(ids).finally(() => {
      this.isReporting = false;
    });
  }

  private async send(ids: readonly number[]): Promise<void> {
    const { context, store } = this.parts;
    const installed = ids.flatMap((id) => store.get(id) ?? []);
    for (const request of reportsOf(NO_REQUEST_ID, installed)) {
      const outcome = await context.csms.call("ReportChargingProfiles", request, { queueWhenOffline: true });
      if (outcome.kind === "timeout") return;
    }
    this.forget(ids);
  }

  private read(): readonly number[] {
    return this.parts.context.core.keyValues.get(UNANSWERED_KEY, Unanswered) ?? [];
  }

  private forget(done: readonly number[]): void {
    const { core, logger } = this.parts.context;
    try {
      const left = this.read().filter((id) => !done.includes(id));
      core.unitOfWork.runRelaxed(() =>
        left.length === 0 ? core.keyValues.remove(UNANSWERED_KEY) : core.keyValues.set(UNANSWERED_KEY, left),
      );
    } catch (error) {
      logger.warn(`Charging profiles will be reported though they are known: ${(error as Error).message}`);
    }
  }
}
