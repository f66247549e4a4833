import type { EverestYaml, ModuleEntry } from "../everest/everest-yaml.ts";
import type { InstalledManifests } from "./installed-manifests.ts";
import { MANIFESTS, type Manifest, SLOTS, type Slot, slotOf } from "./manifest.ts";
import { parameterDefects } from "./parameters.ts";

type Path = readonly (string | number)[];

/** Collects what a manager would refuse or silently ignore in the entry of one module. */
class EntryCheck {
  readonly defects: string[] = [];
  private readonly slot: Slot;
  private readonly manifest: Manifest;

  constructor(
    private readonly yaml: EverestYaml,
    private readonly moduleId: string,
    private readonly entry: ModuleEntry,
    private readonly installed: InstalledManifests,
  ) {
    this.slot = slotOf(entry.module);
    this.manifest = MANIFESTS[this.slot];
  }

  run(): readonly string[] {
    this.checkParameters();
    this.checkConnections();
    return this.defects;
  }

  private defect(path: Path, message: string): void {
    this.defects.push(this.yaml.defect(["active_modules", this.moduleId, ...path], message));
  }

  private checkParameters(): void {
    const given = this.entry.config_module ?? {};
    const wellTyped: Record<string, unknown> = {};
    for (const [name, value] of Object.entries(given)) {
      const type = this.manifest.config[name]?.type;
      const fits = type === "integer" ? Number.isInteger(value) : typeof value === type;
      if (type === undefined) this.defect(["config_module", name], "there is no such parameter");
      else if (!fits) this.defect(["config_module", name], `a value of type ${type} is expected`);
      else wellTyped[name] = value;
    }
    for (const { name, message } of parameterDefects(wellTyped, this.slot))
      this.defect(["config_module", name], message);
    for (const implementation of Object.keys(this.entry.config_implementation ?? {}))
      this.defect(["config_implementation", implementation], "no implementation of this module has parameters");
  }

  private checkConnections(): void {
    const connections = this.entry.connections ?? {};
    for (const [requirement, { min_connections: minimum, max_connections: maximum }] of Object.entries(
      this.manifest.requires,
    )) {
      const number = connections[requirement]?.length ?? 0;
      if (number < minimum)
        this.defect(["connections", requirement], `${minimum} connection is needed, there are ${number}`);
      if (number > maximum)
        this.defect(["connections", requirement], `at most ${maximum} connections are possible, there are ${number}`);
    }
    for (const [requirement, list] of Object.entries(connections)) {
      if (this.manifest.requires[requirement] === undefined)
        this.defect(["connections", requirement], "there is no such requirement");
      for (const index of list.keys()) this.checkConnection(requirement, index);
    }
  }

  private checkConnection(requirement: string, index: number): void {
    const list = this.entry.connections?.[requirement] ?? [];
    const { module_id, implementation_id } = list[index] ?? { module_id: "", implementation_id: "" };
    const path = ["connections", requirement, index];
    const isSame = (other: (typeof list)[number]): boolean =>
      other.module_id === module_id && other.implementation_id === implementation_id;
    if (list.findIndex(isSame) < index) this.defect(path, `${module_id}/${implementation_id} is connected twice`);
    const peer = this.yaml.modules.get(module_id);
    if (peer === undefined) return this.defect([...path, "module_id"], `there is no module ${module_id}`);
    this.checkInterface(requirement, index, peer.module, implementation_id);
    const mapping = peer.mapping?.implementations?.[implementation_id] ?? peer.mapping?.module;
    if (requirement === "evse_energy_sink" && (mapping === undefined || mapping === null))
      this.defect(path, `the module ${module_id} needs a mapping with an EVSE (0 for the whole station)`);
  }

  private checkInterface(requirement: string, index: number, moduleName: string, implementation: string): void {
    const path = ["connections", requirement, index];
    const provided = this.installed.providedBy(moduleName);
    if (provided === undefined) return;
    const expected = this.manifest.requires[requirement]?.interface;
    const found = provided.get(implementation);
    if (found === undefined)
      this.defect([...path, "implementation_id"], `${moduleName} has no implementation ${implementation}`);
    else if (expected !== undefined && found !== expected)
      this.defect(path, `the interface ${expected} is needed, ${implementation} of ${moduleName} is ${found}`);
  }
}

function checkSettings(yaml: EverestYaml): readonly string[] {
  const { mqtt_broker_host, mqtt_broker_socket_path, mqtt_everest_prefix, mqtt_external_prefix } = yaml.settings;
  const defects: string[] = [];
  if (mqtt_broker_socket_path && mqtt_broker_host)
    defects.push(yaml.defect(["settings", "mqtt_broker_socket_path"], "host and socket path exclude each other"));
  const withoutSlash = (text: string | null | undefined): string => (text ?? "").replace(/\/$/, "");
  if (withoutSlash(mqtt_everest_prefix ?? "everest") === withoutSlash(mqtt_external_prefix))
    defects.push(yaml.defect(["settings", "mqtt_external_prefix"], "it must differ from the prefix of EVerest"));
  return defects;
}

/** The id of this module in the configuration: the one asked for, or the only one. Undefined with its defects. */
export function findModule(
  yaml: EverestYaml,
  wanted: string | undefined,
): { readonly moduleId: string } | { readonly defects: readonly string[] } {
  const ids = SLOTS.flatMap((slot) => yaml.idsOf(slot));
  const types = SLOTS.join(" or ");
  if (wanted !== undefined) {
    const path = ["active_modules", wanted];
    if (ids.includes(wanted)) return { moduleId: wanted };
    return { defects: [yaml.defect(path, `there is no module ${wanted} of type ${types}`)] };
  }
  const [first, ...others] = ids;
  if (first === undefined) return { defects: [yaml.defect(["active_modules"], `there is no module of type ${types}`)] };
  if (others.length > 0)
    return { defects: [yaml.defect(["active_modules"], `${ids.join(", ")} are of type ${types}: choose one`)] };
  return { moduleId: first };
}

/** What is wrong with the configuration as far as it concerns this module, one line each. */
export function everestConfigDefects(
  yaml: EverestYaml,
  moduleId: string,
  installed: InstalledManifests,
): readonly string[] {
  const entry = yaml.modules.get(moduleId);
  const ofEntry = entry === undefined ? [] : new EntryCheck(yaml, moduleId, entry, installed).run();
  return [...checkSettings(yaml), ...ofEntry];
}
