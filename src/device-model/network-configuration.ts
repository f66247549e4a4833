import { join } from "node:path";
import { parseJson } from "../lib/json-text.ts";
import { ComponentFile } from "./component-file.ts";
import type { ComponentDefinition } from "./definitions.ts";
import { variableKey } from "./definitions.ts";
import type { DeviceModel } from "./device-model.ts";
import { embeddedComponentConfig } from "./embedded-component-config.ts";
import type { DeviceModelStorage } from "./storage.ts";
import { InternalCtrlr, NetworkConfiguration, OCPPCommCtrlr } from "./variables.ts";

/** The component of August's libocpp that holds the network profile of one configuration slot, its instance. */
const NAME = NetworkConfiguration.OcppCsmsUrl.component;
const SLOT = /^(0|[1-9]\d{0,8})$/;

let builtIn: ComponentDefinition | undefined;

/** The shipped description of a slot nobody has configured, for slots that no file describes. */
export function emptySlot(slot: number): ComponentDefinition {
  if (builtIn === undefined) {
    const defects: string[] = [];
    const file = join(embeddedComponentConfig(), "standardized/NetworkConfiguration_2.json");
    builtIn = new ComponentFile(file, defects).read();
    if (builtIn === undefined) throw new Error(defects.join(", "));
  }
  return { ...builtIn, instance: String(slot) };
}

function isNetworkConfiguration({ name }: ComponentDefinition): boolean {
  return name.toLowerCase() === NAME.toLowerCase();
}

/**
 * A slot that a file describes in part only, with what it lacks: otherwise a profile could not be stored there. Other
 * components come back as they are.
 * @param onLack Is told the variables that were missing.
 */
export function withWholeSlot(
  component: ComponentDefinition,
  onLack: (variables: readonly string[]) => void,
): ComponentDefinition {
  if (!isNetworkConfiguration(component) || !SLOT.test(component.instance ?? "")) return component;
  const described = new Set(component.variables.map(variableKey));
  const lacking = emptySlot(Number(component.instance)).variables.filter(
    (variable) => !described.has(variableKey(variable)),
  );
  if (lacking.length === 0) return component;
  onLack(lacking.map(({ name }) => name));
  return { ...component, variables: [...component.variables, ...lacking] };
}

/** The slots that the device model has a component for. */
export function configuredSlots(deviceModel: DeviceModel): readonly number[] {
  return [...deviceModel.allComponents()]
    .map(({ definition }) => definition)
    .filter((definition) => isNetworkConfiguration(definition) && SLOT.test(definition.instance ?? ""))
    .map(({ instance }) => Number(instance))
    .sort((one, other) => one - other);
}

function slotsOfList(text: string | undefined): readonly unknown[] {
  try {
    const entries: unknown = parseJson(text ?? "[]");
    return Array.isArray(entries)
      ? entries.map((entry) => (entry as { configurationSlot?: unknown })?.configurationSlot)
      : [];
  } catch {
    return [];
  }
}

/**
 * Makes components for the slots that are spoken of, but that no file describes: in the list of priorities and its possible
 * values, in the list of profiles, and in the database as August's libocpp left it.
 */
export function addMissingSlots(deviceModel: DeviceModel, storage: DeviceModelStorage): void {
  const priority = deviceModel.find(OCPPCommCtrlr.NetworkConfigurationPriority);
  if (typeof priority === "string") return;
  const named = [
    ...(priority.characteristics.valuesList ?? "").split(","),
    ...(deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority) ?? []),
    ...slotsOfList(deviceModel.read(InternalCtrlr.NetworkConnectionProfiles)),
    ...storage.instancesOf(NAME),
  ];
  const wanted = named.map((slot) => String(slot).trim()).filter((slot) => SLOT.test(slot));
  const known = new Set(configuredSlots(deviceModel));
  const missing = [...new Set(wanted.map(Number))].filter((slot) => !known.has(slot));
  if (missing.length > 0) deviceModel.addComponents(missing.map(emptySlot), storage, { source: null });
}
