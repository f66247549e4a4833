/** What every functional block is given. Blocks do not import one another; they meet in `model/` and in these events. */
import type { DeviceModel } from "../device-model/device-model.ts";
import type { Clock } from "../lib/clock.ts";
import type { Emitter } from "../lib/events.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import type {
  IdTokenInfoType,
  IdTokenType,
  MeterValueType,
  ReasonEnumType,
  TransactionEventRequest,
  TransactionEventResponse,
  TriggerReasonEnumType,
} from "../ocpp/v201/index.ts";
import type { CoreDatabase } from "../store/core-database.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "./model/authorization.ts";
import type { ConnectorModel, StationModel } from "./model/station-model.ts";
import type { BootReason, Hardware, HardwareEvents, LeafCertificateFiles } from "./ports.ts";

/** Settings that come from the module configuration or the process, not from the device model. */
export interface StationSettings {
  readonly resetStopDelaySeconds: number;
  readonly bootReason: BootReason;
  readonly softwareVersion: string;
  /** The day of the release: no clock that is right shows an earlier time. */
  readonly released: Date;
  readonly messageLogDirectory: string;
  readonly compositeSchedule: {
    readonly intervalSeconds: number;
    readonly durationSeconds: number;
    readonly unit: "A" | "W";
  };
}

/** What happens inside the station; emitted synchronously after the deciding unit of work has committed. */
export interface StationEvents {
  /** BootNotification was answered Accepted; `first` is true once per process. */
  accepted: { readonly first: boolean };
  registrationChanged: { readonly registration: "Unregistered" | "Accepted" | "Pending" | "Rejected" };
  connected: { readonly offlineMilliseconds: number | undefined; readonly switchedProfile: boolean };
  disconnected: { readonly reason: string };
  transactionStarted: { readonly transactionId: string; readonly evseId: number; readonly connectorId: number };
  /** A transaction of an earlier run goes on after a restart. */
  transactionResumed: { readonly transactionId: string; readonly evseId: number; readonly connectorId: number };
  transactionEnded: { readonly transactionId: string; readonly evseId: number; readonly connectorId: number };
  /** The CSMS has answered a transaction event. */
  transactionEventAnswered: { readonly request: TransactionEventRequest; readonly response: TransactionEventResponse };
  /** An EVSE lost or got a session, a cable, a reservation, or availability: somebody waiting for idle looks again. */
  evseChanged: { readonly evseId: number };
  /** C: a token is to be decided about, and then was; `evseIds` as in AuthorizationQuery. */
  tokenPresented: { readonly evseIds?: readonly number[] };
  tokenDecided: { readonly idToken: IdTokenType; readonly evseIds?: readonly number[]; readonly accepted: boolean };
  /** The answer to SetVariables is out: what needs a new connection may cut this one. */
  variablesSet: object;
  /** Reports a security event; the A block decides about criticality, queueing, log and bus (A04). */
  securityEvent: {
    readonly type: string;
    readonly techInfo?: string;
    readonly timestamp?: Date;
    readonly critical?: boolean;
  };
}

/**
 * Services that one block offers to the others. Each is set once by its owner in `create…Block`
 * and may only be called after all blocks have been created.
 */
