/** What the blocks offer one another, and to `bridge/` and `agent/`: one page to see what there is. */
import type {
  ChargingProfileType,
  EventDataType,
  IdTokenInfoType,
  IdTokenType,
  MessageContentType,
  MeterValueType,
  ReasonEnumType,
  TriggerReasonEnumType,
} from "../ocpp/v201/index.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "./model/authorization.ts";
import type { ConnectorModel } from "./model/station-model.ts";
import type { BootReason, LeafCertificateFiles } from "./ports.ts";
import { CustomerData } from "./registries/customer-data.ts";
import { EvseHolds } from "./registries/evse-holds.ts";
import { Idleness } from "./registries/idleness.ts";
import { StatusViews } from "./registries/status-views.ts";
import { TriggerRegistry } from "./registries/triggers.ts";

/** A: what the station presents in the next attempt with security profile 3. */
export interface ClientCertificateService {
  /** Old or new while it is renewed (A02.FR.28). */
  choose(): Promise<LeafCertificateFiles | undefined>;
  /** Before `chainPem` is installed: the present certificate stays at hand. Resolves to what undoes it. */
  prepareFor(chainPem: string): Promise<() => void>;
  /** What was shown in the last connection (PEM), whether or not the hardware side still offers it. */
  lastShown(): string | undefined;
}

/** B: why the station started: what the hardware side says, or what the blocks know better. */
export interface BootReasonService {
  read(): BootReason;
  /** What an earlier run tells of this start; to be called while blocks are created. New firmware counts more than a reset. */
  explain(reason: "FirmwareUpdate" | "RemoteReset" | "ScheduledReset"): void;
  /** The station begins anew without a restart of the process. */
  replace(reason: BootReason): void;
}

export interface AuthorizationService {
  /** C: decides about a token, asking the CSMS where the rules say so; never rejects. */
  authorize(query: AuthorizationQuery): Promise<AuthorizationDecision>;
  /** C: updates the cache after idTokenInfo came with a TransactionEventResponse (C10.FR.05). */
  learn(idToken: IdTokenType, info: IdTokenInfoType): void;
}

/** E: what other blocks may do with running transactions. */
export interface TransactionService {
  /** Stops the transactions of one EVSE or of all, through the hardware, as a durable intent. */
  stop(evseId: number | undefined, reason: "ImmediateReset" | "Remote" | "DeAuthorized" | "Other"): Promise<void>;
  /** An Updated event with meter values of the running transaction; false when none runs. */
  report(evseId: number, trigger: TriggerReasonEnumType, meterValue: readonly MeterValueType[]): boolean;
  /** Tells of a trigger that changes nothing by itself, such as UnlockCommand, if a transaction runs (E03.FR.12). */
  noteTrigger(evseId: number, trigger: TriggerReasonEnumType): void;
  /** What the end of the running transaction will be for, or that it was nothing. */
  noteStopReason(evseId: number, reason: ReasonEnumType | undefined): void;
  /** The transaction that waits for authorization, which a RequestStartTransaction would match (F01.FR.13). */
  waitingForAuthorization(evseId: number): string | undefined;
}

/** K: profiles that come with RequestStartTransaction (K05). */
export interface RemoteStartProfileService {
  /** Why a profile cannot be carried out there, or without an EVSE; undefined when it can, or is ignored. */
  defect(
    evseId: number | undefined,
    profile: ChargingProfileType,
  ): { readonly reasonCode: string; readonly additionalInfo: string } | undefined;
  /** Keeps what came with an accepted start for the transaction that comes of it (F01.FR.10). @throws when it cannot be stored. */
  keep(remoteStartId: number, profile: ChargingProfileType | undefined): void;
}

