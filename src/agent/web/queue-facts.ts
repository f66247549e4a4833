import { InternalCtrlr } from "../../device-model/variables.ts";
import type { StationContext } from "../../station/context.ts";
import type { ViewRow } from "../../store/database-view.ts";
import { queueView } from "../../store/queue-view.ts";
import type { QueuedFacts, QueueFacts } from "../../web/source.ts";

/** Of each kind so many are shown. */
const SHOWN_LIMIT = 200;
const DEFAULT_LIMIT = 2_000;

function queuedFacts(row: ViewRow): QueuedFacts {
  const text = (name: string): string => String(row[name] ?? "");
  return {
    queue: text("queue"),
    created: text("created"),
    action: text("action"),
    event: text("event"),
    attempts: Number(row.attempts ?? 0),
    transactionId: text("transactionId"),
  };
}

/** What waits for the CSMS, and what it will never get. */
export function queueFacts({ core, deviceModel }: StationContext, dropped: ReadonlyMap<string, number>): QueueFacts {
  const rows = queueView(core.database, SHOWN_LIMIT).map(queuedFacts);
  return {
    durable: core.durableQueue.length,
    normal: core.normalQueue.length,
    limit: deviceModel.read(InternalCtrlr.MessageQueueSizeThreshold) ?? DEFAULT_LIMIT,
    dropped,
    waiting: rows.filter(({ queue }) => queue !== "put aside"),
    putAside: rows.filter(({ queue }) => queue === "put aside"),
  };
}
