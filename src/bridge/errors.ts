import type { ErrorMessage } from "../everest/envelope.ts";
import type { FaultyPart, HardwareError } from "../station/ports.ts";
import { parseTimestamp } from "./meter-reading.ts";

/** EVerest's error types that stand for a code of the MREC list (BEHAVIOUR 15.1). */
const MREC_CODE: Readonly<Record<string, string>> = {
  "connector_lock/MREC1ConnectorLockFailure": "CX001",
  "evse_board_support/MREC2GroundFailure": "CX002",
  "ac_rcd/MREC2GroundFailure": "CX002",
  "evse_board_support/MREC3HighTemperature": "CX003",
  "evse_board_support/MREC4OverCurrentFailure": "CX004",
  "evse_manager/MREC4OverCurrentFailure": "CX004",
  "evse_board_support/MREC5OverVoltage": "CX005",
  "evse_manager/MREC5OverVoltage": "CX005",
  "evse_board_support/MREC6UnderVoltage": "CX006",
  "evse_board_support/MREC8EmergencyStop": "CX008",
  "evse_manager/MREC9AuthorizationTimeout": "CX009",
  "evse_board_support/MREC10InvalidVehicleMode": "CX010",
  "evse_manager/MREC11CableCheckFault": "CX011",
  "evse_board_support/MREC14PilotFault": "CX014",
  "evse_board_support/MREC15PowerLoss": "CX015",
  "evse_board_support/MREC17EVSEContactorFault": "CX017",
  "evse_board_support/MREC18CableOverTempDerate": "CX018",
  "evse_board_support/MREC19CableOverTempStop": "CX019",
  "evse_board_support/MREC20PartialInsertion": "CX020",
  "evse_manager/MREC22ResistanceFault": "CX022",
  "evse_board_support/MREC23ProximityFault": "CX023",
  "evse_board_support/MREC24ConnectorVoltageHigh": "CX024",
  "evse_board_support/MREC25BrokenLatch": "CX025",
  "evse_board_support/MREC26CutCable": "CX026",
};

const EVSE_FAULT: FaultyPart = { component: "EVSE", variable: "Problem" };

