import { REQUESTED_TRANSFER_MODES, UNDETERMINED } from "../bridge/device-model-components.ts";
import { VariableHandle } from "../device-model/variable-handle.ts";
import { ISO15118Ctrlr, SmartChargingCtrlr } from "../device-model/variables.ts";
import type { Emitter } from "../lib/events.ts";
import type { StationContext } from "../station/context.ts";
import type { HardwareEvents } from "../station/ports.ts";

const WRITER = "EVEREST";
/** ISO 15118-2 and OCPP have room for so many in one schedule. */
const SCHEDULE_ENTRIES_LIMIT = 1_024;

/**
 * What ISO15118Ctrlr tells and nobody configures: how many periods a schedule may have, and what the EV has asked for, of each EVSE
 * with an ISO 15118 extension, and of the station what was asked for last.
 */
export function followIso15118(
  { deviceModel }: Pick<StationContext, "deviceModel">,
  hardwareEvents: Pick<Emitter<HardwareEvents>, "on">,
): void {
  const periods = (): number => deviceModel.read(SmartChargingCtrlr.PeriodsPerSchedule) ?? SCHEDULE_ENTRIES_LIMIT;
  deviceModel.compute(ISO15118Ctrlr.MaxScheduleEntries, () => String(Math.min(periods(), SCHEDULE_ENTRIES_LIMIT)));

  let lastEvseId: number | undefined;
  const noteMode = (evseId: number, mode: string): void => {
    const ofEvse = { component: "ISO15118Ctrlr", evseId, variable: "RequestedEnergyTransferMode" };
    deviceModel.write(new VariableHandle(ofEvse, "string"), mode, WRITER, true);
    if (mode === UNDETERMINED && evseId !== lastEvseId) return;
    lastEvseId = mode === UNDETERMINED ? undefined : evseId;
    deviceModel.write(ISO15118Ctrlr.RequestedEnergyTransferMode, mode, WRITER, true);
  };
  // EVerest's file has neither the value nor its word.
  deviceModel.describe(ISO15118Ctrlr.RequestedEnergyTransferMode, { valuesList: REQUESTED_TRANSFER_MODES });
  deviceModel.write(ISO15118Ctrlr.RequestedEnergyTransferMode, UNDETERMINED, WRITER, true);
  hardwareEvents.on("chargingNeeds", ({ evseId, needs }) => noteMode(evseId, needs.requestedEnergyTransfer));
  hardwareEvents.on("evse", ({ evseId, kind }) => {
    if (kind === "SessionFinished") noteMode(evseId, UNDETERMINED);
  });
}
