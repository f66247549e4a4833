import { Database } from "bun:sqlite";
import * as v from "valibot";
import { ownSchemaVersion, userVersion } from "../../store/schema.ts";
import { ROW_SCHEMAS } from "./row-schemas.ts";

/** Of a table full of rows that cannot be read the first few tell enough. */
const NAMED_ROWS = 5;

/** libocpp's version of the schema, and that of the tables which only this program has. */
export interface SchemaVersions {
  readonly schema: number;
  readonly station: number;
}

export interface ExaminedDatabase {
  readonly versions: SchemaVersions;
  /** Number of rows by table. */
  readonly tables: Readonly<Record<string, number>>;
  readonly defects: readonly string[];
}

/** What does not fit, without what is there: it may be a secret. */
function misfit(schema: v.GenericSchema, row: unknown): string | undefined {
  const [issue] = v.safeParse(schema, row).issues ?? [];
  if (issue === undefined) return undefined;
  const message = issue.message.replace(/:? (?:but )?received .*$/is, "");
  return `${v.getDotPath(issue) ?? ""}: ${message}`;
}

/** Reads every row of a table; one that the station could not load is a defect. */
function readTable(database: Database, table: string, defects: string[]): number {
  const schema = ROW_SCHEMAS[table];
  let rows = 0;
  let unreadable = 0;
  for (const row of database.query(`SELECT * FROM "${table}"`).iterate()) {
    rows++;
    const message = schema === undefined ? undefined : misfit(schema, row);
    if (message !== undefined && ++unreadable <= NAMED_ROWS) defects.push(`${table}, row ${rows}: ${message}`);
  }
  if (unreadable > NAMED_ROWS) defects.push(`${table}: ${unreadable} of ${rows} rows cannot be read`);
  return rows;
}

/** Versions and tables of a file that nobody else has open. @throws when it is no database */
export function examineDatabase(path: string): ExaminedDatabase {
  const database = new Database(path, { readonly: true });
  try {
    const names = database
      .query(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
      )
      .values()
      .map(([name]) => String(name));
    const defects: string[] = [];
    const tables = Object.fromEntries(names.map((name) => [name, readTable(database, name, defects)]));
    return {
      versions: { schema: userVersion(database), station: ownSchemaVersion(database) },
      tables,
      defects,
    };
  } finally {
    database.close();
  }
}
