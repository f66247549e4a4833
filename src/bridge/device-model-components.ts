import type {
  AttributeDefinition,
  AttributeType,
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
import { withoutFloatNoise } from "../lib/float-noise.ts";
import { isSecretName } from "../log/mask-secrets.ts";
import { type EvseDescription, VEHICLE_CERTIFICATES, VEHICLE_READINGS } from "../station/ports.ts";

const AVAILABILITY_STATES = "Available,Occupied,Reserved,Unavailable,Faulted";
/** Modes of part 2 with those of its successor that EVerest knows. */
const ENERGY_TRANSFER_MODES =
  "AC_single_phase,AC_two_phase,AC_three_phase,DC,AC_BPT,AC_BPT_DER,AC_DER,DC_BPT,DC_ACDP,DC_ACDP_BPT,WPT,MCS,MCS_BPT";
/** What no vehicle has asked for; a list has a member as its value (errata 6.2.19, TC_B_53). */
export const UNDETERMINED = "Undetermined";
/** The modes of NotifyEVChargingNeeds. */
export const REQUESTED_TRANSFER_MODES = `DC,AC_single_phase,AC_two_phase,AC_three_phase,${UNDETERMINED}`;
/** Protocols that a vehicle can offer in one request (ISO 15118). */
export const PROTOCOL_PRIORITIES = 20;
const DEFAULT_PHASES = 3;
/** Power of a supply whose hardware has not told its limits yet, per phase. */
const NOMINAL_VOLTAGE = 230;
/** Tokens are not masked in logs of messages, where they are drivers' cards; as a parameter they open something. */
const TOKEN = /token/i;

export interface HardwareCapabilities {
  readonly maxPhaseCount?: number;
  readonly maxCurrentAmperes?: number;
}

/** What is found out anew after each start. */
function reading(
  ...[name, dataType, value, characteristics, instance]: Parameters<typeof variable>
): VariableDefinition {
  const { attributes, ...rest } = variable(name, dataType, value, characteristics, instance);
  return { ...rest, attributes: attributes.map((attribute) => ({ ...attribute, persistent: false })) };
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
    characteristics: { dataType, supportsMonitoring: true, ...characteristics },
    attributes: [attribute],
  };
}

/** The most power that an EVSE can give; undefined while its hardware has not told. */
export function maximumPowerWatts({ maxPhaseCount, maxCurrentAmperes }: HardwareCapabilities): number | undefined {
  if (maxPhaseCount === undefined || maxCurrentAmperes === undefined) return undefined;
  return withoutFloatNoise(maxCurrentAmperes * NOMINAL_VOLTAGE * maxPhaseCount);
}

function evseComponent(
  evseId: number,
  capabilities: HardwareCapabilities,
  iso15118EvseId: string | undefined,
  allowsReset: boolean,
): ComponentDefinition {
  // The variable is required for its limit (part 2, 2.13.7): 0 until the hardware has told.
  const maxLimit = maximumPowerWatts(capabilities) ?? 0;
  return {
    name: "EVSE",
    evseId,
    variables: [
      variable("Available", "boolean", "true"),
      reading("AvailabilityState", "OptionList", "Available", { valuesList: AVAILABILITY_STATES }),
      reading("Power", "decimal", "0", { unit: "W", maxLimit }),
      reading("SupplyPhases", "integer", String(capabilities.maxPhaseCount ?? DEFAULT_PHASES)),
      variable("AllowReset", "boolean", String(allowsReset)),
      reading("Problem", "boolean", "false"),
      variable("ISO15118EvseId", "string", iso15118EvseId ?? "DEFAULT_EVSE_ID", { minLimit: 7, maxLimit: 37 }),
    ],
  };
}

function connectorComponent(
  evseId: number,
  { connectorId, connectorType }: EvseDescription["connectors"][number],
  { maxPhaseCount }: HardwareCapabilities,
): ComponentDefinition {
  return {
    name: "Connector",
    evseId,
    connectorId,
    variables: [
      variable("Available", "boolean", "true"),
      reading("AvailabilityState", "OptionList", "Available", { valuesList: AVAILABILITY_STATES }),
      variable("ConnectorType", "string", connectorType ?? "Unknown"),
      reading("SupplyPhases", "integer", String(maxPhaseCount ?? DEFAULT_PHASES)),
      reading("Problem", "boolean", "false"),
    ],
  };
}

/** The variables of VEHICLE_READINGS with all their attributes; without a value while nobody has told any. */
function vehicleReadings(): readonly VariableDefinition[] {
  const variables = new Map<string, VariableDefinition>();
  for (const [key, unit] of Object.entries(VEHICLE_READINGS)) {
    const [name = "", type = "Actual"] = key.split(".") as [string?, AttributeType?];
    const attribute = { type, mutability: "ReadOnly", persistent: false } as const;
    variables.set(name, {
      name,
      characteristics: { dataType: "decimal", supportsMonitoring: true, unit },
      attributes: [...(variables.get(name)?.attributes ?? []), attribute],
    });
  }
  return [...variables.values()];
}

function connectedEvComponent(evseId: number): ComponentDefinition {
  const instances = (name: string, names: readonly string[]): VariableDefinition[] =>
    names.map((instance) => reading(name, "string", "", {}, instance));
  return {
    name: "ConnectedEV",
    evseId,
    variables: [
      reading("Available", "boolean", "false"),
      reading("VehicleId", "string", ""),
      reading("ProtocolAgreed", "string", ""),
      ...instances("VehicleCertificate", VEHICLE_CERTIFICATES),
      ...instances(
        "ProtocolSupportedByEV",
        Array.from({ length: PROTOCOL_PRIORITIES }, (_, index) => String(index + 1)),
      ),
      ...vehicleReadings(),
      reading("DepartureTime", "dateTime", undefined),
    ],
  };
}

