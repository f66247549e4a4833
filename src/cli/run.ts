import { readFileSync } from "node:fs";
import { Agent, type AgentStatus } from "../agent/agent.ts";
import { slotOf } from "../config/manifest.ts";
import { optionName, SETTABLE_PARAMETERS } from "../config/parameters.ts";
import { readModuleArguments } from "../everest/command-line.ts";
import { SystemClock } from "../lib/clock.ts";
import { SystemRandom } from "../lib/random.ts";
import { createLineLogger, type Severity } from "../log/logger.ts";
import type { ConfiguredModule } from "./everest-configuration.ts";
import { createServiceManager } from "./service-manager.ts";
import { RELEASED } from "./version.ts";

const OWN_OPTIONS: ReadonlySet<string> = new Set([...SETTABLE_PARAMETERS.map(optionName), "http", "http-token-file"]);
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

/** One line for `systemctl status`. */
function describeStatus({ connected, queuedMessages, runningTransactions }: AgentStatus): string {
  return `${connected ? "connected" : "not connected"}, ${runningTransactions} transactions, ${queuedMessages} messages waiting`;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The default subcommand: the module as EVerest's manager starts it, or stand-alone as `standalone` says. Resolves to
 * an exit code on failure.
 */
export async function run(
  argv: readonly string[],
  environment: Environment,
  standalone?: ConfiguredModule,
): Promise<number | undefined> {
  // Whatever this process makes is nobody else's concern: databases, logs, their side files.
  process.umask(0o077);
  const args = readModuleArguments(argv, environment, OWN_OPTIONS, standalone?.options);
  const clock = new SystemClock();
  // As the manager calls the process (PROTOCOL 3.1), or by the name of the link.
  const slot = slotOf(standalone?.configuration.moduleName ?? process.argv0.split(/[:/]/).at(-1));
  // Loaded and recording only where there is a page.
  const asksForPage = args.own.has("http") || environment.OCPP201_HTTP !== undefined;
  const face = asksForPage
    ? (await import("./web-face.ts")).createWebFace({ own: args.own, environment, clock })
    : undefined;
  const logger = createLineLogger({
    processName: `${args.moduleId}:${slot}`,
    minimumSeverity: minimumSeverity(args.logConfigPath),
    now: () => clock.now(),
    write: (line) => process.stdout.write(line),
    ...(face !== undefined && { also: face.takeLine }),
  });
  for (const name of args.unknown) logger.warn(`The option --${name} is not known and is ignored`);
  process.on("uncaughtException", (error) => logger.critical(`Unexpected: ${error.stack ?? error.message}`));
  process.on("unhandledRejection", (reason) =>
    logger.critical(`Unexpected: ${(reason as Error)?.stack ?? String(reason)}`),
  );

  const agent = new Agent({
    arguments: args,
    environment,
    ...(standalone !== undefined && { configuration: standalone.configuration }),
    clock,
    random: new SystemRandom(),
    logger,
    released: new Date(RELEASED),
    print: (text) => process.stdout.write(text),
    // Nobody gives it a signal before five seconds have passed (PROTOCOL 17.4).
    onShutdown: () => end("The manager shuts down"),
    ...(face !== undefined && { observe: face.observe }),
  });
  const web = await face?.listen(agent, logger);
  // The manager's modules have no business with the service that the manager is.
  const serviceManager = createServiceManager({
    environment: standalone === undefined ? {} : environment,
    processId: process.pid,
    clock,
    logger,
  });
  let ending = false;
  const end = (why: string): void => {
    if (ending) return;
    ending = true;
    logger.info(`${why}: ending`);
    serviceManager.stopping();
    clock.after(STOP_LIMIT_MILLISECONDS, () => process.exit(0));
    web?.stop();
    void agent.stop().then(() => process.exit(0));
  };
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.once(signal, () => end(signal));
  try {
    await agent.start();
    // From now on what runs often is worth compiling (scripts/bundle.ts).
    Bun.unsafe.setJITPolicy(1);
    serviceManager.ready(() => describeStatus(agent.status()));
    return undefined;
  } catch (error) {
    logger.critical((error as Error).message);
    return 1;
  }
}
