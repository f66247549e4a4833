/** What the station hears from the hardware side, in its own words; `bridge/` translates EVerest's. */
import type {
  ChargingNeedsType,
  IdTokenType,
  ReasonEnumType,
  SampledValueType,
  SignedMeterValueType,
} from "../ocpp/v201/index.ts";

/** A token as the hardware side reports it, with the facts of how it was presented. */
export interface PresentedToken {
  readonly idToken: IdTokenType;
  readonly groupIdToken?: IdTokenType;
  /** remoteStartId of the RequestStartTransaction that this token came from (F01, F02). */
  readonly remoteStartId?: number;
  /** True when the token was issued by a RequestStartTransaction. */
  readonly remote: boolean;
}

/** One reading of an EVSE's meter: samples without context; the station adds context and filters measurands. */
export interface MeterReading {
  readonly timestamp: Date;
  /** Every sample carries measurand, phase, location and unit; signed data are attached where they belong. */
  readonly samples: readonly SampledValueType[];
}

/** What happens at one EVSE, in the order in which it happened there. */
export type EvseEvent = {
  readonly evseId: number;
  readonly connectorId: number;
  readonly timestamp: Date;
  /** The session at the hardware side; empty outside a session. */
  readonly sessionId: string;
} & (
  | {
      readonly kind: "SessionStarted";
      /** Why: the cable was plugged in first, or the driver authorized first. */
      readonly reason: "EVConnected" | "Authorized";
      readonly token?: PresentedToken;
      readonly reservationId?: number;
      readonly meter?: MeterReading;
    }
  | {
      readonly kind: "TransactionStarted";
      readonly token?: PresentedToken;
      readonly reservationId?: number;
      readonly meter?: MeterReading;
    }
  | { readonly kind: "ChargingStarted" }
  | { readonly kind: "SuspendedEV" }
  | { readonly kind: "SuspendedEVSE"; readonly reasons: readonly ("UserPause" | "Error" | "NoEnergy")[] }
  | { readonly kind: "Deauthorized" }
  | {
      readonly kind: "TransactionFinished";
      readonly stoppedReason: ReasonEnumType;
      /** Where the reason alone does not tell: a command of the CSMS that made the hardware side stop. */
      readonly cause?: "UnlockCommand" | "ResetCommand";
      readonly token?: PresentedToken;
      readonly meter?: MeterReading;
      /** The signature of the value at the start, from meters that give it only with the end. */
      readonly signedStart?: SignedMeterValueType;
    }
  | { readonly kind: "SessionFinished"; readonly meter?: MeterReading }
  | { readonly kind: "SessionResumed" }
  | { readonly kind: "PhasesSwitched"; readonly numberOfPhases?: number }
  | { readonly kind: "Enabled" }
  | { readonly kind: "Disabled" }
  | { readonly kind: "ReservationStarted"; readonly reservationId?: number }
  | { readonly kind: "ReservationEnded"; readonly reservationId?: number }
);

/** What tells a fault apart from all others that may be there at the same time. */
export function faultKey({ origin, type, subType }: HardwareError): string {
  return `${origin}|${type}|${subType}`;
}

/** The part of the charger that a fault concerns, as the device model names it (part 2, appendices). */
export interface FaultyPart {
  readonly component: string;
  /** The boolean variable that is true as long as the fault lasts. */
  readonly variable: "Problem" | "Tripped";
}

/** A fault raised or cleared somewhere in the charger (one type and subtype per origin). */
export interface HardwareError extends FaultyPart {
  readonly state: "raised" | "cleared";
  /** Who raised it: errors of one type from several origins are several. */
  readonly origin: string;
  readonly type: string;
  readonly subType: string;
  readonly description: string;
  readonly message: string;
  readonly severity: "Low" | "Medium" | "High";
  readonly timestamp: Date;
  readonly evseId?: number;
  readonly connectorId?: number;
  /** The error makes the connector unusable: connector status Faulted (EVerest: `evse_manager/Inoperative`). */
  readonly inoperative: boolean;
  /** MREC code of the error type, if it has one, e.g. `CX017`. */
  readonly techCode?: string;
}

export interface ConnectorDescription {
  readonly connectorId: number;
  readonly connectorType?: string;
}

export interface EvseDescription {
  readonly evseId: number;
  readonly connectors: readonly ConnectorDescription[];
}

/** What has become of a reservation at the hardware side; an id of nobody here may come from an earlier program. */
export interface ReservationUpdate {
  readonly reservationId: number;
  readonly status: "Expired" | "Removed" | "Placed" | "Cancelled" | "Used";
}

export type FirmwareUpdateState =
  | "Downloaded"
  | "DownloadFailed"
  | "Downloading"
  | "DownloadScheduled"
  | "DownloadPaused"
  | "Idle"
  | "InstallationFailed"
  | "Installing"
  | "Installed"
  | "InstallRebooting"
  | "InstallScheduled"
  | "InstallVerificationFailed"
  | "InvalidSignature"
  | "SignatureVerified";

export type LogUploadState =
  | "BadMessage"
  | "Idle"
  | "NotSupportedOperation"
  | "PermissionDenied"
  | "Uploaded"
  | "UploadFailure"
  | "Uploading"
  | "AcceptedCanceled";

