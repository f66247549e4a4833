/**
 * What the station asks of the hardware side and what it hears from it.
 * These are the station's own words; `bridge/` translates them from and to EVerest.
 * Every outgoing call may fail or take long: promises reject with an Error that says why, and callers decide.
 */
import type {
  ConnectorStatusEnumType,
  CustomDataType,
  IdTokenInfoType,
  IdTokenType,
  MessageContentType,
  OCSPRequestDataType,
  ReasonEnumType,
  SampledValueType,
  SignedMeterValueType,
  TransactionEventRequest,
  TransactionEventResponse,
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

/** The part of the charger that a fault concerns, as the device model names it (part 2, appendices). */
export interface FaultyPart {
  readonly component: string;
  /** The boolean variable that is true as long as the fault lasts. */
  readonly variable: "Problem" | "Tripped";
}

/** A fault raised or cleared somewhere in the charger (one type and subtype per origin). */
export interface HardwareError extends FaultyPart {
  readonly state: "raised" | "cleared";
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

/** What is known about the vehicle at an EVSE; what is left out has not been told this time. */
export interface VehicleInformation {
  readonly vehicleId?: string;
  /** `<uri>,<major>,<minor>`. */
  readonly protocolAgreed?: string;
  /** Likewise, the one that the vehicle likes best first. */
  readonly protocolsSupported?: readonly string[];
  /** PEM. */
  readonly certificates?: { readonly [Name in (typeof VEHICLE_CERTIFICATES)[number]]?: string };
}

export interface EnergyTransferModes {
  /** OCPP's names. */
  readonly names: readonly string[];
  readonly bidirectional: boolean;
}

/** Everything that the hardware side tells the station. The bridge calls these in order of arrival, one at a time. */
export interface HardwareEvents {
  evse: EvseEvent;
  meter: { readonly evseId: number; readonly reading: MeterReading };
  error: HardwareError;
  firmwareStatus: { readonly state: FirmwareUpdateState; readonly requestId?: number };
  logStatus: { readonly state: LogUploadState; readonly requestId?: number };
  reservationUpdate: {
    readonly reservationId: number;
    readonly state: "Expired" | "Removed" | "Placed" | "Cancelled" | "Used";
  };
  evInfo: { readonly evseId: number; readonly stateOfChargePercent?: number } & VehicleInformation;
  energyTransferModes: { readonly evseId: number; readonly modes: EnergyTransferModes };
  serviceRenegotiation: { readonly evseId: number; readonly supported: boolean };
  capabilities: { readonly evseId: number; readonly maxPhaseCount?: number; readonly maxCurrentAmperes?: number };
  publicKey: { readonly evseId: number; readonly publicKey: string };
}

export interface EvsePort {
  /** Makes a connector (in)operative; resolves to whether the connector is enabled now. */
  enableConnector(evseId: number, connectorId: number, operative: boolean): Promise<boolean>;
  /** Resolves to false when no transaction is active there. */
  stopTransaction(evseId: number, reason: ReasonEnumType): Promise<boolean>;
  /** Takes back an authorization with which nothing has begun yet. */
  withdrawAuthorization(evseId: number): Promise<void>;
  pauseCharging(evseId: number): Promise<boolean>;
  resumeCharging(evseId: number): Promise<boolean>;
  /** True only says that the command was taken; a failure follows as a connector lock error. */
  forceUnlock(evseId: number, connectorId: number): Promise<boolean>;
  setPlugAndCharge(evseId: number, configuration: PlugAndChargeConfiguration): Promise<void>;
}

export interface PlugAndChargeConfiguration {
  readonly pncEnabled?: boolean;
  readonly centralContractValidationAllowed?: boolean;
  readonly contractCertificateInstallationEnabled?: boolean;
}

export interface ValidationUpdate {
  readonly evseId: number;
  readonly idTokenInfo: IdTokenInfoType;
}

export interface AuthorizationPort {
  /** Offers a token as if it had been presented at the charger (remote start). */
  provideToken(token: {
    readonly idToken: IdTokenType;
    readonly groupIdToken?: IdTokenType;
    readonly remoteStartId: number;
    readonly evseId?: number;
    /** False: the token must be validated through `validate_token` first (AuthorizeRemoteStart). */
    readonly prevalidated: boolean;
  }): void;
  setConnectionTimeout(seconds: number): Promise<void>;
  setMasterPassGroupId(groupId: string): Promise<void>;
  /** A later change of an earlier validation result. */
  publishValidationUpdate(update: ValidationUpdate): void;
}

export interface FirmwareUpdateOrder {
  readonly requestId: number;
  readonly location: string;
  readonly retrieveDateTime: string;
  readonly installDateTime?: string;
  readonly signingCertificate?: string;
  readonly signature?: string;
  readonly retries?: number;
  readonly retryIntervalSeconds?: number;
}

export interface LogUploadOrder {
  readonly requestId: number;
  readonly type: "DiagnosticsLog" | "SecurityLog";
  readonly location: string;
  readonly oldestTimestamp?: string;
  readonly latestTimestamp?: string;
  readonly retries?: number;
  readonly retryIntervalSeconds?: number;
  /** Where the station keeps its own security log, to be part of a SecurityLog. */
  readonly securityLogPath?: string;
}

export type BootReason =
  | "ApplicationReset"
  | "FirmwareUpdate"
  | "LocalReset"
  | "PowerUp"
  | "RemoteReset"
  | "ScheduledReset"
  | "Triggered"
  | "Unknown"
  | "Watchdog";

export interface SystemPort {
  bootReason(): Promise<BootReason>;
  isResetAllowed(): Promise<boolean>;
  reset(scheduled: boolean): Promise<void>;
  setSystemTime(time: Date): Promise<boolean>;
  updateFirmware(
    order: FirmwareUpdateOrder,
  ): Promise<"Accepted" | "Rejected" | "AcceptedCanceled" | "InvalidCertificate" | "RevokedCertificate">;
  allowFirmwareInstallation(): Promise<void>;
  uploadLogs(
    order: LogUploadOrder,
  ): Promise<{ readonly status: "Accepted" | "Rejected" | "AcceptedCanceled"; readonly fileName?: string }>;
}

export type CaCertificateUse = "V2G" | "MO" | "CSMS" | "MF";
export type LeafCertificateUse = "CSMS" | "V2G";

export interface CertificateHash {
  readonly hashAlgorithm: "SHA256" | "SHA384" | "SHA512";
  readonly issuerNameHash: string;
  readonly issuerKeyHash: string;
  readonly serialNumber: string;
}

export interface InstalledCertificate {
  readonly use:
    | "V2GRootCertificate"
    | "MORootCertificate"
    | "CSMSRootCertificate"
    | "V2GCertificateChain"
    | "ManufacturerRootCertificate";
  readonly hash: CertificateHash;
  readonly children: readonly CertificateHash[];
}

export interface LeafCertificateFiles {
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly password?: string;
  /** What stands in the file of the certificate, leaf first. */
  readonly chainPem?: string;
}

export type CertificateValidation =
  | "Valid"
  | "Expired"
  | "InvalidSignature"
  | "IssuerNotFound"
  | "InvalidLeafSignature"
  | "InvalidChain"
  | "Unknown";

export interface SecurityPort {
  installCaCertificate(pem: string, use: CaCertificateUse): Promise<"Accepted" | "Failed" | "Rejected">;
  deleteCertificate(hash: CertificateHash): Promise<"Accepted" | "Failed" | "NotFound">;
  installedCertificates(uses: readonly InstalledCertificate["use"][]): Promise<readonly InstalledCertificate[]>;
  generateSigningRequest(
    use: LeafCertificateUse,
    subject: {
      readonly country: string;
      readonly organization: string;
      readonly commonName: string;
      readonly useTpm: boolean;
    },
  ): Promise<{ readonly csr: string } | { readonly failure: string }>;
  updateLeafCertificate(
    chainPem: string,
    use: LeafCertificateUse,
  ): Promise<{ readonly accepted: boolean; readonly reason?: string }>;
  verifyCertificate(chainPem: string, uses: readonly CaCertificateUse[]): Promise<CertificateValidation>;
  leafCertificateFiles(use: LeafCertificateUse): Promise<LeafCertificateFiles | undefined>;
  /** Path of a PEM bundle or a directory of root certificates. */
  verifyLocation(use: CaCertificateUse): Promise<string | undefined>;
  verifyFile(use: CaCertificateUse): Promise<string | undefined>;
  /** The root certificates of one use as PEM texts, each with one or more certificates. */
  caCertificates(use: CaCertificateUse): Promise<readonly string[]>;
  leafExpiryDays(use: LeafCertificateUse): Promise<number | undefined>;
  isCaInstalled(use: CaCertificateUse): Promise<boolean>;
  v2gOcspRequestData(): Promise<readonly OCSPRequestDataType[]>;
  moOcspRequestData(chainPem: string): Promise<readonly OCSPRequestDataType[]>;
}

export interface ReservationPort {
  readonly available: boolean;
  /** Is the EVSE reserved for somebody other than this token (or its group)? */
  isReservedForOther(evseId: number | undefined, idToken: IdTokenType, groupIdToken?: IdTokenType): Promise<boolean>;
  /** Is the EVSE reserved for anybody? */
  isReserved(evseId: number): Promise<boolean>;
}

export type DataTransferStatus = "Accepted" | "Rejected" | "UnknownMessageId" | "UnknownVendorId";

export interface DataTransferPort {
  /** Undefined when nobody on the hardware side takes data transfers. */
  readonly deliver:
    | ((request: {
        readonly vendorId: string;
        readonly messageId?: string;
        readonly data?: unknown;
        readonly customData?: CustomDataType;
      }) => Promise<{
        readonly status: DataTransferStatus;
        readonly data?: unknown;
        readonly customData?: CustomDataType;
      }>)
    | undefined;
}

/** What a transaction has cost so far, in units of the currency. */
export interface RunningCost {
  readonly transactionId: string;
  /** Code of ISO 4217; whatever the configuration says. */
  readonly currency: string;
  readonly decimals: number;
  readonly finished: boolean;
  readonly totalCost: number;
  readonly timestamp: string;
  readonly energyWattHours?: number;
  readonly message?: MessageContentType;
}

/** What others on the charger's bus may see of the station; publishing never fails for the station. */
export interface ObserverPort {
  connected(connected: boolean): void;
  bootNotificationResponse(response: {
    status: string;
    currentTime: string;
    interval: number;
    reasonCode?: string;
  }): void;
  securityEvent(event: { type: string; techInfo?: string; timestamp: Date; critical: boolean }): void;
  transactionEvent(request: TransactionEventRequest, sessionId: string): void;
  transactionEventResponse(request: TransactionEventRequest, response: TransactionEventResponse): void;
  sessionCost(cost: RunningCost): void;
  tariffMessage(transactionId: string, message: MessageContentType): void;
}

/** What one EVSE, or with EVSE 0 the station, may draw from `start` on. */
export interface ChargingLimits {
  readonly evseId: number;
  readonly unit: "A" | "W";
  readonly durationSeconds: number;
  readonly start: Date;
  readonly periods: readonly {
    readonly startSeconds: number;
    readonly limit: number;
    readonly numberOfPhases?: number;
  }[];
}

export interface EnergyPort {
  /** Told anew as a whole each time; failing for one EVSE does not concern the others. */
  setLimits(limits: readonly ChargingLimits[]): void;
}

export interface Hardware {
  readonly evses: readonly EvseDescription[];
  readonly evse: EvsePort;
  readonly authorization: AuthorizationPort;
  readonly system: SystemPort;
  readonly security: SecurityPort;
  readonly reservation: ReservationPort;
  readonly dataTransfer: DataTransferPort;
  readonly energy: EnergyPort;
  readonly observer: ObserverPort;
}

export type ConnectorStatus = ConnectorStatusEnumType;
