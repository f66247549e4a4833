import type { AttributeType } from "./definitions.ts";
import type { AttributeState, SetResult, VariableState } from "./state.ts";
import { hasTooManyDecimals, type ValueDefect, valueDefect } from "./value-rules.ts";

/** Variables whose interval may be 0 (= off) even below their minLimit. */
const ZERO_MEANS_OFF = new Set([
  "aligneddatactrlr.interval",
  "sampleddatactrlr.txupdatedinterval",
  "sampleddatactrlr.txendedinterval",
]);

function rejected(reasonCode: string, additionalInfo: string): SetResult {
  return { status: "Rejected", reasonCode, additionalInfo };
}

/** The attributes that bound another one from below and from above (part 1, 4.3). */
const BOUNDED_BY: Readonly<Record<AttributeType, { readonly below?: AttributeType; readonly above?: AttributeType }>> =
  {
    Actual: { below: "MinSet", above: "MaxSet" },
    Target: { below: "MinSet", above: "MaxSet" },
    MinSet: { above: "MaxSet" },
    MaxSet: { below: "MinSet" },
  };

function boundDefect(
  { attributes, characteristics }: VariableState,
  type: AttributeType,
  value: string,
): SetResult | undefined {
  if (characteristics.dataType !== "integer" && characteristics.dataType !== "decimal") return undefined;
  const bound = (other: AttributeType | undefined): number => {
    const text = other === undefined ? undefined : attributes.get(other)?.value;
    return text === undefined || text === "" ? Number.NaN : Number(text);
  };
  const { below, above } = BOUNDED_BY[type];
  if (Number(value) < bound(below)) return rejected("ValueTooLow", `below ${below} ${bound(below)}`);
  if (Number(value) > bound(above)) return rejected("ValueTooHigh", `above ${above} ${bound(above)}`);
  return undefined;
}

/** Why a value does not fit its variable. */
export function variableDefect(
  { component, name, characteristics }: VariableState,
  value: string,
): ValueDefect | undefined {
  const label = `${component.definition.name}.${name}`.toLowerCase();
  return valueDefect(value, characteristics, ZERO_MEANS_OFF.has(label));
}

/** Why an attribute cannot take a value, as far as the device model itself knows (B05.FR.07–09). */
export function refusal(
  variable: VariableState,
  { type, mutability, constant }: AttributeState,
  value: string,
  mayWriteReadOnly: boolean,
): SetResult | undefined {
  if (constant) return rejected("ReadOnly", "the value is constant");
  if (mutability === "ReadOnly" && !mayWriteReadOnly) return rejected("ReadOnly", "the variable is read-only"); // B05.FR.09
  if (!mayWriteReadOnly && hasTooManyDecimals(value, variable.characteristics))
    return rejected("InvalidValue", "more than six decimal places"); // part 2, 2.1.4
  const defect = variableDefect(variable, value); // B05.FR.07, FR.08
  return defect === undefined ? boundDefect(variable, type, value) : rejected(defect.reasonCode, defect.text);
}
