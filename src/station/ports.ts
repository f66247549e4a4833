/**
 * What the station asks of the hardware side and what it hears from it.
 * These are the station's own words; `bridge/` translates them from and to EVerest.
 * Every outgoing call may fail or take long: promises reject with an Error that says why, and callers decide.
 */
import type {
  APNType,
  ConnectorEnumType,
  CustomDataType,
  DisplayMessageStatusEnumType,
  IdTokenInfoType,
  IdTokenType,
  MessageContentType,
  MessageInfoType,
  OCPPInterfaceEnumType,
  OCSPRequestDataType,
  ReasonEnumType,
  ReserveNowStatusEnumType,
  TransactionEventRequest,
  TransactionEventResponse,
  VPNType,
} from "../ocpp/v201/index.ts";

import type { ContractCertificateRequest, EvseDescription } from "./hardware-events.ts";

export * from "./hardware-events.ts";

export interface EvsePort {
  /** Makes a connector (in)operative; resolves to whether the connector is enabled now. */
  enableConnector(evseId: number, connectorId: number, operative: boolean): Promise<boolean>;
  /** Resolves to false when no transaction is active there. */
  stopTransaction(evseId: number, reason: ReasonEnumType): Promise<boolean>;
  /** Takes back an authorization with which nothing has begun yet. */
  withdrawAuthorization(evseId: number): Promise<void>;
  pauseCharging(evseId: number): Promise<boolean>;
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
  /** What `setConnectionTimeout` takes. */
  readonly connectionTimeoutRangeSeconds: { readonly minimum: number; readonly maximum: number };
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
  /** What the station knows of itself, to be part of a DiagnosticsLog. */
  readonly diagnosticsPath?: string;
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
  /** The newest valid one of each root, that of `leafCertificateFiles` first. */
  newestLeaves(use: LeafCertificateUse): Promise<readonly LeafCertificateFiles[]>;
  /** Path of a PEM bundle or a directory of root certificates. */
  verifyLocation(use: CaCertificateUse): Promise<string | undefined>;
  verifyFile(use: CaCertificateUse): Promise<string | undefined>;
  /** The root certificates of one use as PEM texts, each with one or more certificates. */
  caCertificates(use: CaCertificateUse): Promise<readonly string[]>;
  leafExpiryDays(use: LeafCertificateUse): Promise<number | undefined>;
  isCaInstalled(use: CaCertificateUse): Promise<boolean>;
  v2gOcspRequestData(): Promise<readonly OCSPRequestDataType[]>;
  moOcspRequestData(chainPem: string): Promise<readonly OCSPRequestDataType[]>;
  /** What the EV is shown of a V2G certificate: base64 of the DER of an OCSPResponse (RFC 6960). */
  updateOcspCache(hash: CertificateHash, ocspResult: string): Promise<void>;
}

/** What is to be kept for whom: one EVSE, one connector of a type, or whatever there is. */
export interface ReservationOrder {
  readonly reservationId: number;
  readonly expiryDateTime: string;
  readonly idToken: IdTokenType;
  readonly groupIdToken?: IdTokenType;
  readonly evseId?: number;
  readonly connectorType?: ConnectorEnumType;
}

