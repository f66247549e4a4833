import {
  createParameterWriter,
  everestModuleComponents,
  hardwareComponents,
  iso15118EvseIds,
} from "../bridge/device-model-components.ts";
import type { ComponentDefinition } from "../device-model/definitions.ts";
import type { DeviceModel } from "../device-model/device-model.ts";
import { AllMappingsSchema, AllParametersSchema } from "../everest/configuration.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { EvseDescription } from "../station/ports.ts";
import type { HardwareInput } from "./hardware-input.ts";
import type { Stores } from "./stores.ts";

/** How long the start waits for the configuration of the other modules, which is only reported. */
const MODULE_CONFIGURATION_LIMIT_MILLISECONDS = 1_000;

/** What the manager tells about the configuration of EVerest's modules. */
export interface ModuleConfigurations {
  /** One component for each module whose configuration may be read. */
  readonly components: readonly ComponentDefinition[];
  readonly iso15118EvseIds: ReadonlyMap<number, string>;
}

/** Empty when the manager does not tell, not in time, or there is none. */
export async function fetchModuleConfigurations(
  module: EverestModule,
  ownModuleId: string,
  clock: Clock,
  logger: Logger,
): Promise<ModuleConfigurations> {
  const nothing: ModuleConfigurations = { components: [], iso15118EvseIds: new Map() };
  if (module.isStandalone || !module.features.configurationService) return nothing;
  const fetched = async (): Promise<ModuleConfigurations> => {
    const parameters = await module.configService.get({ type: "All" }, AllParametersSchema);
    const mappings = await module.configService.get({ type: "AllMappings" }, AllMappingsSchema);
    const moduleTypes = new Map([...module.moduleNames, [ownModuleId, module.configuration.moduleName]]);
    const evseManagers = module.peers("evse_manager", "evse_manager").map(({ connected }) => connected);
    return {
      components: everestModuleComponents(parameters, mappings, moduleTypes),
      iso15118EvseIds: iso15118EvseIds(parameters, evseManagers),
    };
  };
  return Promise.race([
    sleep(clock, MODULE_CONFIGURATION_LIMIT_MILLISECONDS).then(() => nothing),
    fetched().catch((error: Error) => {
      logger.warn(`The configuration of EVerest's modules is not in the device model: ${error.message}`);
      return nothing;
    }),
  ]);
}

function describesDisplay(deviceModel: DeviceModel): boolean {
  return [...deviceModel.allComponents()].some(({ definition }) => definition.name.toLowerCase() === "display");
}

/** The second store of the device model: what EVerest owns (BEHAVIOUR 16.1, 16.4). */
export function addEverestComponents(
  { deviceModel, everestStorage, resettableEvseIds }: Stores,
  module: EverestModule,
  evses: readonly EvseDescription[],
  input: HardwareInput,
  configurations: ModuleConfigurations,
): void {
  const ofModules = new Set(configurations.components);
  const ofHardware = hardwareComponents(evses, {
    capabilitiesOf: (evseId) => input.capabilitiesOf(evseId),
    iso15118EvseIds: configurations.iso15118EvseIds,
    resettableEvseIds,
    // Displays that the component configuration describes stay as they are described.
    hasDisplay: module.peers("display_message", "display_message").length > 0 && !describesDisplay(deviceModel),
    extensionEvseIds: input.extensions.map(({ evseId }) => evseId),
  });
  deviceModel.addComponents([...ofModules, ...ofHardware], everestStorage, {
    source: "EVEREST",
    writerFor: (component) => (ofModules.has(component) ? createParameterWriter(module.configService) : undefined),
  });
}
