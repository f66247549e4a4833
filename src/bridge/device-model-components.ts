import type {
  AttributeDefinition,
  ComponentDefinition,
  DataType,
  Mutability,
  VariableDefinition,
} from "../device-model/definitions.ts";
import type { ExternalWriter } from "../device-model/device-model.ts";
import type { ConfigService } from "../everest/config-service.ts";
import {
  type AllMappings,
  type AllParameters,
  type EverestParameter,
  effectiveMapping,
} from "../everest/configuration.ts";
import type { EvseDescription } from "../station/ports.ts";

const AVAILABILITY_STATES = "Available,Occupied,Reserved,Unavailable,Faulted";
/** Power of a supply whose hardware has not told its limits yet, per phase. */
const NOMINAL_VOLTAGE = 230;
/** Module parameters with these words in their names are secrets: written, never read. */
const SECRET = /password|passphrase|secret|private_key|token/i;

export interface HardwareCapabilities {
  readonly maxPhaseCount?: number;
  readonly maxCurrentAmperes?: number;
}

function variable(
  name: string,
  dataType: DataType,
  value: string | undefined,
  characteristics: Partial<VariableDefinition["characteristics"]> = {},
  instance?: string,
): VariableDefinition {
  const attribute: AttributeDefinition = {
    type: "Actual",
    mutability: "ReadOnly",
    ...(value !== undefined && { value }),
  };
  return {
    name,
    ...(instance !== undefined && { instance }),
    characteristics: { dataType, supportsMonitoring: false, ...characteristics },
    attributes: [attribute],
  };
}

function evseComponents(
  { evseId, connectors }: EvseDescription,
  capabilities: HardwareCapabilities,
): ComponentDefinition[] {
  const phases = capabilities.maxPhaseCount ?? 3;
  const maximumWatts = (capabilities.maxCurrentAmperes ?? 0) * NOMINAL_VOLTAGE * phases;
  return [
    {
      name: "EVSE",
      evseId,
      variables: [
        variable("Available", "boolean", "true"),
        variable("AvailabilityState", "OptionList", "Available", { valuesList: AVAILABILITY_STATES }),
        variable("Power", "decimal", "0", { unit: "W", maxLimit: maximumWatts }),
        variable("SupplyPhases", "integer", String(phases)),
        variable("AllowReset", "boolean", "false"),
        variable("Problem", "boolean", "false"),
        variable("ISO15118EvseId", "string", "DEFAULT_EVSE_ID", { minLimit: 7, maxLimit: 37 }),
      ],
    },
    ...connectors.map(({ connectorId, connectorType }) => ({
      name: "Connector",
      evseId,
      connectorId,
      variables: [
        variable("Available", "boolean", "true"),
        variable("AvailabilityState", "OptionList", "Available", { valuesList: AVAILABILITY_STATES }),
        variable("ConnectorType", "string", connectorType ?? "Unknown"),
        variable("SupplyPhases", "integer", String(phases)),
        variable("Problem", "boolean", "false"),
      ],
    })),
    ...connectors.map(({ connectorId }) => ({
      name: "ConnectorPlugRetentionLock",
      evseId,
      connectorId,
      variables: [variable("Problem", "boolean", "false")], // G05.FR.02
    })),
    {
      name: "ConnectedEV",
      evseId,
      variables: [
        variable("Available", "boolean", "false"),
        variable("VehicleId", "string", ""),
        variable("ProtocolAgreed", "string", ""),
        ...["Leaf", "SubCA1", "SubCA2", "Root"].map((instance) =>
          variable("VehicleCertificate", "string", "", {}, instance),
        ),
      ],
    },
  ];
}

const DATA_TYPE: Readonly<Record<string, DataType>> = {
  bool: "boolean",
  integer: "integer",
  number: "decimal",
  string: "string",
};

function parameterVariable(prefix: string, parameter: EverestParameter): VariableDefinition {
  const mutability: Mutability = SECRET.test(parameter.name)
    ? "WriteOnly"
    : parameter.characteristics.mutability === "ReadWrite" || parameter.characteristics.mutability === "WriteOnly"
      ? parameter.characteristics.mutability
      : "ReadOnly";
  return {
    name: prefix === "!module" ? parameter.name : `${prefix}.${parameter.name}`,
    characteristics: {
      dataType: DATA_TYPE[parameter.characteristics.datatype] ?? "string",
      supportsMonitoring: false,
    },
    attributes: [{ type: "Actual", mutability, value: String(parameter.value ?? "") }],
  };
}

/** One component for each EVerest module whose configuration we may read (BEHAVIOUR 16.4). */
function moduleComponents(
  parameters: AllParameters,
  mappings: AllMappings,
  moduleTypes: ReadonlyMap<string, string>,
): ComponentDefinition[] {
  return Object.entries(parameters).map(([moduleId, implementations]) => {
    const mapping = effectiveMapping(mappings[moduleId] ?? undefined, "");
    return {
      name: moduleTypes.get(moduleId) ?? moduleId,
      instance: moduleId,
      ...(mapping !== undefined && mapping.evse > 0 && { evseId: mapping.evse }),
      ...(mapping?.connector !== undefined && mapping.evse > 0 && { connectorId: mapping.connector }),
      variables: Object.entries(implementations).flatMap(([implementation, list]) =>
        list.map((parameter) => parameterVariable(implementation, parameter)),
      ),
    };
  });
}

/** What the hardware side brings into the device model besides the component configuration. */
export function hardwareComponents(
  evses: readonly EvseDescription[],
  capabilitiesOf: (evseId: number) => HardwareCapabilities,
): ComponentDefinition[] {
  return evses.flatMap((evse) => evseComponents(evse, capabilitiesOf(evse.evseId)));
}

export function everestModuleComponents(
  parameters: AllParameters,
  mappings: AllMappings,
  moduleTypes: ReadonlyMap<string, string>,
): ComponentDefinition[] {
  return moduleComponents(parameters, mappings, moduleTypes).filter(({ variables }) => variables.length > 0);
}

/** Parameters of EVerest's modules are written where they live; its answer is the CSMS's answer. */
export function createParameterWriter(configService: ConfigService): ExternalWriter {
  return async (variableState, value) => {
    const [implementation, parameter] = variableState.name.includes(".")
      ? variableState.name.split(".", 2)
      : ["!module", variableState.name];
    const status = await configService.set(
      {
        module_id: variableState.component.definition.instance ?? "",
        module_implementation_id: implementation ?? "!module",
        configuration_parameter_name: parameter ?? variableState.name,
      },
      value,
    );
    return status === "Rejected" ? { status, reasonCode: "InvalidValue" } : { status };
  };
}
