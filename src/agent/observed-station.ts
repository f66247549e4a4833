import type { ModuleParameters } from "../config/parameters.ts";
import type { ModuleArguments, Origin } from "../everest/command-line.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { Emitter } from "../lib/events.ts";
import type { AssembledStation } from "../station/assembly.ts";
import type { StationContext } from "../station/context.ts";
import type { StationEvents } from "../station/events.ts";
import type { HardwareEvents } from "../station/ports.ts";
import type { CsmsSwitch } from "./csms-switch.ts";

/**
 * The parts of a station that has been put together and is about to start, for those who show it: the web page, metrics.
 * They listen and read; without them nothing is subscribed.
 */
export interface ObservedStation {
  readonly context: StationContext;
  readonly station: AssembledStation;
  readonly stationEvents: Emitter<StationEvents>;
  readonly hardwareEvents: Emitter<HardwareEvents>;
  readonly csmsSwitch: CsmsSwitch;
  readonly module: EverestModule;
  readonly arguments: ModuleArguments;
  readonly parameters: ModuleParameters;
  /** Where the parameters come from, by name. */
  readonly origins: ReadonlyMap<string, Origin>;
}
