import type { FC } from "hono/jsx";
import type { LogLine, Numbered } from "../source.ts";
import { Badge, Card, cellsOf, Moment, Table, type Tone } from "./parts.tsx";

const COLUMNS = ["When", "Severity", "Line"];
export const SEVERITIES = ["debug", "info", "warn", "error", "critical"] as const;
const TONES: Readonly<Record<LogLine["severity"], Tone>> = {
  debug: "idle",
  info: "good",
  warn: "warn",
  error: "bad",
  critical: "bad",
};

export interface LogFilter {
  readonly severity: string;
  readonly text: string;
}

/** -1 for what is no severity: then every line passes. */
const rankOf = (severity: string): number => (SEVERITIES as readonly string[]).indexOf(severity);

export function passes({ severity, text }: LogFilter, line: LogLine): boolean {
  return rankOf(line.severity) >= rankOf(severity) && line.text.toLowerCase().includes(text.toLowerCase());
}

export const LogRow: FC<{ readonly line: LogLine }> = ({ line }) => (
  <tr data-severity={rankOf(line.severity)}>
    {cellsOf(COLUMNS, [
      <Moment at={line.at} />,
      <Badge tone={TONES[line.severity]}>{line.severity}</Badge>,
      <span class="long">{line.text}</span>,
    ]).map(([label, value]) => (
      <td data-label={label}>{value}</td>
    ))}
  </tr>
);

export const LogPage: FC<{ readonly lines: readonly (LogLine & Numbered)[]; readonly filter: LogFilter }> = ({
  lines,
  filter,
}) => (
  <Card title="The last lines of the log, newest first" wide>
    <form method="get" class="filter" data-filter="results">
      <label>
        At least{" "}
        <select name="severity">
          {SEVERITIES.map((severity, rank) => (
            <option value={severity} data-rank={rank} selected={severity === filter.severity}>
              {severity}
            </option>
          ))}
        </select>
      </label>
      <label>
        With the text <input type="search" name="text" value={filter.text} maxlength={100} />
      </label>
      <button type="submit">Show</button>
    </form>
    <div id="results">
      <Table
        id="rows"
        label="Log"
        columns={COLUMNS}
        empty="No line that matches yet."
        rows={lines
          .filter((line) => passes(filter, line))
          .toReversed()
          .map((line) => <LogRow line={line} />)}
      />
    </div>
  </Card>
);
