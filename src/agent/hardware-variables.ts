import { maximumPowerWatts, PROTOCOL_PRIORITIES } from "../bridge/device-model-components.ts";
import { vehicleOf } from "../bridge/vehicle.ts";
import type { AttributeType } from "../device-model/definitions.ts";
import { VariableHandle } from "../device-model/variable-handle.ts";
import { ConnectedEV, Connector, EVSE } from "../device-model/variables.ts";
import type { Emitter } from "../lib/events.ts";
import type { StationContext } from "../station/context.ts";
import {
  type HardwareEvents,
  VEHICLE_CERTIFICATES,
  VEHICLE_READINGS,
  type VehicleInformation,
  type VehicleReadings,
} from "../station/ports.ts";

const WRITER = "EVEREST";

function ofVehicle(evseId: number, variable: string, instance: string): VariableHandle<"string"> {
  return new VariableHandle({ component: "ConnectedEV", evseId, variable, instance }, "string");
}

function ofController<Kind extends "boolean" | "list">(
  component: "V2XChargingCtrlr" | "ISO15118Ctrlr",
  evseId: number,
  variable: string,
  kind: Kind,
): VariableHandle<Kind> {
  return new VariableHandle({ component, evseId, variable }, kind);
}

/** Everything about a vehicle that has left, apart from its readings. */
const NOBODY: VehicleInformation = {
  vehicleId: "",
  protocolAgreed: "",
  protocolsSupported: [],
  certificates: {},
  departureTime: "",
};

/** Keeps the variables that EVerest owns up to date; readings are not worth a write to the disk (BEHAVIOUR 16.4). */
export function followHardware(
  { deviceModel, hardware }: Pick<StationContext, "deviceModel" | "hardware">,
  hardwareEvents: Emitter<HardwareEvents>,
): void {
  const note = <Kind extends "boolean" | "number" | "string" | "list">(
    handle: VariableHandle<Kind>,
    value: Parameters<typeof deviceModel.write<Kind>>[1],
  ): void => deviceModel.write(handle, value, WRITER, true);

  /** Undefined: the vehicle has left. */
  const noteReadings = (evseId: number, readings: VehicleReadings | undefined): void => {
    const values = Object.keys(VEHICLE_READINGS).flatMap((key) => {
      const [variable = "", type] = key.split(".") as [string, AttributeType];
      const value = readings === undefined ? "" : readings[key as keyof VehicleReadings];
      const address = { component: "ConnectedEV", evseId, variable };
      return value === undefined ? [] : [[address, String(value), type] as const];
    });
    deviceModel.writeAll(values, WRITER, true);
  };

  const noteVehicle = (evseId: number, vehicle: VehicleInformation): void => {
    const { vehicleId, protocolAgreed, protocolsSupported, certificates, readings, departureTime } = vehicle;
    if (readings !== undefined) noteReadings(evseId, readings);
    if (departureTime !== undefined) note(ConnectedEV.DepartureTime.at(evseId), departureTime);
    if (vehicleId !== undefined) note(ConnectedEV.VehicleId.at(evseId), vehicleId);
    if (protocolAgreed !== undefined) note(ConnectedEV.ProtocolAgreed.at(evseId), protocolAgreed);
    if (protocolsSupported !== undefined)
      for (let index = 0; index < PROTOCOL_PRIORITIES; index++)
        note(ofVehicle(evseId, "ProtocolSupportedByEV", String(index + 1)), protocolsSupported[index] ?? "");
    if (certificates !== undefined)
      for (const name of VEHICLE_CERTIFICATES)
        note(ofVehicle(evseId, "VehicleCertificate", name), certificates[name] ?? "");
  };

  hardwareEvents.on("meter", ({ evseId, reading }) => {
    const total = reading.samples.find(
      ({ measurand, phase }) => measurand?.startsWith("Power.Active.") && phase === undefined,
    );
    if (total !== undefined) note(EVSE.Power.at(evseId), total.value);
  });
  hardwareEvents.on("evse", ({ evseId, ...event }) => {
    const plugged =
      event.kind === "TransactionStarted" || (event.kind === "SessionStarted" && event.reason === "EVConnected");
    if (plugged) note(ConnectedEV.Available.at(evseId), true);
    if (event.kind !== "SessionFinished") return;
    note(ConnectedEV.Available.at(evseId), false);
    noteVehicle(evseId, NOBODY);
    noteReadings(evseId, undefined);
  });
  hardwareEvents.on("evInfo", ({ evseId, ...vehicle }) => noteVehicle(evseId, vehicle));
  hardwareEvents.on("chargingNeeds", ({ evseId, needs }) => noteVehicle(evseId, vehicleOf(needs)));
  hardwareEvents.on("capabilities", ({ evseId, ...capabilities }) => {
    const { maxPhaseCount } = capabilities;
    const maxLimit = maximumPowerWatts(capabilities);
    if (maxLimit !== undefined) deviceModel.describe(EVSE.Power.at(evseId), { maxLimit });
    if (maxPhaseCount === undefined) return;
    note(EVSE.SupplyPhases.at(evseId), maxPhaseCount);
    for (const { connectorId } of hardware.evses.find((evse) => evse.evseId === evseId)?.connectors ?? [])
      note(Connector.SupplyPhases.at(evseId, connectorId), maxPhaseCount);
  });
  hardwareEvents.on("energyTransferModes", ({ evseId, modes }) => {
    note(ofController("V2XChargingCtrlr", evseId, "SupportedEnergyTransferModes", "list"), modes.names);
    for (const name of ["Available", "Enabled"])
      note(ofController("V2XChargingCtrlr", evseId, name, "boolean"), modes.bidirectional);
  });
  hardwareEvents.on("serviceRenegotiation", ({ evseId, supported }) =>
    note(ofController("ISO15118Ctrlr", evseId, "ServiceRenegotiationSupport", "boolean"), supported),
  );
}
