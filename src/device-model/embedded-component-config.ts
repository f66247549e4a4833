import { existsSync } from "node:fs";
import { join } from "node:path";

/** The shipped component configuration: beside the sources, or embedded beside the entry of the executable. */
export function embeddedComponentConfig(): string {
  const beside = [join(import.meta.dir, "../../component_config"), join(import.meta.dir, "component_config")];
  const found = beside.find((directory) => existsSync(join(directory, "standardized")));
  if (found === undefined)
    throw new Error(`the component configuration is neither embedded nor beside the sources (${beside.join(", ")})`);
  return found;
}
