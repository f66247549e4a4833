import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import { ExplainedError } from "../lib/explained-error.ts";
import { type LocatedYaml, parseLocatedYaml } from "../lib/located-yaml.ts";
import { effectiveMapping, type ModuleConfiguration } from "./configuration.ts";

/** Everything that is wrong with an EVerest configuration, one line each: `file:line:column: key: message`. */
export class EverestYamlError extends ExplainedError {
  constructor(readonly defects: readonly string[]) {
    super(`the EVerest configuration is not usable:\n  ${defects.join("\n  ")}`);
  }
}

type Path = readonly (string | number)[];

const WHOLE = "a whole number is expected";
const Identifier = v.pipe(
  v.string("a name is expected"),
  v.regex(/^[a-zA-Z_][a-zA-Z0-9_.-]*$/, "a name of letters, digits and _ . - is expected"),
);
const Text = v.string("a text is expected");
const Flag = v.boolean("true or false is expected");
const Port = v.pipe(v.number("a port number is expected"), v.integer(WHOLE), v.minValue(1, WHOLE), v.maxValue(65_535));
const Position = v.pipe(v.number(WHOLE), v.integer(WHOLE), v.minValue(0, "0 or more is expected"));
const mapOf = <Schema extends v.GenericSchema>(values: Schema) =>
  v.nullish(v.record(v.string(), values, "a map is expected"), {});

const Mapping = v.strictObject({ evse: Position, connector: v.nullish(Position) });
const ModuleMapping = v.strictObject({ module: v.nullish(Mapping), implementations: v.nullish(mapOf(Mapping)) });
const ParameterValue = v.union([v.string(), v.number(), v.boolean()], "a text, a number, true or false is expected");
const Connection = v.strictObject({ module_id: Identifier, implementation_id: Identifier });

/** One entry of `active_modules` (PROTOCOL 8.1). */
const ModuleEntry = v.strictObject({
  module: Identifier,
  standalone: v.nullish(Flag),
  capabilities: v.nullish(v.array(Text)),
  config_module: mapOf(ParameterValue),
  config_implementation: mapOf(mapOf(ParameterValue)),
  telemetry: v.nullish(v.object({ id: v.number("a number is expected") })),
  mapping: v.nullish(ModuleMapping),
  access: v.nullish(v.record(v.string(), v.unknown())),
  connections: mapOf(v.array(Connection, "a list of connections is expected")),
});
export type ModuleEntry = v.InferOutput<typeof ModuleEntry>;

const Settings = v.looseObject({
  prefix: v.nullish(Text),
  mqtt_broker_host: v.nullish(Text),
  mqtt_broker_port: v.nullish(Port),
  mqtt_broker_socket_path: v.nullish(Text),
  mqtt_everest_prefix: v.nullish(Text),
  mqtt_external_prefix: v.nullish(Text),
  telemetry_enabled: v.nullish(Flag),
  validate_schema: v.nullish(Flag),
});
export type Settings = v.InferOutput<typeof Settings>;

const EverestConfiguration = v.looseObject({
  settings: v.nullish(Settings, {}),
  active_modules: v.record(Identifier, ModuleEntry, "a map of modules is expected"),
});
const TOP_KEYS = new Set(["settings", "active_modules"]);

/** A JSON merge patch, as EVerest lays a user's configuration over the shipped one. */
function mergePatch(base: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const merged: Record<string, unknown> = typeof base === "object" && base !== null ? { ...base } : {};
  for (const [key, value] of Object.entries(patch))
    if (value === null) delete merged[key];
    else merged[key] = mergePatch(merged[key], value);
  return merged;
}

interface Source {
  readonly path: string;
  readonly yaml: LocatedYaml;
}

function readSource(path: string, defects: string[]): Source | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    defects.push(`${path}:1:1: the file cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`);
    return undefined;
  }
  const yaml = parseLocatedYaml(text);
  for (const { message, position } of yaml.defects)
    defects.push(`${path}:${position.line}:${position.column}: ${message}`);
  return { path, yaml };
}

