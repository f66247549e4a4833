import type { ConnectorStatus, StationOverview } from "../source.ts";
import type { Tone } from "./parts.tsx";

type Words = { readonly tone: Tone; readonly text: string };

const CONNECTION: Readonly<Record<StationOverview["connection"]["state"], Words>> = {
  connected: { tone: "good", text: "Connected" },
  connecting: { tone: "warn", text: "Connecting" },
  waiting: { tone: "bad", text: "Not connected" },
  stopped: { tone: "idle", text: "Switched off" },
};

export function connectionWords(state: StationOverview["connection"]["state"]): Words {
  return CONNECTION[state];
}

const REGISTRATION: Readonly<Record<string, Words>> = {
  Accepted: { tone: "good", text: "Accepted by the CSMS" },
  Pending: { tone: "warn", text: "The CSMS wants to set up the station first (Pending)" },
  Rejected: { tone: "bad", text: "Rejected by the CSMS" },
};

export function registrationWords(registration: string): Words {
  return REGISTRATION[registration] ?? { tone: "idle", text: "Not registered yet" };
}

const SECURITY_PROFILES = [
  "0: neither password nor TLS",
  "1: password, no TLS",
  "2: password and TLS",
  "3: TLS with certificates of both sides",
];

export function securityProfileWords(profile: number): string {
  return SECURITY_PROFILES[profile] ?? String(profile);
}

const CONNECTOR: Readonly<Record<ConnectorStatus, Tone>> = {
  Available: "good",
  Occupied: "busy",
  Reserved: "warn",
  Unavailable: "idle",
  Faulted: "bad",
};

export function connectorTone(status: ConnectorStatus): Tone {
  return CONNECTOR[status];
}
