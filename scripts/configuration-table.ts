/**
 * Writes the tables of docs/CONFIGURE.md: every parameter of the manifests and every variable of the shipped component
 * configuration, with what follows from it. Types, values and limits come from the files; the effects stand in
 * docs/configuration/effects.tsv, one variable a line (`–`: told only). `--check` compares and names every gap; exit code 1.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { Glob } from "bun";
import * as v from "valibot";
import { parse } from "yaml";
import { environmentName, optionName, SETTABLE_PARAMETERS } from "../src/config/parameters.ts";
import { readComponentConfig } from "../src/device-model/component-config.ts";
import type { ComponentDefinition, VariableDefinition } from "../src/device-model/definitions.ts";

const DOCUMENT = "docs/CONFIGURE.md";
const EFFECTS = "docs/configuration/effects.tsv";
const [BEGIN, END] = ["<!-- tables: made by scripts/configuration-table.ts -->", "<!-- end of tables -->"];
const NOTHING = "–";
/** Of OCPP 1.6: all of it is told only. */
const OF_OTHER_VERSIONS = "OCPP16LegacyCtrlr";
const LONGEST_VALUE_CHARACTERS = 60;

const Parameter = v.object({
  description: v.optional(v.string(), ""),
  type: v.string(),
  default: v.optional(v.union([v.string(), v.number(), v.boolean()]), ""),
});
const Manifest = v.object({ config: v.record(v.string(), Parameter) });

const defects: string[] = [];

function parametersOf(manifest: string): Readonly<Record<string, v.InferOutput<typeof Parameter>>> {
  return v.parse(Manifest, parse(readFileSync(manifest, "utf8"))).config;
}

function readEffects(): ReadonlyMap<string, string> {
  const lines = readFileSync(EFFECTS, "utf8").split("\n");
  const rows = lines.flatMap((line, index) => {
    if (line === "") return [];
    const [name = "", effect = "", ...more] = line.split("\t");
    if (name === "" || effect === "" || more.length > 0)
      defects.push(`${EFFECTS}:${index + 1}: expected a variable and its effect, separated by a tab`);
    return [[name, effect] as const];
  });
  return new Map(rows);
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
const code = (text: string): string => (text === "" ? "" : `\`${cell(text)}\``);

function parameterTable(): readonly string[] {
  const own = parametersOf("manifest.yaml");
  const ofMulti = Object.entries(parametersOf("manifest.OCPPmulti.yaml")).filter(([name]) => own[name] === undefined);
  const settable = new Set<string>(SETTABLE_PARAMETERS);
  const rows = (parameters: readonly (readonly [string, v.InferOutput<typeof Parameter>])[], where: string) =>
    parameters.map(([name, { description, type, default: value }]) => {
      const ways = settable.has(name) ? `\`--${optionName(name)}\`, \`${environmentName(name)}\`` : "";
      return `| ${name}${where} | ${type} | ${code(String(value))} | ${cell(description)} | ${ways} |`;
    });
  return [
    "## Module parameters",
    "",
    "| Parameter | Type | Default | Effect | Option, variable of the environment |",
    "|---|---|---|---|---|",
    ...rows(Object.entries(own), ""),
    ...rows(ofMulti, " (OCPPmulti)"),
    "",
  ];
}

const nameOf = ({ name, instance }: VariableDefinition): string =>
  instance === undefined ? name : `${name}[${instance}]`;

function limitsOf({ characteristics }: VariableDefinition): string {
  const { dataType, minLimit, maxLimit, unit = "", valuesList = "" } = characteristics;
  const range = minLimit === undefined && maxLimit === undefined ? "" : ` ${minLimit ?? ""}…${maxLimit ?? ""}`;
  const list = valuesList.length > 0 && valuesList.length <= LONGEST_VALUE_CHARACTERS ? ` (${valuesList})` : "";
  return cell(`${dataType}${range}${unit === "" ? "" : ` ${unit}`}${list}`);
}

const RIGHTS = { ReadOnly: "no", ReadWrite: "yes", WriteOnly: "yes, never told" } as const;

function row(variable: VariableDefinition, effect: string): string {
  const attribute = variable.attributes.find(({ type }) => type === "Actual");
  const value = attribute?.mutability === "WriteOnly" ? "" : (attribute?.value ?? "");
  const shown = value.length > LONGEST_VALUE_CHARACTERS ? `${value.slice(0, LONGEST_VALUE_CHARACTERS)}…` : value;
  const rights = RIGHTS[attribute?.mutability ?? "ReadOnly"];
  return `| ${nameOf(variable)} | ${limitsOf(variable)} | ${code(shown)} | ${rights} | ${cell(effect)} |`;
}

const texts: string[] = [];
for await (const file of new Glob("src/**/*.ts").scan("."))
  if (!file.includes("generated/")) texts.push(readFileSync(file, "utf8"));

/** Does any code name the variable by its handle? */
function isUsed(component: string, variable: VariableDefinition): boolean {
  const handle = [variable.name, ...(variable.instance?.split(/\W+/) ?? [])].join("_");
  return texts.some((text) => new RegExp(`\\b${component}\\.${handle}\\b(?!["])`).test(text));
}

function componentTable(component: ComponentDefinition, effects: ReadonlyMap<string, string>): readonly string[] {
  const rows = component.variables.map((variable) => {
    const name = `${component.name}.${nameOf(variable)}`;
    const effect = effects.get(name);
    if (effect === undefined) defects.push(`${EFFECTS}: ${name} has no line`);
    if (effect === NOTHING && isUsed(component.name, variable))
      defects.push(`${EFFECTS}: ${name} has an effect in src/`);
    return row(variable, effect === NOTHING || effect === undefined ? "told only" : effect);
  });
  return [
    `### ${component.name}${component.instance === undefined ? "" : "[slot]"}`,
    "",
    "| Variable | Type | Shipped value | May the CSMS set it | Effect |",
    "|---|---|---|---|---|",
    ...rows,
    "",
  ];
}

function tables(): string {
  const effects = readEffects();
  const components = new Map(readComponentConfig("component_config").map((component) => [component.name, component]));
  const described = [...components.values()]
    .filter(({ name }) => name !== OF_OTHER_VERSIONS)
    .sort((one, other) => one.name.localeCompare(other.name));
  const known = new Set(
    described.flatMap((component) => component.variables.map((variable) => `${component.name}.${nameOf(variable)}`)),
  );
  for (const name of effects.keys())
    if (!known.has(name)) defects.push(`${EFFECTS}: there is no ${name} in component_config`);
  return [
    ...parameterTable(),
    "## Variables of the device model",
    "",
    ...described.flatMap((component) => componentTable(component, effects)),
    `\`${OF_OTHER_VERSIONS}\` is of OCPP 1.6; all of it is told only.`,
    "",
  ].join("\n");
}

const document = readFileSync(DOCUMENT, "utf8");
const [before, , after] = [document.split(BEGIN)[0] ?? "", "", document.split(END)[1] ?? ""];
const wanted = `${before}${BEGIN}\n\n${tables()}\n${END}${after}`;
if (Bun.argv.includes("--check")) {
  if (wanted !== document) defects.push(`${DOCUMENT} is out of date: run bun scripts/configuration-table.ts`);
} else writeFileSync(DOCUMENT, wanted);
for (const defect of defects) console.error(defect);
process.exit(defects.length === 0 ? 0 : 1);
