import type { Characteristics } from "../../device-model/definitions.ts";
import type { DeviceModel } from "../../device-model/device-model.ts";
import { isSecretName, maskSecrets } from "../../log/mask-secrets.ts";
import type { VariableFacts } from "../../web/source.ts";

const MASK = "***";

function named(name: string, instance: string | undefined): string {
  return instance === undefined || instance === "" ? name : `${name}[${instance}]`;
}

function limitsOf({ minLimit, maxLimit, valuesList, dataType }: Characteristics): string {
  if (valuesList !== undefined && valuesList !== "") return valuesList.split(",").join(", ");
  if (dataType === "boolean") return "true, false";
  if (minLimit === undefined && maxLimit === undefined) return "";
  // Of a text the limit counts its characters.
  if (minLimit === undefined && dataType !== "integer" && dataType !== "decimal") return `${maxLimit} characters`;
  return `${minLimit ?? "…"} to ${maxLimit ?? "…"}`;
}

/** Every attribute of the device model with what is known of it; secrets are not shown. */
export function* variableFacts(deviceModel: DeviceModel): Iterable<VariableFacts> {
  for (const { definition, variables } of deviceModel.allComponents())
    for (const variable of variables.values())
      for (const { type, mutability, source } of variable.attributes.values()) {
        const { evseId, connectorId } = definition;
        const value = deviceModel.valueOf(variable, type) ?? "";
        const isSecret = mutability === "WriteOnly" || isSecretName(variable.name);
        yield {
          component: named(definition.name, definition.instance),
          evse: evseId === undefined ? "" : connectorId === undefined ? String(evseId) : `${evseId}.${connectorId}`,
          variable: named(variable.name, variable.instance),
          attribute: type,
          mutability,
          value: value === "" ? "" : isSecret ? MASK : maskSecrets(value),
          unit: variable.characteristics.unit ?? "",
          limits: limitsOf(variable.characteristics),
          source: source ?? "default",
        };
      }
}
