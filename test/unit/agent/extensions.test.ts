import { expect, test } from "bun:test";
import { extensionsByEvse } from "../../../src/agent/extensions.ts";
import type { EverestModule } from "../../../src/everest/everest-module.ts";

/** EVSEs by extension, `mappings` in the order of the configuration; undefined: not mapped. */
function assign(evseCount: number, mappings: readonly (number | undefined)[]) {
  const warnings: string[] = [];
  const peers = (requirement: string) =>
    requirement === "evse_manager"
      ? Array.from({ length: evseCount }, () => ({}))
      : mappings.map((evse, index) => ({
          connected: { moduleId: `iso_${index}`, ...(evse !== undefined && { mapping: { evse } }) },
        }));
  const module = { peers } as unknown as EverestModule;
  const found = extensionsByEvse(module, { warn: (text) => void warnings.push(text) });
  const names = found.map(({ peer, evseId }) => [peer.connected.moduleId, evseId]);
  return { evses: Object.fromEntries(names) as Record<string, number>, warnings };
}

test("charging needs come from the EVSE to which the extension is mapped", () => {
  expect(assign(2, [2, 1])).toEqual({ evses: { iso_0: 2, iso_1: 1 }, warnings: [] });
});

test.each([
  ["the only EVSE", 1, [undefined], { iso_0: 1 }],
  ["the EVSE that is left over", 3, [3, undefined, 1], { iso_0: 3, iso_1: 2, iso_2: 1 }],
  ["the EVSEs in their order", 2, [undefined, undefined], { iso_0: 1, iso_1: 2 }],
  ["the only EVSE instead of one that does not exist", 1, [7], { iso_0: 1 }],
  ["the only EVSE instead of the station", 1, [0], { iso_0: 1 }],
])("without a mapping it is %s, with a warning", (_, evseCount, mappings, evses) => {
  const assigned = assign(evseCount, mappings);
  expect(assigned.evses).toEqual(evses);
  expect(assigned.warnings.length).toBe(
    mappings.filter((evse) => !(evse !== undefined && evse > 0 && evse <= evseCount)).length,
  );
  for (const warning of assigned.warnings) expect(warning).toContain("is not mapped to an EVSE: it is taken for");
});

test("where there is a choice, what an extension without mapping tells is lost, with a warning", () => {
  expect(assign(2, [undefined])).toEqual({
    evses: {},
    warnings: ['The ISO 15118 extension "iso_0" is not mapped to an EVSE: what it tells about vehicles is lost'],
  });
});