export interface ReservationPort {
  readonly available: boolean;
  /** One with the same id is gone then, also when the new one is refused. */
  reserveNow(order: ReservationOrder): Promise<ReserveNowStatusEnumType>;
  /** Resolves to false when there was no such reservation. */
  cancelReservation(reservationId: number): Promise<boolean>;
  /** Does the hardware side keep an EVSE for this reservation's token? */
  isPlaced(order: ReservationOrder): Promise<boolean>;
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

export interface DisplayPort {
  /** Is there a display at all? */
  readonly available: boolean;
  /** Shows a message as it says, or replaces the one with its id. */
  setMessage(
    message: MessageInfoType,
  ): Promise<{ readonly status: DisplayMessageStatusEnumType; readonly info?: string }>;
  /** Resolves also when the display has no such message. */
  clearMessage(messageId: number): Promise<void>;
  /** The messages that the display keeps, as far as OCPP has words for them. */
  keptMessages(): Promise<readonly MessageInfoType[]>;
}

/** Prices in units of the currency. */
export interface ChargingPrice {
  readonly kWhPrice?: number;
  readonly hourPrice?: number;
  readonly flatFee?: number;
}

export interface IdlePrice {
  readonly graceMinutes?: number;
  readonly hourPrice?: number;
}

/** What a transaction has cost so far, in units of the currency. */
export interface RunningCost {
  readonly transactionId: string;
  /** Code of ISO 4217; whatever the configuration says. */
  readonly currency: string;
  /** Places behind the point that are shown. */
  readonly decimals: number;
  readonly status: "Running" | "Idle" | "Finished";
  readonly totalCost: number;
  readonly timestamp?: string;
  readonly energyWattHours?: number;
  readonly chargingPrice?: ChargingPrice;
  readonly idlePrice?: IdlePrice;
  readonly nextPeriod?: {
    readonly atTime: string;
    readonly chargingPrice: ChargingPrice;
    readonly idlePrice?: IdlePrice;
  };
  readonly messages?: readonly MessageContentType[];
  readonly qrCode?: string;
}

/** The connection to the CSMS and the network profile that it uses, or that was used or tried last. */
export interface ConnectionReport {
  readonly connected: boolean;
  readonly csmsUrl: string;
  readonly identity?: string;
  readonly securityProfile: number;
  readonly configurationSlot: number;
  readonly ocppInterface: string;
  readonly ocppTransport: "JSON";
  /** Absent as long as none was ever agreed upon. */
  readonly ocppVersion?: string;
}

/** What others on the charger's bus may see of the station; publishing never fails for the station. */
export interface ObserverPort {
  connection(report: ConnectionReport): void;
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
  /** For the driver of a transaction, one text in several languages. */
  tariffMessage(transactionId: string, messages: readonly MessageContentType[]): void;
  /** For whoever comes: the tariff without a token, one text in several languages. */
  defaultPrice(messages: readonly MessageContentType[]): void;
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
    readonly phaseToUse?: number;
    readonly stackLevel?: number;
  }[];
}

export interface EnergyPort {
  /** Somebody keeps the limit of the whole station; otherwise the EVSEs' limits must do it (K04.FR.05). */
  readonly keepsStationLimit: boolean;
  /** The composite schedules of the station and all EVSEs, for whoever wants to know them. */
  publishSchedules(schedules: readonly ChargingLimits[]): void;
  /**
   * What these EVSEs have to keep from now on; the others go on with what they were told. Resolves when everybody has
   * been asked; whoever fails is asked again.
   */
  setLimits(limits: readonly ChargingLimits[]): Promise<void>;
}

/** What became of the interface of a network profile. */
export type NetworkOutcome =
  /** The name of an interface of the operating system or an address to connect from, where there is a choice. */
  | { readonly status: "Ready"; readonly interfaceAddress?: string }
  /** Nobody sets up interfaces here. */
  | { readonly status: "NotSupported" }
  | { readonly status: "Failed"; readonly reason: string };

export interface NetworkPort {
  /** False once the hardware side has said that it sets up nothing. */
  readonly canSetUpApnAndVpn: boolean;
  /** Makes the interface of a profile ready for an attempt to connect; never rejects, and answers within the time. */
  configure(
    profile: { readonly ocppInterface: OCPPInterfaceEnumType; readonly apn?: APNType; readonly vpn?: VPNType },
    timeoutMilliseconds: number,
  ): Promise<NetworkOutcome>;
}

export interface VehiclePort {
  /** Is there anybody who would tell what an EV needs? */
  readonly tellsChargingNeeds: boolean;
  /** `exiResponse` (Base64) is there when the CSMS has answered; without it the vehicle is told that there is no certificate. */
  answerContractCertificate(
    request: Pick<ContractCertificateRequest, "communicator" | "action">,
    exiResponse: string | undefined,
  ): Promise<void>;
}

export interface Hardware {
  /** Undefined where the hardware side does not offer to set up networks. */
  readonly network: NetworkPort | undefined;
  readonly evses: readonly EvseDescription[];
  readonly evse: EvsePort;
  readonly authorization: AuthorizationPort;
  readonly system: SystemPort;
  readonly security: SecurityPort;
  readonly reservation: ReservationPort;
  readonly dataTransfer: DataTransferPort;
  readonly display: DisplayPort;
  readonly energy: EnergyPort;
  readonly vehicle: VehiclePort;
  readonly observer: ObserverPort;
}
