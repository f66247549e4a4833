import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";

/** Small durable facts of the station by name, e.g. a reset that was promised. */
export class KeyValueRepository {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Undefined when absent, or when what is there does not fit `schema` (it is logged). */
  get<Schema extends v.GenericSchema>(key: string, schema: Schema): v.InferOutput<Schema> | undefined {
    const row = this.database.query("SELECT VALUE FROM STATION_STATE WHERE KEY = ?").values(key)[0];
    if (row === undefined) return undefined;
    const parsed = v.safeParse(jsonColumn(schema), row[0]);
    if (parsed.success) return parsed.output as v.InferOutput<Schema>;
    this.logger.error(`The stored state "${key}" cannot be read and is ignored: ${parsed.issues[0].message}`);
    return undefined;
  }

  set(key: string, value: unknown): void {
    this.database
      .query(
        "INSERT INTO STATION_STATE (KEY, VALUE) VALUES (?, ?) ON CONFLICT (KEY) DO UPDATE SET VALUE = excluded.VALUE",
      )
      .run(key, JSON.stringify(value));
  }

  remove(key: string): void {
    this.database.query("DELETE FROM STATION_STATE WHERE KEY = ?").run(key);
  }
}
