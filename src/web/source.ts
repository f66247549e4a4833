import type { HealthFacts } from "./health.ts";

/** What the web page and its neighbours may see of the station. Implemented by `agent/`; only `actions` changes anything. */

export interface WebSource {
  /** For `/status`: the state as JSON; `started` from the moment the station runs. */
  status(): { readonly started: boolean };
  /** For `/health`; undefined until the station has been put together. */
  health?(): HealthFacts | undefined;
  /** For `/metrics`. */
  readonly metrics?: { readonly contentType: string; scrape(): Promise<string> };
  /** What the page shows; undefined until the station has been put together. */
  station(): StationSource | undefined;
  readonly log: Recorded<LogLine>;
}

/** The newest entries of something that goes on, oldest first. */
export interface Recorded<Entry> {
  /** Those behind the entry with this number; all that are remembered with 0. */
  since(number: number): readonly (Entry & Numbered)[];
  /** The number of the newest entry, 0 without any. */
  readonly last: number;
}

export interface Numbered {
  /** Counted from 1 for the life of the process. */
  readonly number: number;
}

export interface StationSource {
  overview(): StationOverview;
  /** Asks EVerest for the certificates, which may take some seconds. */
  certificates(): Promise<readonly CertificateFacts[]>;
  evses(): readonly EvseFacts[];
  /** Power and energy of an EVSE in the last minutes. */
  meterHistory(evseId: number): MeterHistory;
  /** What limits the EVSEs from now on; `evseId` 0 stands for the station. */
  schedules(): readonly ScheduleFacts[];
  queue(): QueueFacts;
  readonly messages: Recorded<MessageFacts> & {
    /** The whole text without secrets, as far as it is kept; undefined when it is not remembered any more. */
    text(number: number): string | undefined;
  };
  variables(): Iterable<VariableFacts>;
  configuration(): readonly ConfigurationFacts[];
  readonly actions: StationActions;
}

export interface StationActions {
  /** Ends the connection and connects anew; false where it is switched off. */
  reconnect(): boolean;
  sendHeartbeat(): Promise<HeartbeatOutcome>;
}
export type HeartbeatOutcome = "answered" | "refused" | "timeout" | "offline";

export interface LogLine {
  readonly at: Date;
  readonly severity: "debug" | "info" | "warn" | "error" | "critical";
  readonly text: string;
}

export interface ConnectionEvent {
  readonly at: Date;
  readonly kind: "connected" | "lost" | "failed";
  readonly text: string;
  /** Of failures: what to do. */
  readonly advice?: string;
}

export interface StationOverview {
  readonly identity: string | undefined;
  readonly vendor: string | undefined;
  readonly model: string | undefined;
  readonly serialNumber: string | undefined;
  readonly firmwareVersion: string | undefined;
  readonly programVersion: string;
  readonly bootReason: string;
  readonly startedAt: Date;
  readonly connection: {
    readonly state: "stopped" | "connecting" | "connected" | "waiting";
    readonly url: string | undefined;
    readonly slot: number | undefined;
    readonly since: Date | undefined;
    readonly attempts: number;
    readonly connections: number;
    readonly lastFailure: ConnectionEvent | undefined;
    readonly lastLoss: ConnectionEvent | undefined;
    /** Newest first. */
    readonly history: readonly ConnectionEvent[];
  };
  readonly registration: string;
  readonly heartbeatIntervalSeconds: number | undefined;
  readonly profiles: readonly NetworkProfileFacts[];
  readonly queuedMessages: number;
  readonly runningTransactions: number;
  /** What keeps the station from being idle. */
  readonly hindrances: readonly string[];
}

export interface NetworkProfileFacts {
  readonly slot: number;
  readonly url: string;
  readonly securityProfile: number;
  readonly ocppInterface: string;
  /** Of the connection or the last attempt. */
  readonly isActive: boolean;
}

export interface CertificateFacts {
  readonly use: "station" | "CSMS root" | "CSMS";
  readonly name: string;
  readonly validFrom: Date;
  readonly validTo: Date;
}

export type ConnectorStatus = "Available" | "Occupied" | "Reserved" | "Unavailable" | "Faulted";

export interface EvseFacts {
  readonly evseId: number;
  readonly connectors: readonly { readonly connectorId: number; readonly status: ConnectorStatus }[];
  readonly evConnected: boolean;
  readonly authorized: boolean;
  readonly energyFlows: boolean;
  readonly transaction:
    | {
        readonly transactionId: string;
        readonly since: Date | undefined;
        /** The end of the token only. */
        readonly token: string | undefined;
        readonly wattHours: number | undefined;
      }
    | undefined;
  readonly reading: MeterFacts | undefined;
}

export interface MeterFacts {
  readonly at: Date;
  readonly watts: number | undefined;
  /** The register of the meter. */
  readonly wattHours: number | undefined;
  readonly amperes: number | undefined;
  readonly volts: number | undefined;
  readonly stateOfChargePercent: number | undefined;
}

/** Columns of equal length, oldest first; null where the meter did not say. */
export interface MeterHistory {
  /** Unix time. */
  readonly seconds: readonly number[];
  readonly watts: readonly (number | null)[];
  readonly wattHours: readonly (number | null)[];
}

export interface ScheduleFacts {
  readonly evseId: number;
  readonly unit: string;
  readonly start: Date;
  readonly durationSeconds: number;
  readonly periods: readonly { readonly startSeconds: number; readonly limit: number }[];
}

export interface QueuedFacts {
  readonly queue: string;
  readonly created: string;
  readonly action: string;
  readonly event: string;
  readonly attempts: number;
  readonly transactionId: string;
}

export interface QueueFacts {
  readonly durable: number;
  readonly normal: number;
  readonly limit: number;
  /** Since the start of the program, by action. */
  readonly dropped: ReadonlyMap<string, number>;
  /** The first of them. */
  readonly waiting: readonly QueuedFacts[];
  /** What could not be sent and was kept for whoever looks for it. */
  readonly putAside: readonly QueuedFacts[];
}

export interface MessageFacts {
  readonly at: Date;
  readonly direction: "sent" | "received";
  /** The action, `…Response` for an answer, CALLERROR. */
  readonly name: string;
  /** The action that it belongs to. */
  readonly action: string;
  readonly messageId: string | undefined;
  readonly characters: number;
  /** The beginning of the text, without secrets. */
  readonly summary: string;
  /** Of an answer: since its CALL. */
  readonly roundTripMilliseconds: number | undefined;
}

export interface VariableFacts {
  readonly component: string;
  readonly evse: string;
  readonly variable: string;
  readonly attribute: string;
  readonly mutability: string;
  readonly value: string;
  readonly unit: string;
  /** What may be set: limits, or a list of values. */
  readonly limits: string;
  /** Who has set it. */
  readonly source: string;
}

export interface ConfigurationFacts {
  readonly name: string;
  readonly value: string;
  readonly origin: "flag" | "environment" | "EVerest" | "default";
  /** How to set it: option and environment variable. */
  readonly settable: string;
}
