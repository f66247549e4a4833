import * as v from "valibot";
import type { StationContext } from "../context.ts";

/** NotifyCustomerInformation.data holds so much. */
const PART_CHARACTERS = 512;
const REPORTS_KEY = "customerInformation.reports";
const PROGRESS_KEY = "customerInformation.progress";

const Report = v.object({ id: v.number(), requestId: v.number(), generatedAt: v.string(), text: v.string() });
const Reports = v.fallback(v.array(Report), []);
/** How many parts of each report the CSMS has, by its id. */
const Progress = v.fallback(v.record(v.string(), v.number()), {});

type StoredReport = v.InferOutput<typeof Report>;

function toParts(text: string): readonly string[] {
  const characters = [...text];
  const count = Math.max(1, Math.ceil(characters.length / PART_CHARACTERS));
  return Array.from({ length: count }, (_, index) =>
    characters.slice(index * PART_CHARACTERS, (index + 1) * PART_CHARACTERS).join(""),
  );
}

/** What was promised to be told of customers: stored with what was forgotten of them, until the CSMS has it. */
export class CustomerReports {
  private nextId: number;
  private isStopped = false;

  constructor(private readonly context: Pick<StationContext, "clock" | "core" | "csms" | "logger">) {
    this.nextId = Math.max(0, ...this.reports.map(({ id }) => id)) + 1;
  }

  get underWay(): number {
    return this.reports.length;
  }

  /** Joins the unit of work that it is called in; the report leaves when it is delivered. @throws when it cannot be stored. */
  promise(requestId: number, text: string): () => void {
    const report = { id: this.nextId++, requestId, generatedAt: this.context.clock.now().toISOString(), text };
    this.keep([...this.reports, report]);
    return () => void this.deliver(report);
  }

  /** Goes on where an earlier run was cut off. */
  resume(): void {
    for (const report of this.reports) void this.deliver(report);
  }

  stop(): void {
    this.isStopped = true;
  }

  private async deliver(report: StoredReport): Promise<void> {
    const { core, csms, logger } = this.context;
    const { id, requestId, generatedAt, text } = report;
    const parts = toParts(text);
    for (let seqNo = this.progress[id] ?? 0; seqNo < parts.length; seqNo++) {
      const data = parts[seqNo] ?? "";
      const part = { requestId, generatedAt, seqNo, tbc: seqNo < parts.length - 1, data };
      const outcome = await csms.call("NotifyCustomerInformation", part, { queueWhenOffline: true }); // N09.FR.05, FR.06, N10.FR.03, FR.04, FR.06
      if (outcome.kind === "error" || outcome.kind === "timeout") {
        logger.warn(`Customer information of request ${requestId} ends at part ${seqNo}: ${outcome.kind}`);
        break;
      }
      this.note(() => core.keyValues.set(PROGRESS_KEY, { ...this.progress, [id]: seqNo + 1 }));
      if (this.isStopped) return;
    }
    this.note(() => {
      this.keep(this.reports.filter((other) => other.id !== id));
      const { [id]: _, ...others } = this.progress;
      core.keyValues.set(PROGRESS_KEY, others);
    });
  }

  /** What cannot be noted is told once more after a restart. */
  private note(write: () => void): void {
    const { core, logger } = this.context;
    try {
      core.unitOfWork.runRelaxed(write);
    } catch (error) {
      logger.error(`How far customer information has come is not stored: ${(error as Error).message}`);
    }
  }

  private keep(reports: readonly StoredReport[]): void {
    this.context.core.keyValues.set(REPORTS_KEY, reports);
  }

  private get reports(): readonly StoredReport[] {
    return this.context.core.keyValues.get(REPORTS_KEY, Reports) ?? [];
  }

  private get progress(): Readonly<Record<string, number>> {
    return this.context.core.keyValues.get(PROGRESS_KEY, Progress) ?? {};
  }
}
