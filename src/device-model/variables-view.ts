import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { isSecretName, maskSecrets } from "../log/mask-secrets.ts";
import type { ViewRow } from "../store/database-view.ts";
import { ATTRIBUTE_TYPES, MUTABILITIES } from "./definitions.ts";

const ATTRIBUTES = `
  SELECT c.NAME AS component, c.INSTANCE AS componentInstance, c.EVSE_ID AS evse, c.CONNECTOR_ID AS connector,
    v.NAME AS variable, v.INSTANCE AS instance, a.TYPE_ID AS type, a.MUTABILITY_ID AS mutability,
    a.VALUE AS value, a.VALUE_SOURCE AS source
  FROM COMPONENT c
  JOIN VARIABLE v ON v.COMPONENT_ID = c.ID
  JOIN VARIABLE_ATTRIBUTE a ON a.VARIABLE_ID = v.ID
  ORDER BY c.NAME, c.EVSE_ID, c.CONNECTOR_ID, c.INSTANCE, v.NAME, v.INSTANCE, a.TYPE_ID
  LIMIT ?`;

const Text = v.nullable(v.string());
const Attribute = v.object({
  component: Text,
  componentInstance: Text,
  evse: v.nullable(v.number()),
  connector: v.nullable(v.number()),
  variable: Text,
  instance: Text,
  type: v.nullable(v.number()),
  mutability: v.nullable(v.number()),
  value: v.nullable(v.union([v.string(), v.number()])),
  source: Text,
});
type Attribute = v.InferOutput<typeof Attribute>;

/** Write-only values and whatever is called a secret are not shown. */
function shownValue({ value, variable, mutability }: Attribute): string | null {
  if (value === null || value === "") return value;
  if (MUTABILITIES[mutability ?? 0] === "WriteOnly" || isSecretName(variable ?? "")) return "***";
  return maskSecrets(String(value));
}

function addressed(name: string | null, instance: string | null): string {
  return `${name ?? ""}${instance === null || instance === "" ? "" : `[${instance}]`}`;
}

/** The attributes of one device-model file, secrets masked. */
export function variablesView(database: Database, limit = -1): readonly ViewRow[] {
  return database
    .query(ATTRIBUTES)
    .all(limit)
    .flatMap((row) => {
      const parsed = v.safeParse(Attribute, row);
      if (!parsed.success) return [];
      const attribute = parsed.output;
      return [
        {
          component: addressed(attribute.component, attribute.componentInstance),
          evse: attribute.evse,
          connector: attribute.connector,
          variable: addressed(attribute.variable, attribute.instance),
          attribute: ATTRIBUTE_TYPES[attribute.type ?? 0] ?? null,
          mutability: MUTABILITIES[attribute.mutability ?? 0] ?? null,
          source: attribute.source,
          value: shownValue(attribute),
        },
      ];
    });
}
