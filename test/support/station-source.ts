import type { MessageFacts, Numbered, StationSource } from "../../src/web/source.ts";

/** What somebody outside may have written into a name, a reason or a message. */
export const HOSTILE = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`;
export const AT = new Date("2026-01-01T00:00:00.000Z");

export interface SourceScene {
  readonly station: StationSource;
  /** Actions that were carried out. */
  readonly done: string[];
}

/** A station that shows hostile texts wherever one can come from. */
export function hostileStation(): SourceScene {
  const done: string[] = [];
  const event = { at: AT, kind: "failed" as const, text: HOSTILE, advice: HOSTILE };
  const message: MessageFacts & Numbered = {
    number: 1,
    at: AT,
    direction: "received",
    name: HOSTILE,
    action: HOSTILE,
    messageId: HOSTILE,
    characters: 1,
    summary: HOSTILE,
    roundTripMilliseconds: 1.4,
  };
  const queued = {
    queue: "durable",
    created: HOSTILE,
    action: HOSTILE,
    event: HOSTILE,
    attempts: 1,
    transactionId: HOSTILE,
  };
  const station: StationSource = {
    overview: () => ({
      identity: HOSTILE,
      vendor: HOSTILE,
      model: HOSTILE,
      serialNumber: HOSTILE,
      firmwareVersion: HOSTILE,
      programVersion: "1.2.3",
      bootReason: "PowerUp",
      startedAt: AT,
      connection: {
        state: "waiting",
        url: HOSTILE,
        slot: 1,
        since: undefined,
        attempts: 2,
        connections: 1,
        lastFailure: event,
        lastLoss: { at: AT, kind: "lost", text: HOSTILE },
        history: [event],
      },
      registration: HOSTILE,
      heartbeatIntervalSeconds: 300,
      profiles: [{ slot: 1, url: HOSTILE, securityProfile: 2, ocppInterface: HOSTILE, isActive: true }],
      queuedMessages: 3,
      runningTransactions: 1,
      hindrances: [HOSTILE],
    }),
    certificates: async () =>
      [-1, 10, 400].map((days) => ({
        use: "CSMS root",
        name: HOSTILE,
        validFrom: new Date(0),
        validTo: new Date(AT.getTime() + days * 86_400_000),
      })),
    evses: () => [
      {
        evseId: 1,
        connectors: [{ connectorId: 1, status: "Occupied" }],
        evConnected: true,
        authorized: true,
        energyFlows: true,
        transaction: { transactionId: HOSTILE, since: AT, token: HOSTILE, wattHours: 1_234 },
        reading: { at: AT, watts: 11_000, wattHours: 5_000, amperes: 16, volts: 230, stateOfChargePercent: 50 },
      },
    ],
    meterHistory: () => ({ seconds: [1], watts: [2], wattHours: [null] }),
    schedules: () => [
      {
        evseId: 1,
        unit: HOSTILE,
        start: AT,
        durationSeconds: 86_400,
        periods: [
          { startSeconds: 0, limit: 16 },
          { startSeconds: 3_600, limit: 10 },
        ],
      },
    ],
    queue: () => ({
      durable: 3,
      normal: 0,
      limit: 4,
      dropped: new Map([[HOSTILE, 2]]),
      waiting: [queued],
      putAside: [queued],
    }),
    messages: {
      last: 1,
      since: (number) => (number < 1 ? [message] : []),
      text: (number) => (number === 1 ? HOSTILE : undefined),
    },
    variables: () => [
      {
        component: HOSTILE,
        evse: "1",
        variable: HOSTILE,
        attribute: "Actual",
        mutability: "ReadWrite",
        value: HOSTILE,
        unit: HOSTILE,
        limits: HOSTILE,
        source: HOSTILE,
      },
    ],
    configuration: () => [{ name: "Name", value: HOSTILE, origin: "EVerest", settable: "--name" }],
    actions: {
      reconnect() {
        done.push("reconnect");
        return true;
      },
      async sendHeartbeat() {
        done.push("heartbeat");
        return "answered";
      },
    },
  };
  return { station, done };
}
