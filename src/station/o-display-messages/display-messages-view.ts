import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, OptionalText, rowsOf, UNREADABLE, type ViewRow } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";

const Message = v.object({
  priority: OptionalText,
  state: OptionalText,
  startDateTime: OptionalText,
  endDateTime: OptionalText,
  transactionId: OptionalText,
  message: v.object({ language: OptionalText, content: OptionalText }),
});

const Row = v.object({
  MESSAGE_ID: v.number(),
  REMOVED: v.number(),
  MESSAGE: v.fallback(jsonColumn(Message), { priority: UNREADABLE, message: {} }),
});

/** Messages for the display, and those that the display has still to remove. */
export function displayMessagesView(database: Database): readonly ViewRow[] {
  return mapRows(rowsOf(database, "STATION_DISPLAY_MESSAGE", "ID"), Row, ({ MESSAGE_ID, REMOVED, MESSAGE }) => ({
    id: MESSAGE_ID,
    priority: MESSAGE.priority ?? null,
    state: MESSAGE.state ?? null,
    from: MESSAGE.startDateTime ?? null,
    until: MESSAGE.endDateTime ?? null,
    transaction: MESSAGE.transactionId ?? null,
    language: MESSAGE.message.language ?? null,
    text: MESSAGE.message.content ?? null,
    removed: REMOVED !== 0,
  }));
}
