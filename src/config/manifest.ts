import * as v from "valibot";
import multi from "../../manifest.OCPPmulti.yaml" with { type: "yaml" };
import single from "../../manifest.yaml" with { type: "yaml" };

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
export type Manifest = v.InferOutput<typeof Manifest>;

/** The modules of EVerest in whose place this program stands. */
export const SLOTS = ["OCPP201", "OCPPmulti"] as const;
export type Slot = (typeof SLOTS)[number];

/** The shipped manifests, as EVerest's manager reads them. */
export const MANIFESTS: Readonly<Record<Slot, Manifest>> = {
  OCPP201: v.parse(Manifest, single as unknown),
  OCPPmulti: v.parse(Manifest, multi as unknown),
};

/** The module whose shared data both use: they go on with each other's files and databases. */
export const SHARED_DATA_OF: Slot = "OCPP201";

/** By the type in EVerest's configuration; a type that nobody knows is taken for OCPP201. */
export function slotOf(moduleName: string | undefined): Slot {
  return moduleName === "OCPPmulti" ? moduleName : "OCPP201";
}