/** An EVerest configuration file with the user's overlay beside it (PROTOCOL 2). */
export class EverestYaml {
  private constructor(
    private readonly sources: readonly Source[],
    readonly settings: Settings,
    readonly modules: ReadonlyMap<string, ModuleEntry>,
  ) {}

  /** @throws EverestYamlError with every defect of form. */
  static read(path: string): EverestYaml {
    const defects: string[] = [];
    const overlay = join(dirname(path), "user-config", basename(path));
    const sources = [path, ...(existsSync(overlay) ? [overlay] : [])]
      .map((file) => readSource(file, defects))
      .filter((source) => source !== undefined);
    if (defects.length > 0) throw new EverestYamlError(defects);
    const content = sources.slice(1).reduce((base, { yaml }) => mergePatch(base, yaml.value), sources[0]?.yaml.value);
    const parsed = v.safeParse(EverestConfiguration, content);
    const located = new EverestYaml(sources, {}, new Map());
    const top = typeof content === "object" && content !== null ? Object.keys(content) : [];
    for (const key of top)
      if (!TOP_KEYS.has(key) && !key.startsWith("x-")) defects.push(located.defect([key], "unknown key"));
    if (!parsed.success)
      for (const issue of parsed.issues) {
        const keys = (issue.path ?? []).map(({ key }) => key as string | number);
        defects.push(located.defect(keys, describe(issue)));
      }
    if (defects.length > 0 || !parsed.success) throw new EverestYamlError(defects);
    return new EverestYaml(
      sources,
      parsed.output.settings ?? {},
      new Map(Object.entries(parsed.output.active_modules)),
    );
  }

  /** `file:line:column: key: message` for the member at `path`, in the file that decides about it. */
  defect(path: Path, message: string): string {
    const deepest = this.sources.reduce<Source | undefined>(
      (best, source) => (best === undefined || source.yaml.depthOf(path) >= best.yaml.depthOf(path) ? source : best),
      undefined,
    );
    const { line, column } = deepest?.yaml.locate(path) ?? { line: 1, column: 1 };
    return `${deepest?.path}:${line}:${column}: ${path.length === 0 ? "" : `${path.join(".")}: `}${message}`;
  }

  /** Ids of the modules of one type. */
  idsOf(moduleName: string): readonly string[] {
    return [...this.modules].filter(([, entry]) => entry.module === moduleName).map(([id]) => id);
  }

  /** What the manager's configuration service would answer, but for the defaults of the manifest; undefined: no such module. */
  moduleConfiguration(moduleId: string): ModuleConfiguration | undefined {
    const entry = this.modules.get(moduleId);
    if (entry === undefined) return undefined;
    return {
      moduleName: entry.module,
      parameters: new Map(Object.entries(entry.config_module ?? {})),
      connections: new Map(
        Object.entries(entry.connections ?? {}).map(([requirement, connections]) => [
          requirement,
          connections.map(({ module_id, implementation_id }) => ({
            moduleId: module_id,
            implementationId: implementation_id,
            mapping: effectiveMapping(this.modules.get(module_id)?.mapping ?? undefined, implementation_id),
          })),
        ]),
      ),
    };
  }

  /** The settings that the manager passes to a module on its command line (PROTOCOL 3.1), by option name. */
  moduleOptions(): ReadonlyMap<string, string> {
    const { settings } = this;
    const names = ["mqtt_broker_host", "mqtt_broker_port", "mqtt_broker_socket_path", "prefix"] as const;
    const prefixes = ["mqtt_everest_prefix", "mqtt_external_prefix"] as const;
    return new Map(
      [...names, ...prefixes].flatMap((name) => {
        const value = settings[name];
        return value === undefined || value === null ? [] : [[name, String(value)]];
      }),
    );
  }
}

function describe(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object" && issue.expected === "never") return "unknown key";
  if (issue.received === "undefined") return "is missing";
  return issue.message;
}
