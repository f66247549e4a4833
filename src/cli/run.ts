import { readFileSync } from "node:fs";
import { Agent } from "../agent/agent.ts";
import { optionName, PARAMETER_NAMES } from "../config/parameters.ts";
import { readModuleArguments } from "../everest/command-line.ts";
import { SystemClock } from "../lib/clock.ts";
import { SystemRandom } from "../lib/random.ts";
import { createLineLogger, type Severity } from "../log/logger.ts";
import { startWebServer } from "../web/server.ts";
import { VERSION } from "./version.ts";

const OWN_OPTIONS: ReadonlySet<string> = new Set([...PARAMETER_NAMES.map(optionName), "http"]);
/** EVerest gives a module a second or two after SIGTERM. */
const STOP_LIMIT_MILLISECONDS = 1_000;

const SEVERITY_WORDS: Readonly<Record<string, Severity>> = {
  VERB: "debug",
  DEBG: "debug",
  INFO: "info",
  WARN: "warn",
  ERRO: "error",
  CRIT: "critical",
};

/** The minimum severity of EVerest's logging configuration (PROTOCOL 15); info when it does not say. */
export function minimumSeverity(logConfigPath: string | undefined): Severity {
  if (logConfigPath === undefined) return "info";
  try {
    const word = /%Severity%\s*>=\s*([A-Z]+)/.exec(readFileSync(logConfigPath, "utf8"))?.[1];
    return SEVERITY_WORDS[word ?? ""] ?? "info";
  } catch {
    return "info";
  }
}

/** The default subcommand: the module OCPP201 as EVerest's manager starts it. Resolves to an exit code on failure. */
export async function run(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  const args = readModuleArguments(argv, environment, OWN_OPTIONS);
  const clock = new SystemClock();
  const logger = createLineLogger({
    processName: `${args.moduleId}:OCPP201`,
    minimumSeverity: minimumSeverity(args.logConfigPath),
    now: () => clock.now(),
    write: (line) => process.stdout.write(line),
  });
  for (const name of args.unknown) logger.warn(`The option --${name} is not known and is ignored`);
  process.on("uncaughtException", (error) => logger.critical(`Unexpected: ${error.stack ?? error.message}`));
  process.on("unhandledRejection", (reason) =>
    logger.critical(`Unexpected: ${(reason as Error)?.stack ?? String(reason)}`),
  );

  const agent = new Agent({
    arguments: args,
    environment,
    clock,
    random: new SystemRandom(),
    logger,
    version: VERSION,
    print: (text) => process.stdout.write(text),
  });
  const http = args.own.get("http");
  const web = http === undefined ? undefined : startWebServer(http, () => agent.status());
  const end = (signal: string): void => {
    logger.info(`${signal}: ending`);
    clock.after(STOP_LIMIT_MILLISECONDS, () => process.exit(0));
    web?.stop();
    void agent.stop().then(() => process.exit(0));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => end(signal));
  try {
    await agent.start();
    return undefined;
  } catch (error) {
    logger.critical((error as Error).message);
    return 1;
  }
}
