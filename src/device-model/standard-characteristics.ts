import type { Characteristics, ComponentDefinition, VariableDefinition } from "./definitions.ts";

type Standard = Partial<Pick<Characteristics, "unit" | "minLimit" | "maxLimit">> & {
  /** What the station does when nobody says anything; reported instead of a word that the list does not know. */
  readonly value?: string;
};

const NOT_NEGATIVE = { minLimit: 0 } as const;
const SECONDS = { minLimit: 0, unit: "s" } as const;

/**
 * Characteristics that the specification gives its variables (part 2, chapter 2), and bounds that follow from their
 * meaning; `Component.Variable` or `Component.Variable[Instance]`.
 */
const STANDARD: Readonly<Record<string, Standard>> = {
  "AlignedDataCtrlr.Interval": SECONDS,
  "AlignedDataCtrlr.TxEndedInterval": SECONDS,
  "AuthCacheCtrlr.LifeTime": SECONDS,
  "AuthCacheCtrlr.Policy": { value: "LRU" },
  "AuthCtrlr.MasterPassGroupId": { maxLimit: 36 },
  "ClockCtrlr.TimeAdjustmentReportingThreshold": SECONDS,
  "MonitoringCtrlr.ActiveMonitoringLevel": { minLimit: 0, maxLimit: 9 },
  "MonitoringCtrlr.OfflineQueuingSeverity": { minLimit: 0, maxLimit: 9 },
  "OCPPCommCtrlr.HeartbeatInterval": { minLimit: 1, unit: "s" },
  "OCPPCommCtrlr.MessageAttemptInterval[TransactionEvent]": SECONDS,
  "OCPPCommCtrlr.MessageAttempts[TransactionEvent]": NOT_NEGATIVE,
  "OCPPCommCtrlr.OfflineThreshold": SECONDS,
  "OCPPCommCtrlr.PublicKeyWithSignedMeterValue": { value: "Never" },
  "OCPPCommCtrlr.ResetRetries": NOT_NEGATIVE,
  "OCPPCommCtrlr.RetryBackOffRandomRange": NOT_NEGATIVE,
  "OCPPCommCtrlr.RetryBackOffRepeatTimes": NOT_NEGATIVE,
  "OCPPCommCtrlr.RetryBackOffWaitMinimum": NOT_NEGATIVE,
  "OCPPCommCtrlr.WebSocketPingInterval": SECONDS,
  "SampledDataCtrlr.TxEndedInterval": SECONDS,
  "SampledDataCtrlr.TxUpdatedInterval": SECONDS,
  "SecurityCtrlr.CertSigningRepeatTimes": NOT_NEGATIVE,
  "SecurityCtrlr.CertSigningWaitMinimum": SECONDS,
  "SecurityCtrlr.Identity": { maxLimit: 48 },
  "TariffCostCtrlr.Currency": { maxLimit: 3 },
  "TxCtrlr.EVConnectionTimeOut": SECONDS,
  "TxCtrlr.MaxEnergyOnInvalidId": { minLimit: 0, unit: "Wh" },
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
