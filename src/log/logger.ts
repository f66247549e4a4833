import { printable, shortened } from "../lib/printable.ts";
import { maskUrlPasswords } from "./mask-secrets.ts";

/** The application log. Never give it a secret: passwords, keys and tokens of authorization are named, not shown. */
export type Severity = "debug" | "info" | "warn" | "error" | "critical";

export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  critical(message: string): void;
}

/** Whoever is quoted in a message does not decide how long the line is. */
const LINE_LIMIT_CHARACTERS = 16_384;

const SEVERITY_RANK: Record<Severity, number> = { debug: 0, info: 1, warn: 2, error: 3, critical: 4 };
const SEVERITY_LABEL: Record<Severity, string> = {
  debug: "DEBG",
  info: "INFO",
  warn: "WARN",
  error: "ERRO",
  critical: "CRIT",
};

export interface LineLoggerOptions {
  /** Shown in each line, e.g. `ocpp:OCPP201`. */
  readonly processName: string;
  readonly minimumSeverity: Severity;
  readonly now: () => Date;
  readonly write: (line: string) => void;
  /** Gets what is written as well, in its parts. */
  readonly also?: (line: { readonly at: Date; readonly severity: Severity; readonly text: string }) => void;
}

/** Lines as EVerest modules print them: `2026-03-01 12:00:00.123 [INFO] ocpp:OCPP201    :: message`. */
export function createLineLogger(options: LineLoggerOptions): Logger {
  const log = (severity: Severity, message: string): void => {
    if (SEVERITY_RANK[severity] < SEVERITY_RANK[options.minimumSeverity]) return;
    const at = options.now();
    const time = at.toISOString().replace("T", " ").replace("Z", "");
    const singleLine = printable(shortened(maskUrlPasswords(message), LINE_LIMIT_CHARACTERS));
    options.write(`${time} [${SEVERITY_LABEL[severity]}] ${options.processName.padEnd(15)} :: ${singleLine}\n`);
    options.also?.({ at, severity, text: singleLine });
  };
  return {
    debug: (message) => log("debug", message),
    info: (message) => log("info", message),
    warn: (message) => log("warn", message),
    error: (message) => log("error", message),
    critical: (message) => log("critical", message),
  };
}

/** Drops everything; for tests that do not look at the log. */
export const silentLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  critical: () => {},
};
