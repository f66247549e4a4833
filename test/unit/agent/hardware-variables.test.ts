import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { followHardware } from "../../../src/agent/hardware-variables.ts";
import {
  createParameterWriter,
  everestModuleComponents,
  hardwareComponents,
  iso15118EvseIds,
} from "../../../src/bridge/device-model-components.ts";
import { toEnergyTransferModes, toVehicleInformation } from "../../../src/bridge/vehicle.ts";
import type { VariableState } from "../../../src/device-model/device-model.ts";
import type { ConfigService } from "../../../src/everest/config-service.ts";
import type { AllParameters } from "../../../src/everest/configuration.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

const protocol = (name: string, priority: number) => ({
  protocol_namespace: name,
  version_number_major: 2,
  version_number_minor: 0,
  schema_id: 1,
  priority,
});

describe("EVerest's store while the station runs (BEHAVIOUR 16.4)", () => {
  let charger: InProcessCharger;
  beforeEach(async () => {
    charger = await new InProcessCharger().start();
    followHardware(charger.context, charger.hardwareEvents);
  });
  afterEach(() => charger.dispose());

  const value = (component: string, variable: string, instance?: string, connectorId?: number) =>
    charger.deviceModel.get(
      {
        component,
        evseId: 1,
        variable,
        ...(instance !== undefined && { instance }),
        ...(connectorId !== undefined && { connectorId }),
      },
      "Actual",
    ).value;

  test("a vehicle is described while it is there, and forgotten when it leaves", () => {
    const vehicle = toVehicleInformation({
      evcc_id: "AA:BB:CC:DD:EE:FF",
      selected_protocol: protocol("urn:b", 1),
      supported_protocols: { Protocols: [protocol("urn:a", 2), protocol("urn:b", 1)] },
      tls_leaf_certificate: "PEM",
    });
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
    charger.hardwareEvents.emit("evInfo", { evseId: 1, ...vehicle });
    expect(value("ConnectedEV", "Available")).toBe("true");
    expect(value("ConnectedEV", "VehicleId")).toBe("AA:BB:CC:DD:EE:FF");
    expect(value("ConnectedEV", "ProtocolAgreed")).toBe("urn:b,2,0");
    expect(["1", "2", "3"].map((priority) => value("ConnectedEV", "ProtocolSupportedByEV", priority))).toEqual([
      "urn:b,2,0",
      "urn:a,2,0",
      "",
    ]);
    expect(["Leaf", "Root"].map((name) => value("ConnectedEV", "VehicleCertificate", name))).toEqual(["PEM", ""]);
    charger.event(1, { kind: "SessionFinished", sessionId: "s" });
    expect(value("ConnectedEV", "Available")).toBe("false");
    for (const [name, instance] of [
      ["VehicleId", undefined],
      ["ProtocolAgreed", undefined],
      ["ProtocolSupportedByEV", "1"],
      ["VehicleCertificate", "Leaf"],
    ] as const)
      expect(value("ConnectedEV", name, instance)).toBe("");
  });

  test("a vehicle's needs and readings have the attributes of the appendix (3.2.13), and are gone when it leaves", () => {
    const attribute = (variable: string, type: "Actual" | "Target" | "MinSet" | "MaxSet") =>
      charger.deviceModel.get({ component: "ConnectedEV", evseId: 1, variable }, type);
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
    const acChargingParameters = { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 };
    const departureTime = "2026-01-01T18:00:00.000Z";
    charger.hardwareEvents.emit("chargingNeeds", {
      evseId: 1,
      needs: { requestedEnergyTransfer: "AC_two_phase", acChargingParameters, departureTime },
    });
    charger.hardwareEvents.emit("evInfo", { evseId: 1, readings: { "StateOfCharge.Actual": 40.5 } });
    const expected = [
      ["ACCurrent", "MinSet", "6"],
      ["ACCurrent", "MaxSet", "32"],
      ["ACVoltage", "MaxSet", "400"],
      ["EnergyImport", "Target", "20000"],
      ["StateOfCharge", "Actual", "40.5"],
      ["DepartureTime", "Actual", departureTime],
    ] as const;
    for (const [variable, type, value] of expected)
      expect(attribute(variable, type)).toEqual({ status: "Accepted", value });
    expect(attribute("ACCurrent", "Actual").status).toBe("NotSupportedAttributeType");
    expect(attribute("StateOfCharge", "MaxSet")).toEqual({ status: "Accepted", value: "" });
    charger.event(1, { kind: "SessionFinished", sessionId: "s" });
    for (const [variable, type] of expected)
      expect(attribute(variable, type)).toEqual({ status: "Accepted", value: "" });
  });

  test("what only the car's charge controller tells does not wipe out what the extension told", () => {
    charger.hardwareEvents.emit("evInfo", { evseId: 1, protocolAgreed: "urn:b,2,0" });
    charger.hardwareEvents.emit("evInfo", { evseId: 1, stateOfChargePercent: 50 });
    expect(value("ConnectedEV", "ProtocolAgreed")).toBe("urn:b,2,0");
  });

  test("flaw of the C++ module: capabilities that come late still tell the power, and the connector its phases", () => {
    charger.hardwareEvents.emit("capabilities", { evseId: 1, maxPhaseCount: 1, maxCurrentAmperes: 32 });
    const power = charger.deviceModel.find({ component: "EVSE", evseId: 1, variable: "Power" });
    expect((power as VariableState).characteristics).toMatchObject({ maxLimit: 7360, unit: "W" });
    expect([value("EVSE", "SupplyPhases"), value("Connector", "SupplyPhases", undefined, 1)]).toEqual(["1", "1"]);
  });

  test("flaw of the C++ module: energy transfer modes have OCPP's names", () => {
    const emit = (...modes: Parameters<typeof toEnergyTransferModes>[0]) =>
      charger.hardwareEvents.emit("energyTransferModes", { evseId: 1, modes: toEnergyTransferModes(modes) });
    emit("AC_single_phase_core", "AC_three_phase_core", "DC_core", "DC_extended");
    expect(value("V2XChargingCtrlr", "SupportedEnergyTransferModes")).toBe("AC_single_phase,AC_three_phase,DC");
    expect(value("V2XChargingCtrlr", "Enabled")).toBe("false");
    emit("DC_BPT");
    expect([value("V2XChargingCtrlr", "Enabled"), value("V2XChargingCtrlr", "Available")]).toEqual(["true", "true"]);
  });
});

