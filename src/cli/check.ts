import { parseArgs } from "node:util";
import { ComponentConfigError, readComponentConfig } from "../device-model/component-config.ts";
import { embeddedComponentConfig } from "../device-model/embedded-component-config.ts";

/** `check [--component-config <directory>]`: every defect of a component configuration, and exit code 1 if there is one. */
export function check(argv: readonly string[]): number {
  const { values } = parseArgs({ args: [...argv], options: { "component-config": { type: "string" } } });
  const directory = values["component-config"] ?? embeddedComponentConfig();
  try {
    const components = readComponentConfig(directory);
    const variables = components.reduce((sum, component) => sum + component.variables.length, 0);
    process.stdout.write(`${directory}: ${components.length} components with ${variables} variables, no defects\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ComponentConfigError)) throw error;
    for (const defect of error.defects) process.stderr.write(`${defect}\n`);
    return 1;
  }
}
