import { ConnectedEV, EVSE } from "../device-model/variables.ts";
import type { StationContext } from "../station/context.ts";

const WRITER = "EVEREST";

/** Keeps the variables that EVerest owns up to date; readings are not worth a write to the disk (BEHAVIOUR 16.4). */
export function followHardware({ deviceModel, hardwareEvents }: StationContext): void {
  hardwareEvents.on("meter", ({ evseId, reading }) => {
    const total = reading.samples.find(
      ({ measurand, phase }) => measurand?.startsWith("Power.Active.") && phase === undefined,
    );
    if (total !== undefined) deviceModel.write(EVSE.Power.at(evseId), total.value, WRITER, true);
  });
  hardwareEvents.on("evse", ({ evseId, ...event }) => {
    const plugged =
      event.kind === "TransactionStarted" || (event.kind === "SessionStarted" && event.reason === "EVConnected");
    if (plugged) deviceModel.write(ConnectedEV.Available.at(evseId), true, WRITER, true);
    if (event.kind !== "SessionFinished") return;
    deviceModel.write(ConnectedEV.Available.at(evseId), false, WRITER, true);
    deviceModel.write(ConnectedEV.VehicleId.at(evseId), "", WRITER, true);
  });
  hardwareEvents.on("evInfo", ({ evseId, vehicleId }) => {
    if (vehicleId !== undefined) deviceModel.write(ConnectedEV.VehicleId.at(evseId), vehicleId, WRITER, true);
  });
  hardwareEvents.on("capabilities", ({ evseId, maxPhaseCount }) => {
    if (maxPhaseCount !== undefined) deviceModel.write(EVSE.SupplyPhases.at(evseId), maxPhaseCount, WRITER);
  });
}