export interface StationServices {
  /** C: decides about a token, asking the CSMS where the rules say so; never rejects. */
  authorize(query: AuthorizationQuery): Promise<AuthorizationDecision>;
  /** C: updates cache after idTokenInfo came with a TransactionEventResponse (C10.FR.05). */
  learnIdTokenInfo(idToken: IdTokenType, info: IdTokenInfoType): void;
  /** B: is a reset waiting or running, so that no new transaction may start (B11, B12)? */
  isResetPending(evseId: number | undefined): boolean;
  /** L: does a firmware update stand in the way of being idle? N: likewise for log uploads (errata 2.14). */
  isFirmwareUpdateActive(): boolean;
  /** L: did the station come up with the firmware that an update has installed, whatever the hardware side says? */
  isBootOfNewFirmware(): boolean;
  isLogUploadActive(): boolean;
  /** E: stops the transactions of one EVSE or of all, through the hardware, as a durable intent. */
  stopTransactions(
    evseId: number | undefined,
    reason: "ImmediateReset" | "Remote" | "DeAuthorized" | "Other",
  ): Promise<void>;
  /** E: the sender of a TransactionEvent Updated asked for by TriggerMessage, run after the answer (F06.FR.04); undefined when no transaction runs. */
  triggerTransactionEvent(evseId: number | undefined): (() => void) | undefined;
  /** E: an Updated event with meter values of the running transaction; false when none runs. */
  reportMeterValues(evseId: number, trigger: TriggerReasonEnumType, meterValue: readonly MeterValueType[]): boolean;
  /** E: RequestStartTransaction matched a transaction that waits for authorization (F01.FR.13). */
  expectRemoteStart(evseId: number, remoteStartId: number, idToken: IdTokenType): string | undefined;
  /** E: tells of a trigger that changes nothing by itself, such as UnlockCommand, if a transaction runs (E03.FR.12). */
  noteTrigger(evseId: number, trigger: TriggerReasonEnumType): void;
  /** E: what the end of the running transaction will be for, or that it was nothing. */
  noteStopReason(evseId: number, reason: ReasonEnumType | undefined): void;
  /** J: likewise for MeterValues; undefined when there is no reading and none is to be expected. */
  triggerMeterValues(evseId: number | undefined): (() => void) | undefined;
  /** G: changes the flags of a connector and tells whoever must know. */
  updateConnector(evseId: number, connectorId: number, change: (connector: ConnectorModel) => void): void;
  /** G: StatusNotification on request, or of all connectors. */
  sendStatusNotification(evseId: number, connectorId: number): void;
  /** B: why the station started: what the hardware side says, or the reset that this station had asked for. */
  bootReason(): BootReason;
  /** B: as after a reboot: the next connection begins with BootNotification. */
  forgetRegistration(): void;
  /** B: BootNotification and Heartbeat on request. */
  triggerBootNotification(): void;
  triggerHeartbeat(): void;
  /** B: takes the CSMS's time (RFC 3339), corrected by half the round trip. */
  synchronizeClock(currentTime: string, roundTripMilliseconds: number): void;
  /** L, N, A: their notifications on request. */
  triggerFirmwareStatus(): void;
  triggerLogStatus(): void;
  triggerSignCertificate(kind: "ChargingStationCertificate" | "V2GCertificate"): void;
  /** G: applies an operational status asked by the CSMS, the bus or an update. */
  changeAvailability(target: {
    readonly evseId?: number;
    readonly connectorId?: number;
    readonly operative: boolean;
  }): "Accepted" | "Rejected" | "Scheduled";
  /** G: makes connectors Unavailable for as long as `holder` wants it (reset, firmware update); never persisted. */
  holdUnavailable(holder: string, evseIds: readonly number[]): void;
  /** G: likewise, but their status stays what it is: only new sessions are refused (TC_B_41). */
  holdClosed(holder: string, evseIds: readonly number[]): void;
  releaseUnavailable(holder: string): void;
  /** A: what the station presents in the next attempt with security profile 3, old or new while it is renewed (A02.FR.28). */
  clientCertificate(): Promise<LeafCertificateFiles | undefined>;
  /** A: the log file of security events for GetLog (N01). */
  securityLogPath(): string | undefined;
}

export interface StationContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deviceModel: DeviceModel;
  readonly csms: CsmsLink;
  readonly core: CoreDatabase;
  readonly hardware: Hardware;
  readonly hardwareEvents: Emitter<HardwareEvents>;
  readonly events: Emitter<StationEvents>;
  readonly model: StationModel;
  readonly settings: StationSettings;
  readonly services: Partial<StationServices>;
}

/** A functional block: handlers are registered in `create…Block`, timers and subscriptions live between start and stop. */
export interface Block {
  readonly name: string;
  start(): void | Promise<void>;
  stop(): void;
}
