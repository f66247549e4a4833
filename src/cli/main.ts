import { CommandLineError } from "../everest/command-line.ts";
import { ExplainedError } from "../lib/explained-error.ts";
import { HELP } from "./help.ts";
import { complain, print } from "./output.ts";
import { run } from "./run.ts";
import { VERSION } from "./version.ts";

type Environment = Readonly<Record<string, string | undefined>>;
type Subcommand = (argv: readonly string[], environment: Environment) => Promise<number | undefined>;

/** Loaded on demand: a charger in the field needs neither the simulator nor a reader of YAML. */
const SUBCOMMANDS: Readonly<Record<string, Subcommand>> = {
  run: async (argv, environment) => (await import("./run-standalone.ts")).runStandalone(argv, environment),
  check: async (argv) => (await import("./check.ts")).check(argv),
  selftest: async (argv, environment) => (await import("./selftest/selftest.ts")).selftest(argv, environment),
  inspect: async (argv, environment) => (await import("./inspect/inspect.ts")).inspect(argv, environment),
  doctor: async (argv, environment) => (await import("./doctor/doctor.ts")).doctor(argv, environment),
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
    const text = error instanceof ExplainedError ? error.message : ((error as Error).stack ?? String(error));
    complain(`${text}\n`);
    return 1;
  }
}
