import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AUGUST_DIRECTORY, committedRows, deviations, tableFor } from "../../../scripts/component-deviations.ts";
import { readComponentConfig } from "../../../src/device-model/component-config.ts";

const SHIPPED = join(import.meta.dir, "../../../component_config");

test("every deviation from August's component configuration has a reason", () => {
  const withoutReason = [...committedRows()].filter(([, reason]) => reason === "").map(([row]) => row);
  expect(withoutReason).toEqual([]);
});

test.skipIf(!existsSync(AUGUST_DIRECTORY))(
  "the table of docs/COMPONENT-CONFIG.md has every deviation from August's files, and no other (skipped where they are absent)",
  () => {
    const rows = committedRows();
    const committed = [...rows].map(([row, reason]) => `${row} ${reason} |`);
    expect(tableFor(deviations(AUGUST_DIRECTORY, SHIPPED), rows).split("\n").slice(2)).toEqual(committed);
  },
);

test("a CSMS keeps the rights that it had with the C++ module: what is ReadWrite there", () => {
  const mutabilities = new Map(
    readComponentConfig(SHIPPED).flatMap(({ name, instance, variables }) =>
      variables.map((variable) => [
        `${name}${instance === undefined ? "" : `[${instance}]`}.${variable.name}`,
        variable.attributes[0]?.mutability,
      ]),
    ),
  );
  for (const variable of [
    "ChargingStatusIndicator.Active",
    "ChargingStatusIndicator.Color",
    "ChargingStation.Problem",
    "ClockCtrlr.NtpServerUri",
    "ClockCtrlr.NtpSource",
    "InternalCtrlr.NetworkConfigTimeout",
    "InternalCtrlr.SupportedCriteria",
    "ISO15118Ctrlr.RequestMeteringReceipt",
    "NetworkConfiguration[1].OcppCsmsUrl",
    "NetworkConfiguration[2].Identity",
  ])
    expect([variable, mutabilities.get(variable)]).toEqual([variable, "ReadWrite"]);
});