function v2xComponent(evseId: number): ComponentDefinition {
  return {
    name: "V2XChargingCtrlr",
    evseId,
    variables: [
      reading("Available", "boolean", "false"),
      reading("Enabled", "boolean", "false"),
      reading("SupportedEnergyTransferModes", "MemberList", "", { valuesList: ENERGY_TRANSFER_MODES }),
      variable("SupportedOperationModes", "MemberList", "ChargingOnly", { valuesList: "ChargingOnly" }),
    ],
  };
}

function extensionComponent(evseId: number): ComponentDefinition {
  return {
    name: "ISO15118Ctrlr",
    evseId,
    variables: [
      variable("Enabled", "boolean", "true"),
      reading("ServiceRenegotiationSupport", "boolean", "false"),
      reading("RequestedEnergyTransferMode", "OptionList", UNDETERMINED, { valuesList: REQUESTED_TRANSFER_MODES }),
    ],
  };
}

const DATA_TYPE: Readonly<Record<string, DataType>> = {
  bool: "boolean",
  integer: "integer",
  number: "decimal",
  string: "string",
};

function parameterVariable(prefix: string, parameter: EverestParameter): VariableDefinition {
  // Secrets are written, never read.
  const mutability: Mutability =
    isSecretName(parameter.name) || TOKEN.test(parameter.name)
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

export interface HardwareDescription {
  capabilitiesOf(evseId: number): HardwareCapabilities;
  /** The EVSEIDs of ISO 15118 as far as they are known. */
  readonly iso15118EvseIds?: ReadonlyMap<number, string>;
  /** EVSEs that may be reset by themselves (B11.FR.10); EVerest has no command for it but switching them off and on. */
  readonly resettableEvseIds?: ReadonlySet<number>;
  /** A display module is connected. */
  readonly hasDisplay?: boolean;
  /** EVSEs with an ISO 15118 extension. */
  readonly extensionEvseIds?: readonly number[];
}

/** O01.FR.21. */
const DISPLAY: ComponentDefinition = { name: "Display", variables: [reading("Available", "boolean", "true")] };

/** What the hardware side brings into the device model besides the component configuration (BEHAVIOUR 16.4). */
export function hardwareComponents(
  evses: readonly EvseDescription[],
  { capabilitiesOf, iso15118EvseIds, resettableEvseIds, hasDisplay, extensionEvseIds = [] }: HardwareDescription,
): ComponentDefinition[] {
  const ofEvses = evses.flatMap(({ evseId, connectors }) => {
    const capabilities = capabilitiesOf(evseId);
    return [
      evseComponent(evseId, capabilities, iso15118EvseIds?.get(evseId), resettableEvseIds?.has(evseId) ?? false),
      ...connectors.map((connector) => connectorComponent(evseId, connector, capabilities)),
      ...connectors.map(({ connectorId }) => ({
        name: "ConnectorPlugRetentionLock",
        evseId,
        connectorId,
        variables: [reading("Problem", "boolean", "false")], // G05.FR.02
      })),
      connectedEvComponent(evseId),
      v2xComponent(evseId),
      ...(extensionEvseIds.includes(evseId) ? [extensionComponent(evseId)] : []),
    ];
  });
  return hasDisplay === true ? [...ofEvses, DISPLAY] : ofEvses;
}

/** Names that OCPP has no room for cannot be reported. */
function fitsOcpp(name: string): boolean {
  return name.length <= 50;
}

export function everestModuleComponents(
  parameters: AllParameters,
  mappings: AllMappings,
  moduleTypes: ReadonlyMap<string, string>,
): ComponentDefinition[] {
  return moduleComponents(parameters, mappings, moduleTypes)
    .map((component) => ({ ...component, variables: component.variables.filter(({ name }) => fitsOcpp(name)) }))
    .filter(({ name, instance = "", variables }) => variables.length > 0 && fitsOcpp(name) && fitsOcpp(instance));
}

/** EvseManager keeps the EVSEID of ISO 15118 as a parameter; here by EVSE, where its configuration may be read. */
export function iso15118EvseIds(
  parameters: AllParameters,
  evseManagers: readonly { readonly moduleId: string }[],
): ReadonlyMap<number, string> {
  const found = evseManagers.map(({ moduleId }, index) => {
    const parameter = parameters[moduleId]?.["!module"]?.find(({ name }) => name === "evse_id");
    return [index + 1, parameter?.value] as const;
  });
  return new Map(found.flatMap(([evseId, id]) => (typeof id === "string" && id !== "" ? [[evseId, id] as const] : [])));
}

/** Parameters of EVerest's modules are written where they live; its answer is the CSMS's answer. */
export function createParameterWriter(configService: ConfigService): ExternalWriter {
  return async (variableState, value) => {
    const { name } = variableState;
    const dot = name.indexOf(".");
    const status = await configService.set(
      {
        module_id: variableState.component.definition.instance ?? "",
        module_implementation_id: dot < 0 ? "!module" : name.slice(0, dot),
        configuration_parameter_name: name.slice(dot + 1),
      },
      value,
    );
    return status === "Rejected" ? { status, reasonCode: "InvalidValue" } : { status };
  };
}
