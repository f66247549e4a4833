import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { ComponentFile } from "./component-file.ts";
import { type ComponentDefinition, componentKey } from "./definitions.ts";
import { requirementDefects } from "./required-variables.ts";
import { withStandardCharacteristics } from "./standard-characteristics.ts";

/** Everything that is wrong with the component configuration, one line each: `file:line:column: key: message`. */
export class ComponentConfigError extends Error {
  constructor(readonly defects: readonly string[]) {
    super(`the component configuration is not usable:\n  ${defects.join("\n  ")}`);
  }
}

interface Described {
  readonly component: ComponentDefinition;
  readonly file: ComponentFile;
}

/** The components of one directory by their key, and whether a file of it could not be read. */
function readDirectory(
  directory: string,
  defects: string[],
): { readonly components: ReadonlyMap<string, Described>; readonly complete: boolean } {
  const components = new Map<string, Described>();
  let complete = true;
  for (const name of readdirSync(directory)
    .filter((entry) => entry.endsWith(".json"))
    .sort()) {
    const file = new ComponentFile(join(directory, name), defects);
    const component = file.read();
    complete &&= component !== undefined;
    if (component === undefined) continue;
    const key = componentKey(component);
    const first = components.get(key);
    if (first === undefined) components.set(key, { component, file });
    else file.defectOf(undefined, `component ${component.name} is described twice, first in ${first.file.path}`);
  }
  return { components, complete };
}

/**
 * Reads `<directory>/standardized/*.json` and `<directory>/custom/*.json`; a component in `custom` replaces the whole
 * component in `standardized`. What the files leave out of the standardized characteristics is added. @throws ComponentConfigError with every defect found.
 */
export function readComponentConfig(directory: string): readonly ComponentDefinition[] {
  const defects: string[] = [];
  const [standardized, custom] = [join(directory, "standardized"), join(directory, "custom")];
  if (!existsSync(standardized)) throw new ComponentConfigError([`${standardized}: the directory does not exist`]);
  const base = readDirectory(standardized, defects);
  const replacing = existsSync(custom) ? readDirectory(custom, defects) : { components: new Map(), complete: true };
  const described = new Map<string, Described>([...base.components, ...replacing.components]);
  const components = [...described.values()].map(({ component }) => component);
  for (const { component, variable, message } of requirementDefects(components)) {
    const file = component === undefined ? undefined : described.get(componentKey(component))?.file;
    if (file !== undefined) file.defectOf(variable, message);
    // What an unreadable file describes is not missing.
    else if (base.complete && replacing.complete) defects.push(`${standardized}: ${message}`);
  }
  if (defects.length > 0) throw new ComponentConfigError(defects);
  return components.map(withStandardCharacteristics);
}
