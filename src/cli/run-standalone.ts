import { readOptions } from "../everest/command-line.ts";
import { readEverestConfiguration } from "./everest-configuration.ts";
import { run } from "./run.ts";

/** `run --config <everest.yaml>`: parameters and connections from the file, no manager needed. @throws EverestYamlError */
export function runStandalone(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  const options = readOptions(argv);
  const path = options.get("config");
  if (path === undefined) return run(argv, environment);
  return run(argv, environment, readEverestConfiguration(path, options.get("module") ?? environment.EV_MODULE));
}
