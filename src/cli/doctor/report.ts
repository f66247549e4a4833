/** What was found at one step of the way; `text` for people, `code` and `advice` where something is amiss. */
export interface Step {
  readonly name: "settings" | "name" | "tcp" | "tls" | "websocket" | "subprotocol";
  readonly status: "ok" | "warning" | "failed" | "skipped";
  readonly text: string;
  /** For programs, e.g. `certificateExpired`; docs/DIAGNOSIS.md has the list. */
  readonly code?: string;
  readonly advice?: string;
  readonly certificates?: readonly ShownCertificate[];
}

/** A certificate of the CSMS's chain, its own first. */
export interface ShownCertificate {
  readonly subject: string;
  readonly issuer: string;
  readonly validFrom: string;
  readonly validUntil: string;
  /** Until it expires; negative when it has. */
  readonly daysLeft: number;
}

/** The way to the CSMS of one network profile. */
export interface Way {
  readonly slot: number;
  readonly url: string;
  readonly securityProfile: number;
  readonly identity?: string;
  readonly steps: readonly Step[];
  /** Nothing on it failed. */
  readonly passed: boolean;
}

/** A station that runs on the same databases. */
export interface RunningProcess {
  readonly processId: number;
  /** It has a connection to one of the CSMSs of the profiles. */
  readonly isConnected: boolean;
}

export interface Report {
  readonly version: string;
  readonly time: string;
  readonly passed: boolean;
  readonly running?: RunningProcess;
  /** What keeps the station from having a way at all. */
  readonly defects: readonly string[];
  readonly ways: readonly Way[];
}

const MARKS: Readonly<Record<Step["status"], string>> = {
  ok: "ok",
  warning: "WARNING",
  failed: "FAILED",
  skipped: "-",
};
const INDENT = " ".repeat(25);
const LINE_CHARACTERS = 110;

/** Broken at blanks. */
function wrap(text: string): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + word.length >= LINE_CHARACTERS - INDENT.length) {
      lines.push(line);
      line = "";
    }
    line += line === "" ? word : ` ${word}`;
  }
  return [...lines, line];
}

function stepLines({ name, status, text, advice, certificates = [] }: Step): readonly string[] {
  const [first = "", ...others] = wrap(text);
  return [
    `  ${MARKS[status].padEnd(8)} ${name.padEnd(13)} ${first}`,
    ...others.map((line) => `${INDENT}${line}`),
    ...certificates.map(
      ({ subject, issuer, validFrom, validUntil, daysLeft }) =>
        `${INDENT}${subject}: ${validFrom.slice(0, 10)} to ${validUntil.slice(0, 10)}, ${
          daysLeft < 0 ? `expired ${-daysLeft} days ago` : `${daysLeft} days left`
        }; issued by ${issuer}`,
    ),
    ...(advice === undefined ? [] : wrap(`What to do: ${advice}`).map((line) => `${INDENT}${line}`)),
  ];
}

function wayLines({ slot, url, securityProfile, identity, steps }: Way): readonly string[] {
  const who = identity === undefined ? "" : `, as ${identity}`;
  return [`Network profile ${slot}: ${url} (security profile ${securityProfile})${who}`, ...steps.flatMap(stepLines)];
}

function runningLine({ processId, isConnected }: RunningProcess): string {
  return `The station runs (process ${processId}) and is ${isConnected ? "" : "not "}connected to a CSMS.`;
}

/** For people, without control characters of whoever is at the other end. */
export function toText({ running, defects, ways, passed }: Report): string {
  const lines = [
    ...(running === undefined ? [] : [runningLine(running)]),
    ...defects.map((defect) => `FAILED   ${defect}`),
    ...ways.flatMap(wayLines),
    passed ? "Nothing stands between the station and its CSMS." : "There are failures: see what to do above.",
  ];
  return lines.map((line) => `${line.replace(/\p{Cc}+/gu, " ")}\n`).join("");
}
