import {
  type Iso15118AppProtocol,
  type Iso15118EnergyTransferMode,
  Iso15118EnergyTransferModeWords,
  type Iso15118EvInformation,
} from "../everest/interfaces/index.ts";
import type { EnergyTransferModes, VehicleInformation } from "../station/ports.ts";

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