/** The part of the charger that an error speaks of, as the appendix of part 2 names it; by type, else by its namespace. */
const FAULTY_PART: Readonly<Record<string, FaultyPart>> = {
  connector_lock: { component: "ConnectorPlugRetentionLock", variable: "Problem" }, // G05.FR.02
  ac_rcd: { component: "RCD", variable: "Problem" },
  "ac_rcd/MREC2GroundFailure": { component: "RCD", variable: "Tripped" },
  "ac_rcd/AC": { component: "RCD", variable: "Tripped" },
  "ac_rcd/DC": { component: "RCD", variable: "Tripped" },
  "evse_board_support/MREC2GroundFailure": { component: "RCD", variable: "Tripped" },
  "evse_board_support/MREC3HighTemperature": { component: "TemperatureSensor", variable: "Problem" },
  "evse_board_support/MREC4OverCurrentFailure": { component: "OverCurrentProtection", variable: "Tripped" },
  "evse_manager/MREC4OverCurrentFailure": { component: "OverCurrentProtection", variable: "Tripped" },
  "evse_board_support/MREC5OverVoltage": { component: "ElectricalFeed", variable: "Problem" },
  "evse_board_support/MREC6UnderVoltage": { component: "ElectricalFeed", variable: "Problem" },
  "evse_board_support/BrownOut": { component: "ElectricalFeed", variable: "Problem" },
  "evse_board_support/MREC15PowerLoss": { component: "ElectricalFeed", variable: "Problem" },
  "evse_board_support/MREC8EmergencyStop": { component: "EmergencyStopSensor", variable: "Tripped" },
  "evse_board_support/DiodeFault": { component: "CPPWMController", variable: "Problem" },
  "evse_board_support/MREC10InvalidVehicleMode": { component: "CPPWMController", variable: "Problem" },
  "evse_board_support/MREC14PilotFault": { component: "CPPWMController", variable: "Problem" },
  "evse_board_support/MREC23ProximityFault": { component: "CPPWMController", variable: "Problem" },
  "evse_board_support/MREC17EVSEContactorFault": { component: "PowerContactor", variable: "Problem" },
  "evse_board_support/MREC18CableOverTempDerate": { component: "Connector", variable: "Problem" },
  "evse_board_support/MREC19CableOverTempStop": { component: "Connector", variable: "Problem" },
  "evse_board_support/MREC20PartialInsertion": { component: "Connector", variable: "Problem" },
  "evse_board_support/MREC24ConnectorVoltageHigh": { component: "Connector", variable: "Problem" },
  "evse_board_support/MREC25BrokenLatch": { component: "Connector", variable: "Problem" },
  "evse_board_support/MREC26CutCable": { component: "CableBreakawaySensor", variable: "Tripped" },
  "evse_board_support/VentilationNotAvailable": { component: "AreaVentilation", variable: "Problem" },
  "evse_board_support/TiltDetected": { component: "TiltSensor", variable: "Tripped" },
  "evse_board_support/WaterIngressDetected": { component: "FloodSensor", variable: "Tripped" },
  "evse_board_support/EnclosureOpen": { component: "CaseAccessSensor", variable: "Tripped" },
  "evse_manager/MREC5OverVoltage": { component: "AcDcConverter", variable: "Problem" },
  "evse_manager/VoltagePlausibilityFault": { component: "AcDcConverter", variable: "Problem" },
  "evse_manager/MREC11CableCheckFault": { component: "GroundIsolationProtection", variable: "Tripped" },
  "evse_manager/MREC22ResistanceFault": { component: "GroundIsolationProtection", variable: "Tripped" },
  "evse_manager/PowermeterTransactionStartFailed": { component: "FiscalMetering", variable: "Problem" },
  isolation_monitor: { component: "GroundIsolationProtection", variable: "Problem" },
  over_voltage_monitor: { component: "AcDcConverter", variable: "Problem" },
  power_supply_DC: { component: "AcDcConverter", variable: "Problem" },
  powermeter: { component: "FiscalMetering", variable: "Problem" },
  payment_terminal: { component: "TokenReader", variable: "Problem" },
};

const INOPERATIVE = "evse_manager/Inoperative";

function faultyPartOf(type: string): FaultyPart {
  return FAULTY_PART[type] ?? FAULTY_PART[type.split("/", 1)[0] ?? ""] ?? EVSE_FAULT;
}

/** `evseOf` tells which EVSE an evse_manager module stands for, `customCodes` techCodes by error type that win over MREC's. */
export function toHardwareError(
  error: ErrorMessage,
  now: Date,
  evseOf: (moduleId: string) => number | undefined,
  customCodes: ReadonlyMap<string, string> = new Map(),
): HardwareError {
  const { mapping } = error.origin;
  const evseId = evseOf(error.origin.module_id) ?? mapping?.evse;
  const techCode = customCodes.get(error.type) ?? MREC_CODE[error.type];
  return {
    state: error.state === "Active" ? "raised" : "cleared",
    origin: `${error.origin.module_id}/${error.origin.implementation_id}`,
    type: error.type,
    subType: error.sub_type,
    ...faultyPartOf(error.type),
    description: error.description,
    message: error.message,
    severity: error.severity === "Low" || error.severity === "Medium" ? error.severity : "High",
    // A clear repeats the time of the raise (PROTOCOL 12.2): it happened now.
    timestamp: error.state === "Active" ? parseTimestamp(error.timestamp, now) : now,
    ...(evseId !== undefined && evseId > 0 && { evseId }),
    ...(typeof mapping?.connector === "number" && { connectorId: mapping.connector }),
    inoperative: error.type === INOPERATIVE,
    ...(techCode !== undefined && { techCode }),
  };
}
