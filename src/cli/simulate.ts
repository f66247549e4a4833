import { embeddedComponentConfig } from "../device-model/embedded-component-config.ts";
import { simulateSession } from "../sim/simulate.ts";

export function simulate(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  return simulateSession(argv, environment, embeddedComponentConfig());
}
