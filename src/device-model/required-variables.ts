import { parseJson } from "../lib/json-text.ts";
import { type ComponentDefinition, type VariableDefinition, variableKey } from "./definitions.ts";

/** Something that the configuration lacks, and the place that it is about as far as there is one. */
export interface RequirementDefect {
  readonly component?: ComponentDefinition;
  /** `variableKey` of a variable that is there, but of no use. */
  readonly variable?: string;
  readonly message: string;
}

/** Variables that a station cannot do without (part 2, chapter 2; COMPONENT-CONFIG 4); `Name[Instance]` for instances. */
const REQUIRED: Readonly<Record<string, readonly string[]>> = {
  AlignedDataCtrlr: ["Interval", "Measurands", "TxEndedInterval", "TxEndedMeasurands"],
  SampledDataCtrlr: [
    "TxEndedInterval",
    "TxEndedMeasurands",
    "TxStartedMeasurands",
    "TxUpdatedInterval",
    "TxUpdatedMeasurands",
  ],
  InternalCtrlr: [
    "NetworkConnectionProfiles",
    "ChargeBoxSerialNumber",
    "ChargePointModel",
    "ChargePointVendor",
    "FirmwareVersion",
  ],
  AuthCtrlr: ["AuthorizeRemoteStart", "LocalAuthorizeOffline", "LocalPreAuthorize"],
  ChargingStation: ["AvailabilityState", "Available", "SupplyPhases"],
  ClockCtrlr: ["DateTime", "TimeSource"],
  DeviceDataCtrlr: [
    "BytesPerMessage[GetReport]",
    "BytesPerMessage[GetVariables]",
    "BytesPerMessage[SetVariables]",
    "ItemsPerMessage[GetReport]",
    "ItemsPerMessage[GetVariables]",
    "ItemsPerMessage[SetVariables]",
  ],
  ISO15118Ctrlr: ["ContractValidationOffline"],
  OCPPCommCtrlr: [
    "FileTransferProtocols",
    "MessageTimeout[Default]",
    "MessageAttemptInterval[TransactionEvent]",
    "MessageAttempts[TransactionEvent]",
    "NetworkConfigurationPriority",
    "NetworkProfileConnectionAttempts",
    "OfflineThreshold",
    "ResetRetries",
    "RetryBackOffRandomRange",
    "RetryBackOffRepeatTimes",
    "RetryBackOffWaitMinimum",
    "UnlockOnEVSideDisconnect",
    "WebSocketPingInterval",
  ],
  SecurityCtrlr: ["CertificateEntries", "Identity", "OrganizationName", "SecurityProfile"],
  TxCtrlr: ["EVConnectionTimeOut", "StopTxOnEVSideDisconnect", "StopTxOnInvalidId", "TxStartPoint", "TxStopPoint"],
};

/** Likewise for optional components, once the variable says that they are there. */
const REQUIRED_WHEN_AVAILABLE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  LocalAuthListCtrlr: { Available: ["Entries", "ItemsPerMessage", "BytesPerMessage"] },
  SmartChargingCtrlr: {
    Available: [
      "ProfileStackLevel",
      "RateUnit",
      "PeriodsPerSchedule",
      "Entries[ChargingProfiles]",
      "LimitChangeSignificance",
    ],
  },
  TariffCostCtrlr: {
    "Available[Tariff]": ["TariffFallbackMessage", "Currency"],
    "Available[Cost]": ["TotalCostFallbackMessage", "Currency"],
  },
  MonitoringCtrlr: {
    Available: ["ItemsPerMessage[SetVariableMonitoring]", "BytesPerMessage[SetVariableMonitoring]"],
  },
  DisplayMessageCtrlr: { Available: ["DisplayMessages", "SupportedFormats", "SupportedPriorities"] },
};

function keyOf(label: string): string {
  const [, name = label, instance] = /^(.+?)(?:\[(.+)\])?$/.exec(label) ?? [];
  return variableKey({ name, ...(instance !== undefined && { instance }) });
}

const indexes = new WeakMap<ComponentDefinition, ReadonlyMap<string, VariableDefinition>>();

function findVariable(component: ComponentDefinition, label: string): VariableDefinition | undefined {
  const index = indexes.get(component) ?? new Map(component.variables.map((one) => [variableKey(one), one]));
  indexes.set(component, index);
  return index.get(keyOf(label));
}

function actualValue(component: ComponentDefinition | undefined, label: string): string | undefined {
  const variable = component === undefined ? undefined : findVariable(component, label);
  return variable?.attributes.find(({ type }) => type === "Actual")?.value;
}

function missing(component: ComponentDefinition, labels: readonly string[]): readonly RequirementDefect[] {
  return labels.flatMap((label) => {
    const variable = findVariable(component, label);
    if (variable === undefined) return [{ component, message: `the variable ${label} is required, but not described` }];
    return actualValue(component, label) === undefined
      ? [{ component, variable: variableKey(variable), message: `the required variable ${label} has no value` }]
      : [];
  });
}

/** An empty text is none: with August's libocpp the profiles are in components only. */
function isEmptyOrJsonArray(text: string): boolean {
  if (text === "") return true;
  try {
    return Array.isArray(parseJson(text));
  } catch {
    return false;
  }
}

function contradictions(stationComponent: (name: string) => ComponentDefinition | undefined): RequirementDefect[] {
  const defects: RequirementDefect[] = [];
  const check = (componentName: string, label: string, isFine: (value: string) => boolean, message: string): void => {
    const component = stationComponent(componentName);
    const value = actualValue(component, label);
    if (component !== undefined && value !== undefined && !isFine(value))
      defects.push({ component, variable: keyOf(label), message });
  };
  check("SecurityCtrlr", "Identity", (value) => !value.includes(":"), "must not contain a colon (A00.FR.204)");
  check("InternalCtrlr", "NetworkConnectionProfiles", isEmptyOrJsonArray, "is not a JSON array of profiles");
  return defects;
}

/** What is missing, or cannot be meant so. */
export function requirementDefects(components: readonly ComponentDefinition[]): readonly RequirementDefect[] {
  const stationComponent = (wanted: string) =>
    components.find(({ name, evseId, instance }) => name === wanted && evseId === undefined && instance === undefined);
  const always = Object.entries(REQUIRED).flatMap(([name, labels]) => {
    const component = stationComponent(name);
    return component === undefined
      ? [{ message: `component ${name} is required, but no file describes it` }]
      : missing(component, labels);
  });
  const conditional = Object.entries(REQUIRED_WHEN_AVAILABLE).flatMap(([name, conditions]) => {
    const component = stationComponent(name);
    return Object.entries(conditions).flatMap(([condition, labels]) =>
      component !== undefined && actualValue(component, condition)?.toLowerCase() === "true"
        ? missing(component, labels)
        : [],
    );
  });
  return [...always, ...conditional, ...contradictions(stationComponent)];
}
