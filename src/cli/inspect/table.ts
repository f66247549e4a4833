import type { ViewRow } from "../../store/database-view.ts";

/** A cell never breaks the table, nor plays tricks on the terminal. */
function cell(value: ViewRow[string] | undefined): string {
  return value === null || value === undefined ? "" : String(value).replace(/\p{Cc}+/gu, " ");
}

/** Columns as wide as their widest cell, numbers to the right; the last one is not padded. */
export function toTable(rows: readonly ViewRow[]): string {
  const [first] = rows;
  if (first === undefined) return "(nothing)\n";
  const columns = Object.keys(first);
  const width = (column: string): number => Math.max(column.length, ...rows.map((row) => cell(row[column]).length));
  const widths = columns.map(width);
  const line = (cells: readonly string[], right: readonly boolean[]): string =>
    cells
      .map((text, index) => {
        const size = widths[index] ?? 0;
        return right[index] === true ? text.padStart(size) : index === cells.length - 1 ? text : text.padEnd(size);
      })
      .join("  ")
      .trimEnd();
  const numeric = columns.map((column) => rows.every((row) => row[column] === null || typeof row[column] === "number"));
  return [
    line(columns, numeric),
    ...rows.map((row) =>
      line(
        columns.map((column) => cell(row[column])),
        numeric,
      ),
    ),
  ]
    .map((text) => `${text}\n`)
    .join("");
}
