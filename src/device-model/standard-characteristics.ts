import type { Characteristics, ComponentDefinition, VariableDefinition } from "./definitions.ts";

type Standard = Partial<Pick<Characteristics, "unit" | "minLimit" | "maxLimit">> & {
  /** What the station does while nobody gives the variable a value. */
  readonly value?: string;
};

const NOT_NEGATIVE = { minLimit: 0 } as const;
/** Intervals of the clock: those longer than a day would not be kept, since midnight is always one of the times. */
const SECONDS_OF_A_DAY = { minLimit: 0, maxLimit: 86_400, unit: "s" } as const;
const SECONDS = { minLimit: 0, unit: "s" } as const;
/** No setting makes a station wait longer than this between two attempts to connect. */
const LONGEST_BACK_OFF_SECONDS = 24 * 3600;
const OFF = { value: "false" } as const;
/** So much additionalInfo of a token passes (part 2, C 1.1.1). */
export const ADDITIONAL_INFO_ITEMS = 8;

/**
 * Characteristics that the specification gives its variables (part 2, chapter 2), bounds that follow from their meaning,
 * and the values that are in effect where a file gives none; `Component.Variable` or `Component.Variable[Instance]`.
 * Without a value stay those for which none is a value of its own (a time zone, a life time) or that others decide.
 */
