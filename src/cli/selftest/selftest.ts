import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { componentConfigDirectory } from "../../agent/stores.ts";
import { ConfigurationError } from "../../config/parameters.ts";
import { CommandLineError } from "../../everest/command-line.ts";
import { type Clock, SystemClock } from "../../lib/clock.ts";
import { examineConfigurations } from "../check.ts";
import { LOCATION_OPTIONS, type Location, locateDatabases } from "../database-location.ts";
import { examineEverestConfiguration } from "../everest-configuration.ts";
import { readSubcommandLine } from "../options.ts";
import { complain, print } from "../output.ts";
import { RELEASED, VERSION } from "../version.ts";
import { type Trial, tryDatabases } from "./database-trial.ts";
import { inWorkDirectory } from "./work-directory.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CommandLineError: a directory that is mistyped must not pass for a station without databases. */
function demandDirectory(path: string, option: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new CommandLineError(`${option}: ${path} is not a directory`);
}

interface Findings extends Trial {
  /** What was found in order. */
  readonly remarks: readonly string[];
}

function examine(
  values: Readonly<Record<string, string | undefined>>,
  environment: Environment,
  work: string,
  clock: Clock,
): Findings {
  const { config, module, prefix } = values;
  const question = { config, module, prefix, componentConfig: undefined };
  let location: Location;
  try {
    location = locateDatabases(values, environment, (...wanted) => examineEverestConfiguration(...wanted).module);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    // Without parameters nobody knows where the databases are.
    const { defects, ...others } = examineConfigurations(question);
    return { ...others, databases: [], defects: defects.length > 0 ? defects : [error.message] };
  }
  const { parameters, share } = location;
  const componentConfig = componentConfigDirectory(parameters.DeviceModelConfigPath, share);
  const configuration = examineConfigurations({ ...question, componentConfig });
  const trial = inWorkDirectory(work, (directory) => tryDatabases({ parameters, share, directory, clock }));
  const isFirstStart = trial.databases.every(({ found }) => found === undefined);
  return {
    databases: trial.databases,
    remarks: configuration.remarks,
    defects: [...configuration.defects, ...trial.defects],
    warnings: [
      ...configuration.warnings,
      ...trial.warnings,
      ...(isFirstStart ? ["there are no databases: this would be a first start"] : []),
    ],
  };
}

/**
 * `selftest --data <directory> [--config <everest.yaml>]`: would this program go on with what a station has, losing nothing?
 * For an updater, before it puts this program in the place of another one. Prints a report as JSON, defects on standard error
 * too; exit code 1 if there is one. Changes nothing and may be called while the station runs.
 */
export function selftest(argv: readonly string[], environment: Environment): number {
  process.umask(0o077);
  const { values } = readSubcommandLine(argv, { ...LOCATION_OPTIONS, work: { type: "string", default: tmpdir() } });
  const { data, work } = values;
  if (data !== undefined) demandDirectory(data, "--data");
  demandDirectory(work, "--work");
  const clock = new SystemClock();
  const begun = clock.monotonicMilliseconds();
  const findings = examine(values, environment, work, clock);
  const defects = [...new Set(findings.defects)];
  const report = {
    version: VERSION,
    released: RELEASED,
    passed: defects.length === 0,
    ...findings,
    defects,
    durationMilliseconds: Math.round(clock.monotonicMilliseconds() - begun),
  };
  print(`${JSON.stringify(report, null, 2)}\n`);
  for (const defect of defects) complain(`${defect}\n`);
  return report.passed ? 0 : 1;
}