describe("components from EVerest's configuration", () => {
  const parameters: AllParameters = {
    manager: {
      "!module": [
        { name: "evse_id", value: "DE*PNX*1", characteristics: { datatype: "string", mutability: "ReadOnly" } },
        { name: "private_key_password", value: "x", characteristics: { datatype: "string", mutability: "ReadWrite" } },
        { name: "x".repeat(51), value: 1, characteristics: { datatype: "integer", mutability: "ReadOnly" } },
      ],
      meter: [{ name: "interval", value: 1.5, characteristics: { datatype: "number", mutability: "ReadWrite" } }],
    },
  };
  const [component] = everestModuleComponents(
    parameters,
    { manager: { module: { evse: 2, connector: null } } },
    new Map([["manager", "EvseManager"]]),
  );

  test("one for each module: type, id, mapping, parameters, those with secrets only to be written", () => {
    expect(component).toMatchObject({ name: "EvseManager", instance: "manager", evseId: 2 });
    expect(
      component?.variables.map(({ name, characteristics, attributes: [attribute] }) => [
        name,
        characteristics.dataType,
        attribute?.mutability,
        attribute?.value,
      ]),
    ).toEqual([
      ["evse_id", "string", "ReadOnly", "DE*PNX*1"],
      ["private_key_password", "string", "WriteOnly", "x"],
      ["meter.interval", "decimal", "ReadWrite", "1.5"],
    ]);
  });

  test("flaw of the C++ module: parameters of mapped modules are written where they live", async () => {
    const asked: unknown[] = [];
    const writer = createParameterWriter({
      set: async (...args: unknown[]) => {
        asked.push(args);
        return "RebootRequired";
      },
    } as unknown as ConfigService);
    const state = (name: string) => ({ name, component: { definition: component } }) as unknown as VariableState;
    expect(await writer(state("meter.interval"), "2")).toEqual({ status: "RebootRequired" });
    await writer(state("evse_id"), "DE*PNX*2");
    expect(asked).toEqual([
      [{ module_id: "manager", module_implementation_id: "meter", configuration_parameter_name: "interval" }, "2"],
      [
        { module_id: "manager", module_implementation_id: "!module", configuration_parameter_name: "evse_id" },
        "DE*PNX*2",
      ],
    ]);
  });

  test("flaw of the C++ module: the EVSEID of ISO 15118 is the one that EvseManager is configured with", () => {
    const ids = iso15118EvseIds(parameters, [{ moduleId: "other" }, { moduleId: "manager" }]);
    const components = hardwareComponents(
      [1, 2].map((evseId) => ({ evseId, connectors: [{ connectorId: 1 }] })),
      { capabilitiesOf: () => ({}), iso15118EvseIds: ids, extensionEvseIds: [2] },
    );
    const found = components
      .filter(({ name }) => name === "EVSE")
      .map(({ variables }) => variables.find(({ name }) => name === "ISO15118EvseId")?.attributes[0]?.value);
    expect(found).toEqual(["DEFAULT_EVSE_ID", "DE*PNX*1"]);
    expect(components.filter(({ name }) => name === "ISO15118Ctrlr").map(({ evseId }) => evseId)).toEqual([2]);
  });
});
