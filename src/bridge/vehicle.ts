import {
  type EvseManagerEVInfo,
  type Iso15118AppProtocol,
  type Iso15118EnergyTransferMode,
  Iso15118EnergyTransferModeWords,
  type Iso15118EvInformation,
} from "../everest/interfaces/index.ts";
import { isDateTime } from "../lib/date-time.ts";
import type { ChargingNeedsType } from "../ocpp/v201/index.ts";
import type { EnergyTransferModes, VehicleInformation, VehicleReadings } from "../station/ports.ts";

/** EVerest tells the modes of DIN 70121 and ISO 15118-2 apart where OCPP has one word. */
const OCPP_NAME: Partial<Record<Iso15118EnergyTransferMode, string>> = {
  AC_single_phase_core: "AC_single_phase",
  AC_three_phase_core: "AC_three_phase",
  DC_core: "DC",
  DC_extended: "DC",
  DC_combo_core: "DC",
  DC_unique: "DC",
};
const BIDIRECTIONAL = new Set<Iso15118EnergyTransferMode>(["AC_BPT", "AC_BPT_DER", "DC_BPT", "DC_ACDP_BPT", "MCS_BPT"]);

/** Without those that nobody knows. */
export function toEnergyTransferModes(all: readonly Iso15118EnergyTransferMode[]): EnergyTransferModes {
  const modes = all.filter((mode) => Iso15118EnergyTransferModeWords.has(mode));
  return {
    names: [...new Set(modes.map((mode) => OCPP_NAME[mode] ?? mode))],
    bidirectional: modes.some((mode) => BIDIRECTIONAL.has(mode)),
  };
}

/** `<uri>,<major>,<minor>` (part 2, 2.14.3). */
function toProtocol({ protocol_namespace, version_number_major, version_number_minor }: Iso15118AppProtocol): string {
  return `${protocol_namespace},${version_number_major},${version_number_minor}`;
}

export function toVehicleInformation(information: Iso15118EvInformation): VehicleInformation {
  const { tls_leaf_certificate, tls_sub_ca_1_certificate, tls_sub_ca_2_certificate, tls_root_certificate } =
    information;
  const byPriority = [...information.supported_protocols.Protocols].sort((one, other) => one.priority - other.priority);
  return {
    vehicleId: information.evcc_id,
    protocolAgreed: toProtocol(information.selected_protocol),
    protocolsSupported: byPriority.map(toProtocol),
    certificates: {
      ...(tls_leaf_certificate !== undefined && { Leaf: tls_leaf_certificate }),
      ...(tls_sub_ca_1_certificate !== undefined && { SubCA1: tls_sub_ca_1_certificate }),
      ...(tls_sub_ca_2_certificate !== undefined && { SubCA2: tls_sub_ca_2_certificate }),
      ...(tls_root_certificate !== undefined && { Root: tls_root_certificate }),
    },
  };
}

type Readings = { readonly [Name in keyof VehicleReadings]: number | undefined };

/** Without what has not been told, or is no number. */
function told(readings: Readings): VehicleReadings {
  return Object.fromEntries(Object.entries(readings).filter(([, value]) => Number.isFinite(value)));
}

function secondsUntil(time: string | undefined, now: Date): number | undefined {
  if (time === undefined || !isDateTime(time)) return undefined;
  return Math.max(0, Math.round((Date.parse(time) - now.getTime()) / 1000));
}

/** What EvseManager tells of the vehicle while it charges: limits and targets are those of direct current. */
export function toVehicleReadings(
  info: EvseManagerEVInfo,
  now: Date,
): Pick<VehicleInformation, "readings" | "departureTime"> {
  const { departure_time } = info;
  return {
    readings: told({
      "DCCurrent.MinSet": info.minimum_current_limit,
      "DCCurrent.MaxSet": info.maximum_current_limit,
      "DCCurrent.Target": info.target_current,
      "DCVoltage.MaxSet": info.maximum_voltage_limit,
      "DCVoltage.Target": info.target_voltage,
      "Power.MaxSet": info.maximum_power_limit,
      "EnergyCapacity.Actual": info.battery_capacity,
      "EnergyImport.Target": info.target_energy_request ?? info.remaining_energy_needed,
      "RemainingTimeBulk.Actual": secondsUntil(info.estimated_time_bulk, now),
      "RemainingTimeFull.Actual": secondsUntil(info.estimated_time_full, now),
      "StateOfCharge.Actual": info.soc,
      "StateOfCharge.MaxSet": info.battery_full_soc,
      "StateOfChargeBulk.Actual": info.battery_bulk_soc,
    }),
    ...(departure_time !== undefined && isDateTime(departure_time) && { departureTime: departure_time }),
  };
}

/** What the needs of a vehicle tell of it (appendices, 3.2.13). */
export function vehicleOf({
  acChargingParameters: ac,
  dcChargingParameters: dc,
  departureTime,
}: ChargingNeedsType): VehicleInformation {
  return {
    readings: told({
      "ACCurrent.MinSet": ac?.evMinCurrent,
      "ACCurrent.MaxSet": ac?.evMaxCurrent,
      "ACVoltage.MaxSet": ac?.evMaxVoltage,
      "DCCurrent.MaxSet": dc?.evMaxCurrent,
      "DCVoltage.MaxSet": dc?.evMaxVoltage,
      "Power.MaxSet": dc?.evMaxPower,
      "EnergyCapacity.Actual": dc?.evEnergyCapacity,
      "EnergyImport.Target": ac?.energyAmount ?? dc?.energyAmount,
      "StateOfCharge.Actual": dc?.stateOfCharge,
      "StateOfCharge.MaxSet": dc?.fullSoC,
      "StateOfChargeBulk.Actual": dc?.bulkSoC,
    }),
    ...(departureTime !== undefined && { departureTime }),
  };
}
