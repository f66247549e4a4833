import type { ComponentDefinition } from "./definitions.ts";

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

function nameOf(variable: { readonly name: string; readonly instance?: string }): string {
  return variable.instance === undefined ? variable.name : `${variable.name}[${variable.instance}]`;
}

/** One line for each required variable that does not exist or has no value. */
export function missingVariables(components: readonly ComponentDefinition[]): readonly string[] {
  return Object.entries(REQUIRED).flatMap(([componentName, names]) => {
    const component = components.find(({ name, evseId }) => name === componentName && evseId === undefined);
    if (component === undefined) return [`component ${componentName} is required, but no file describes it`];
    return names.flatMap((name) => {
      const variable = component.variables.find((one) => nameOf(one).toLowerCase() === name.toLowerCase());
      if (variable === undefined)
        return [`component ${componentName}: the variable ${name} is required, but not described`];
      const hasValue = variable.attributes.some(({ type, value }) => type === "Actual" && value !== undefined);
      return hasValue ? [] : [`component ${componentName}: the required variable ${name} has no value`];
    });
  });
}

/** Lists that contradict each other: a priority that names a slot without profile. */
export function inconsistencies(components: readonly ComponentDefinition[]): readonly string[] {
  const actual = (componentName: string, variableName: string): string | undefined =>
    components
      .find(({ name }) => name === componentName)
      ?.variables.find(({ name }) => name === variableName)
      ?.attributes.find(({ type }) => type === "Actual")?.value;
  const identity = actual("SecurityCtrlr", "Identity") ?? "";
  return [
    ...(identity.includes(":") ? ["component SecurityCtrlr: Identity must not contain a colon (A00.FR.204)"] : []),
    ...(parsesAsList(actual("InternalCtrlr", "NetworkConnectionProfiles"))
      ? []
      : ["component InternalCtrlr: NetworkConnectionProfiles is not a JSON array of profiles"]),
  ];
}

function parsesAsList(text: string | undefined): boolean {
  try {
    return text === undefined || Array.isArray(JSON.parse(text));
  } catch {
    return false;
  }
}
