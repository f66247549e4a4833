import * as v from "valibot";
import file from "../../manifest.yaml" with { type: "yaml" };

const Manifest = v.object({
  config: v.record(
    v.string(),
    v.object({
      type: v.picklist(["string", "boolean", "integer", "number"]),
      default: v.union([v.string(), v.number(), v.boolean()]),
    }),
  ),
  requires: v.record(
    v.string(),
    v.object({ interface: v.string(), min_connections: v.number(), max_connections: v.number() }),
  ),
});

/** The shipped manifest of the module, as EVerest's manager reads it. */
export const MANIFEST = v.parse(Manifest, file as unknown);