export const VEHICLE_CERTIFICATES = ["Leaf", "SubCA1", "SubCA2", "Root"] as const;

/** What a vehicle tells in numbers: variable and attribute of ConnectedEV, and the unit (appendices, 3.2.13). */
export const VEHICLE_READINGS = {
  "ACCurrent.MinSet": "A",
  "ACCurrent.MaxSet": "A",
  "ACVoltage.MaxSet": "V",
  "DCCurrent.MinSet": "A",
  "DCCurrent.MaxSet": "A",
  "DCCurrent.Target": "A",
  "DCVoltage.MaxSet": "V",
  "DCVoltage.Target": "V",
  "Power.MaxSet": "W",
  "EnergyCapacity.Actual": "Wh",
  "EnergyImport.Target": "Wh",
  "RemainingTimeBulk.Actual": "s",
  "RemainingTimeFull.Actual": "s",
  "StateOfCharge.Actual": "Percent",
  "StateOfCharge.MaxSet": "Percent",
  "StateOfChargeBulk.Actual": "Percent",
} as const;

export type VehicleReadings = { readonly [Name in keyof typeof VEHICLE_READINGS]?: number };

/** What is known about the vehicle at an EVSE; what is left out has not been told this time. */
export interface VehicleInformation {
  readonly vehicleId?: string;
  /** `<uri>,<major>,<minor>`. */
  readonly protocolAgreed?: string;
  /** Likewise, the one that the vehicle likes best first. */
  readonly protocolsSupported?: readonly string[];
  /** PEM. */
  readonly certificates?: { readonly [Name in (typeof VEHICLE_CERTIFICATES)[number]]?: string };
  readonly readings?: VehicleReadings;
  /** RFC 3339. */
  readonly departureTime?: string;
}

export interface EnergyTransferModes {
  /** OCPP's names. */
  readonly names: readonly string[];
  readonly bidirectional: boolean;
}

/** A vehicle asks for a contract certificate, or for a newer one (M01, M02). */
export interface ContractCertificateRequest {
  /** Whoever speaks ISO 15118 with the vehicle: the answer goes there (`VehiclePort`). */
  readonly communicator: string;
  /** Where the vehicle is, as far as that is known. */
  readonly evseId?: number;
  readonly action: "Install" | "Update";
  readonly iso15118SchemaVersion: string;
  /** CertificateInstallationReq or CertificateUpdateReq as it came from the vehicle: EXI, Base64 encoded. */
  readonly exiRequest: string;
  /** Why OCPP has no way to hand it on. */
  readonly defect?: string;
  /** By the clock that never jumps: the vehicle counts from here. */
  readonly heardAtMilliseconds: number;
}

/**
 * A limit of somebody other than the CSMS, e.g. a grid operator or an energy management system (K11–K13): set, changed by
 * setting it again, or released. One for each source and EVSE; EVSE 0, or none, is the connection of the whole station.
 */
export type ExternalLimitEvent = {
  readonly source: "EMS" | "SO" | "Other";
  readonly evseId?: number;
} & (
  | {
      readonly kind: "set";
      /** The grid operator says that it matters to the stability of the grid. */
      readonly isGridCritical?: boolean;
      readonly unit: "A" | "W";
      /** When the first period begins; now if it is not told. */
      readonly start?: Date;
      readonly durationSeconds?: number;
      readonly periods: readonly {
        readonly startSeconds: number;
        /** A per phase, or W in total. */
        readonly limit: number;
        readonly numberOfPhases?: number;
      }[];
    }
  | { readonly kind: "released" }
);

/** Everything that the hardware side tells the station. The bridge calls these in order of arrival, one at a time. */
export interface HardwareEvents {
  evse: EvseEvent;
  meter: { readonly evseId: number; readonly reading: MeterReading };
  error: HardwareError;
  firmwareStatus: {
    readonly state: FirmwareUpdateState;
    readonly requestId?: number;
    /** EVSEs may go on serving while it is installed, and no permission is waited for. */
    readonly servesMeanwhile?: boolean;
  };
  reservation: ReservationUpdate;
  logStatus: { readonly state: LogUploadState; readonly requestId?: number };
  evInfo: { readonly evseId: number; readonly stateOfChargePercent?: number } & VehicleInformation;
  /** What an EV asks for, by ISO 15118, at the beginning and whenever it renegotiates (K15, K17). */
  chargingNeeds: { readonly evseId: number; readonly needs: ChargingNeedsType };
  energyTransferModes: { readonly evseId: number; readonly modes: EnergyTransferModes };
  contractCertificate: ContractCertificateRequest;
  serviceRenegotiation: { readonly evseId: number; readonly supported: boolean };
  capabilities: { readonly evseId: number; readonly maxPhaseCount?: number; readonly maxCurrentAmperes?: number };
  externalLimit: ExternalLimitEvent;
  publicKey: { readonly evseId: number; readonly publicKey: string };
  /** The module behind an EVSE has begun anew while the station goes on. */
  evseRestarted: { readonly evseId: number };
  /** A certificate has come into the store of the hardware side or has left it: leaf or CA, and its use (`V2G`, `CSMS`, …). */
  certificateStore: { readonly leaf?: string; readonly ca?: string };
}
