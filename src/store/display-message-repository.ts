import type { Database } from "bun:sqlite";

export interface StoredDisplayMessage {
  readonly messageId: number;
  /** JSON; its owner knows the schema. */
  readonly message: string;
  /** Only the display has still to be told that it is gone. */
  readonly removed: boolean;
}

/** Messages for the display, in the order in which they were set. */
export class DisplayMessageRepository {
  constructor(private readonly database: Database) {}

  all(): readonly StoredDisplayMessage[] {
    return this.database
      .query("SELECT MESSAGE_ID, MESSAGE, REMOVED FROM STATION_DISPLAY_MESSAGE ORDER BY ID")
      .values()
      .map(([messageId, message, removed]) => ({
        messageId: Number(messageId),
        message: String(message),
        removed: removed !== 0,
      }));
  }

  /** How many there are, removed ones aside. */
  count(): number {
    const row = this.database.query("SELECT count(*) FROM STATION_DISPLAY_MESSAGE WHERE REMOVED = 0").values()[0];
    return Number(row?.[0] ?? 0);
  }

  /** The newest from now on, in the place of one with the same id. */
  put(messageId: number, message: string): void {
    this.delete(messageId);
    this.database
      .query("INSERT INTO STATION_DISPLAY_MESSAGE (MESSAGE_ID, MESSAGE) VALUES (?, ?)")
      .run(messageId, message);
  }

  markRemoved(messageId: number): void {
    this.database.query("UPDATE STATION_DISPLAY_MESSAGE SET REMOVED = 1 WHERE MESSAGE_ID = ?").run(messageId);
  }

  delete(messageId: number): void {
    this.database.query("DELETE FROM STATION_DISPLAY_MESSAGE WHERE MESSAGE_ID = ?").run(messageId);
  }
}