/** H: for whom EVSEs are kept. */
export interface ReservationService {
  /** Are all of these EVSEs (undefined or empty: all there are) kept for others, so that this token may not charge? */
  isKeptForOther(evseIds: readonly number[] | undefined, idToken: IdTokenType, groupIdToken?: IdTokenType): boolean;
  /** Only the group of the token, which is not known yet, can tell whether it may charge there (H03.FR.08). */
  needsGroup(evseId: number, idToken: IdTokenType, groupIdToken?: IdTokenType): boolean;
  /** A token of the CSMS is on its way to this EVSE: the reservation that it matches is used (H03.FR.09). */
  use(evseId: number, idToken: IdTokenType, groupIdToken?: IdTokenType): void;
  /** The reservation with which this token came to this EVSE (H01.FR.15). */
  usedBy(idToken: IdTokenType, evseId: number): number | undefined;
  /** Was it told, since it was placed, with a transaction other than this one? Then it is not told again (H01.FR.15). */
  wasToldWithOther(reservationId: number, transactionId: string | undefined): boolean;
  /** To be called inside the unit of work in which a TransactionEvent tells it. */
  noteTold(reservationId: number, transactionId: string): void;
}

/** G: applies an operational status asked by the CSMS, the bus or an update. */
export interface AvailabilityService {
  change(target: {
    readonly evseId?: number;
    readonly connectorId?: number;
    readonly operative: boolean;
  }): "Accepted" | "Rejected" | "Scheduled";
}

/** An event of a fault or of a monitor before it has its number. */
export type StreamEvent = Omit<EventDataType, "eventId">;

export interface TellOptions {
  /** Queued while there is no connection (N07.FR.04). */
  readonly keptOffline: boolean;
  /** Of many waiting messages about one thing only the first and the last are sent. */
  readonly subject?: string;
  /** They give way to faults where there is no room for both. */
  readonly ofMonitors?: boolean;
}

/** N: NotifyEvents of faults and of monitors, in one order and with one numbering. */
export interface EventStreamService {
  /** Tells of what happens in one moment; joins the unit of work that it is called in. */
  tell(events: readonly StreamEvent[], options: TellOptions): void;
  /** False while so many events of monitors wait for the CSMS that no more are taken. */
  readonly hasRoom: boolean;
}

/** Each is provided by just one block. */
export interface BlockServices {
  readonly authorization: AuthorizationService;
  readonly availability: AvailabilityService;
  readonly bootReason: BootReasonService;
  readonly clientCertificate: ClientCertificateService;
  /** G: changes the flags of a connector and tells whoever must know. */
  readonly connectors: {
    update(evseId: number, connectorId: number, change: (connector: ConnectorModel) => void): void;
  };
  readonly remoteStartProfiles: RemoteStartProfileService;
  readonly eventStream: EventStreamService;
  /** B: as after a reboot, the next connection begins with BootNotification. */
  readonly registration: { forget(): void };
  readonly reservations: ReservationService;
  /** B: is a reset waiting or running, so that no new transaction may start (B11, B12)? */
  readonly resets: { isPending(evseId: number | undefined): boolean };
  /** A: the log file of security events for GetLog (N01). */
  readonly securityLog: { readonly path: string };
  /** B: takes the CSMS's time (RFC 3339), corrected by half the round trip. */
  readonly stationTime: { synchronize(currentTime: string, roundTripMilliseconds: number): void };
  /** I: the tariff for a driver whom the CSMS tells none, one text in several languages; empty where it is not shown (I04.FR.01). */
  readonly tariff: { fallback(): readonly MessageContentType[] };
  readonly transactions: TransactionService;
}

/** Lists to which any block adds what it has; they are there before the first block. */
export interface Registries {
  readonly customerData: CustomerData;
  readonly evseHolds: EvseHolds;
  readonly idleness: Idleness;
  readonly statusViews: StatusViews;
  readonly triggers: TriggerRegistry;
}

export type StationServices = BlockServices & Registries;
export type ServiceName = keyof StationServices;

export function createRegistries(): Registries {
  return {
    customerData: new CustomerData(),
    evseHolds: new EvseHolds(),
    idleness: new Idleness(),
    statusViews: new StatusViews(),
    triggers: new TriggerRegistry(),
  };
}
