import { expect, test } from "bun:test";
import { toHardwareError } from "../../../src/bridge/errors.ts";

const NOW = new Date("2026-01-01T00:00:00.000Z");
const error = (type: string, mapping?: { evse: number; connector?: number }) =>
  toHardwareError(
    {
      type,
      sub_type: "",
      message: "",
      description: "",
      severity: "High",
      origin: { module_id: "bsp", implementation_id: "main", ...(mapping !== undefined && { mapping }) },
      state: "Active",
      timestamp: NOW.toISOString(),
      uuid: "1",
    } as Parameters<typeof toHardwareError>[0],
    NOW,
    () => undefined,
  );

test.each([
  ["connector_lock/MREC1ConnectorLockFailure", "ConnectorPlugRetentionLock", "Problem"],
  ["connector_lock/ConnectorLockFailedUnlock", "ConnectorPlugRetentionLock", "Problem"],
  ["ac_rcd/MREC2GroundFailure", "RCD", "Tripped"],
  ["ac_rcd/Selftest", "RCD", "Problem"],
  ["evse_board_support/MREC6UnderVoltage", "ElectricalFeed", "Problem"],
  ["evse_board_support/MREC8EmergencyStop", "EmergencyStopSensor", "Tripped"],
  ["evse_board_support/MREC17EVSEContactorFault", "PowerContactor", "Problem"],
  ["isolation_monitor/DeviceFault", "GroundIsolationProtection", "Problem"],
  ["power_supply_DC/OverTemperature", "AcDcConverter", "Problem"],
  ["evse_manager/Inoperative", "EVSE", "Problem"],
  ["vendor/SomethingNew", "EVSE", "Problem"],
])("G05.FR.02, N07: %s concerns %s.%s", (type, component, variable) => {
  expect(error(type)).toMatchObject({ component, variable: variable as "Problem" | "Tripped" });
});

test("EVSE and connector come from the mapping of the origin; EVSE 0 is the station", () => {
  expect(error("ac_rcd/AC", { evse: 2, connector: 1 })).toMatchObject({ evseId: 2, connectorId: 1 });
  expect(error("ac_rcd/AC", { evse: 0 }).evseId).toBeUndefined();
});
