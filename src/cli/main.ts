import { ConfigurationError } from "../config/parameters.ts";
import { CommandLineError } from "../everest/command-line.ts";
import { EverestYamlError } from "../everest/everest-yaml.ts";
import { DatabaseError } from "../store/database-error.ts";
import { check } from "./check.ts";
import { HELP } from "./help.ts";
import { complain, print } from "./output.ts";
import { run, runStandalone } from "./run.ts";
import { VERSION } from "./version.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Subcommand = (argv: readonly string[], environment: Environment) => Promise<number | undefined>;

const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  run: async (argv, environment) => runStandalone(argv, environment),
  check: async (argv) => check(argv),
  inspect: async (argv, environment) => (await import("./inspect/inspect.ts")).inspect(argv, environment),
  // Loaded on demand: a charger in the field never needs the simulator.
  simulate: async (argv, environment) => (await import("./simulate.ts")).simulate(argv, environment),
};

/** Resolves to an exit code, or to undefined while the process goes on running. */
export async function main(argv: readonly string[], environment: Environment): Promise<number | undefined> {
  const [first = ""] = argv;
  if (argv.includes("--help") || argv.includes("-h") || first === "help") {
    print(HELP);
    return 0;
  }
  if (argv.includes("--version")) {
    print(`everest-ocpp201 ${VERSION}\n`);
    return 0;
  }
  try {
    const subcommand = SUBCOMMANDS[first];
    if (subcommand !== undefined) return await subcommand(argv.slice(1), environment);
    if (first !== "" && !first.startsWith("-"))
      throw new CommandLineError(`"${first}" is not a subcommand; --help lists them`);
    return await run(argv, environment);
  } catch (error) {
    const isExplained =
      error instanceof CommandLineError ||
      error instanceof EverestYamlError ||
      error instanceof DatabaseError ||
      error instanceof ConfigurationError;
    complain(`${isExplained ? error.message : ((error as Error).stack ?? String(error))}\n`);
    return 1;
  }
}