const STANDARD: Readonly<Record<string, Standard>> = {
  "AlignedDataCtrlr.Interval": SECONDS_OF_A_DAY,
  "AlignedDataCtrlr.SendDuringIdle": OFF,
  "AlignedDataCtrlr.SignReadings": OFF,
  "AlignedDataCtrlr.TxEndedInterval": SECONDS_OF_A_DAY,
  "AuthCacheCtrlr.DisablePostAuthorize": OFF,
  "AuthCacheCtrlr.LifeTime": SECONDS,
  "AuthCacheCtrlr.Policy": { value: "LRU" },
  "AuthCacheCtrlr.Storage": { value: "0", maxLimit: 8 * 2 ** 20 },
  "AuthCtrlr.AdditionalInfoItemsPerMessage": { value: String(ADDITIONAL_INFO_ITEMS) },
  "AuthCtrlr.DisableRemoteAuthorization": OFF,
  "AuthCtrlr.MasterPassGroupId": { maxLimit: 36 },
  "ChargingStation.AllowNewSessionsPendingFirmwareUpdate": OFF,
  "ClockCtrlr.TimeAdjustmentReportingThreshold": SECONDS,
  "CustomizationCtrlr.Enabled": OFF,
  "CustomizationCtrlr.CustomImplementationEnabled": OFF,
  "DeviceDataCtrlr.ConfigurationValueSize": { value: "1000" },
  "DisplayMessageCtrlr.Available": OFF,
  "DisplayMessageCtrlr.DisplayMessages": { maxLimit: 100 },
  "DisplayMessageCtrlr.QRCodeDisplayCapable": OFF,
  "ISO15118Ctrlr.RequestMeteringReceipt": OFF,
  "ISO15118Ctrlr.V2GCertificateInstallationEnabled": OFF,
  // M06.FR.10: at least once a week.
  "InternalCtrlr.OcspRequestInterval": { minLimit: 86_400, maxLimit: 604_800, unit: "s" },
  "LocalAuthListCtrlr.DisablePostAuthorize": OFF,
  "LocalAuthListCtrlr.Entries": { maxLimit: 100_000 },
  "LocalAuthListCtrlr.Storage": { value: "0", maxLimit: 64 * 2 ** 20 },
  "MonitoringCtrlr.ActiveMonitoringBase": { value: "All" },
  "MonitoringCtrlr.ActiveMonitoringLevel": { value: "9", minLimit: 0, maxLimit: 9 },
  "MonitoringCtrlr.BytesPerMessage[ClearVariableMonitoring]": { value: "65536" },
  "MonitoringCtrlr.ItemsPerMessage[ClearVariableMonitoring]": { value: "5000" },
  "MonitoringCtrlr.OfflineQueuingSeverity": { minLimit: 0, maxLimit: 9 },
  "OCPPCommCtrlr.FieldLength[Get15118EVCertificateResponse.exiResponse]": { value: "17000" },
  "OCPPCommCtrlr.HeartbeatInterval": { minLimit: 1, unit: "s" },
  "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": SECONDS,
  "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": { minLimit: 1 },
  "OCPPCommCtrlr.MessageTimeout[Default]": { minLimit: 1, unit: "s" },
  "OCPPCommCtrlr.NetworkProfileConnectionAttempts": { minLimit: -1 },
  "OCPPCommCtrlr.OfflineThreshold": SECONDS,
  "OCPPCommCtrlr.PublicKeyWithSignedMeterValue": { value: "Never" },
  "OCPPCommCtrlr.QueueAllMessages": OFF,
  "OCPPCommCtrlr.ResetRetries": NOT_NEGATIVE,
  "OCPPCommCtrlr.RetryBackOffRandomRange": { minLimit: 0, maxLimit: LONGEST_BACK_OFF_SECONDS },
  "OCPPCommCtrlr.RetryBackOffRepeatTimes": NOT_NEGATIVE,
  "OCPPCommCtrlr.RetryBackOffWaitMinimum": { minLimit: 0, maxLimit: LONGEST_BACK_OFF_SECONDS },
  "OCPPCommCtrlr.WebSocketPingInterval": SECONDS,
  "SampledDataCtrlr.RegisterValuesWithoutPhases": OFF,
  "SampledDataCtrlr.SignReadings": OFF,
  "SampledDataCtrlr.TxEndedInterval": SECONDS,
  "SampledDataCtrlr.TxUpdatedInterval": SECONDS,
  "SecurityCtrlr.AllowCSMSTLSWildcards": OFF,
  "SecurityCtrlr.AllowSecurityProfileDowngrade": OFF,
  "SecurityCtrlr.CertSigningRepeatTimes": NOT_NEGATIVE,
  "SecurityCtrlr.CertSigningWaitMinimum": { minLimit: 1, unit: "s" },
  "SecurityCtrlr.Identity": { maxLimit: 48 },
  "SecurityCtrlr.MaxCertificateChainSize": { value: "10000" },
  "SmartChargingCtrlr.ACPhaseSwitchingSupported": OFF,
  "SmartChargingCtrlr.CompositeScheduleDefaultLimitAmps": { value: "48" },
  "SmartChargingCtrlr.CompositeScheduleDefaultLimitWatts": { value: "33120" },
  "SmartChargingCtrlr.CompositeScheduleDefaultNumberPhases": { value: "3" },
  "SmartChargingCtrlr.Entries[ChargingProfiles]": { value: "0", maxLimit: 1_000 },
  "SmartChargingCtrlr.ExternalControlSignalsEnabled": OFF,
  "SmartChargingCtrlr.LimitChangeSignificance": { minLimit: 0, unit: "Percent" },
  "SmartChargingCtrlr.NotifyChargingLimitWithSchedules": OFF,
  "SmartChargingCtrlr.Phases3to1": OFF,
  "SmartChargingCtrlr.SupplyVoltage": { value: "230" },
  "TariffCostCtrlr.Available[Cost]": OFF,
  "TariffCostCtrlr.Available[Tariff]": OFF,
  "TariffCostCtrlr.Currency": { maxLimit: 3 },
  "TariffCostCtrlr.Enabled[Cost]": OFF,
  "TariffCostCtrlr.Enabled[Tariff]": OFF,
  "TariffCostCtrlr.NumberOfDecimalsForCostValues": { value: "3", minLimit: 0, maxLimit: 6 },
  "TxCtrlr.EVConnectionTimeOut": SECONDS,
  "TxCtrlr.MaxEnergyOnInvalidId": { minLimit: 0, unit: "Wh" },
  "TxCtrlr.TxBeforeAcceptedEnabled": OFF,
};
const BY_LABEL = new Map(Object.entries(STANDARD).map(([label, standard]) => [label.toLowerCase(), standard]));

function complete(component: ComponentDefinition, variable: VariableDefinition): VariableDefinition {
  const instance = variable.instance === undefined ? "" : `[${variable.instance}]`;
  const standard = BY_LABEL.get(`${component.name}.${variable.name}${instance}`.toLowerCase());
  if (standard === undefined) return variable;
  const { value, ...characteristics } = standard;
  return {
    ...variable,
    characteristics: { ...characteristics, ...variable.characteristics },
    attributes: variable.attributes.map((attribute) =>
      value === undefined || attribute.type !== "Actual" || attribute.value !== undefined
        ? attribute
        : { ...attribute, value },
    ),
  };
}

/** The component with what its file leaves out of the standardized characteristics; what the file says stays. */
export function withStandardCharacteristics(component: ComponentDefinition): ComponentDefinition {
  return { ...component, variables: component.variables.map((variable) => complete(component, variable)) };
}
