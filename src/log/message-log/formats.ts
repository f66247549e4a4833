import { indentJson } from "../../lib/json-text.ts";
import { printable } from "../../lib/printable.ts";

/** One entry of the message log: a frame, or something that the station says about its connection. */
export interface LogEntry {
  readonly time: Date;
  readonly origin: "station" | "csms" | "system";
  /** `Authorize`, `AuthorizeResponse`, `CALLERROR`; of the system the whole text. */
  readonly name: string;
  readonly messageId?: string;
  /** The frame without its secrets. */
  readonly text?: string;
}

const DIRECTIONS = {
  station: "ChargePoint>CentralSystem",
  csms: "CentralSystem>ChargePoint",
  system: "SYS>",
} as const;
const CLASSES = { station: "ChargePoint", csms: "CentralSystem", system: "SYS" } as const;
const COLOURS = { station: "\u001b[36m", csms: "\u001b[33m", system: "\u001b[35m" } as const;
const COLOUR_OFF = "\u001b[0m";

/** Indentation of deep nesting makes a multiple of a message; beyond this it is shown on one line. */
const INDENTED_LIMIT_CHARACTERS = 1_000_000;

/** Several formats show the same text: it is indented once. */
const INDENTED = new WeakMap<LogEntry, string>();

/** Indented by 2; what is no JSON, or too much of it, stays as it is on one line. */
function indented(entry: LogEntry): string {
  const known = INDENTED.get(entry);
  if (known !== undefined) return known;
  const { text = "" } = entry;
  const result = indentJson(text, INDENTED_LIMIT_CHARACTERS) ?? printable(text);
  INDENTED.set(entry, result);
  return result;
}

/** What the station says stands in the first column, what the CSMS says in the second one. */
function columns({ origin, name }: LogEntry): readonly [string, string] {
  return origin === "csms" ? ["", name] : [name, ""];
}

/** Header line, JSON, blank line (BEHAVIOUR 21). */
export function asText(entry: LogEntry, raw: boolean): string {
  const { time, origin, text = "" } = entry;
  const header = `${time.toISOString()}: ${DIRECTIONS[origin]} ${columns(entry).join(" ")}`;
  return `${header}\n${raw ? text : indented(entry)}\n\n`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}

/** A request and its response carry the same `data-message`. */
export function asHtmlRow(entry: LogEntry, raw: boolean): string {
  const { time, origin, messageId, text = "" } = entry;
  const [station, csms] = columns(entry).map(escaped);
  const message = messageId === undefined ? "" : ` data-message="${escaped(messageId)}"`;
  const content = text === "" ? "" : `<pre>${escaped(raw ? text : indented(entry))}</pre>`;
  return (
    `<tr class="${CLASSES[origin]}"${message}><td>${time.toISOString()}</td><td>${escaped(DIRECTIONS[origin])}</td>` +
    `<td>${station}</td><td>${csms}</td><td>${content}</td></tr>\n`
  );
}

export const HTML_HEAD = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>OCPP messages</title>
<style>
table { border-collapse: collapse; font-family: sans-serif; font-size: 80%; }
td, th { border: 1px solid #ccc; padding: 2px 6px; text-align: left; vertical-align: top; }
pre { margin: 0; }
.ChargePoint { background: #e8f4e8; }
.CentralSystem { background: #e8eef8; }
.SYS { background: #f4f0e0; }
</style>
</head>
<body>
<table>
<tr><th>Time</th><th>Direction</th><th>Charging station</th><th>CSMS</th><th>Message</th></tr>
`;
export const HTML_FOOT = "</table>\n</body>\n</html>\n";

/** One line, or with `detailed` the indented JSON below it, coloured by direction. */
export function asConsole(entry: LogEntry, detailed: boolean): string {
  const { time, origin, text = "" } = entry;
  const header = `${time.toISOString()}: ${DIRECTIONS[origin]} ${columns(entry).join(" ")}`.trimEnd();
  const content = detailed ? `\n${indented(entry)}` : ` ${printable(text)}`;
  return `${COLOURS[origin]}${header}${text === "" ? "" : content}${COLOUR_OFF}\n`;
}
