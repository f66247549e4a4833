import { afterEach, describe, expect, test } from "bun:test";
import { Metrics } from "../../../src/web/metrics/metrics.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";
import { PROMTOOL, promtoolComplaints } from "../../support/promtool.ts";
import { SILENT_SOURCE, webScene } from "../../support/web.ts";

const TOKEN = { idToken: { idToken: "A", type: "ISO14443" }, remote: false } as const;

const chargers: InProcessCharger[] = [];
afterEach(() => {
  for (const charger of chargers.splice(0)) charger.dispose();
});

interface Measured {
  readonly charger: InProcessCharger;
  readonly metrics: Metrics;
  bus: { isConnected: boolean; waiting: number; losses: number; dropped: number };
  /** The value of a series as it stands in the text, e.g. `a{b="c"}`; undefined without it. */
  readonly value: (series: string) => Promise<number | undefined>;
}

async function measured(prepare: (charger: InProcessCharger) => void = () => {}): Promise<Measured> {
  const charger = new InProcessCharger();
  chargers.push(charger);
  prepare(charger);
  await charger.start();
  const metrics = new Metrics(charger.clock, "1.2.3");
  const scene = {
    charger,
    metrics,
    bus: { isConnected: true, waiting: 0, losses: 0, dropped: 0 },
    value: async (series: string) => {
      const line = (await metrics.scrape()).split("\n").find((text) => text.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
  };
  const { csms, model, events, core } = charger;
  metrics.follow({ csms, model, events, core, bus: () => scene.bus });
  await charger.clock.advance(2_000);
  return scene;
}

const roundTrips = (action: string) => `ocpp_call_duration_seconds_count{action="${action}"}`;

describe("the connection", () => {
  test("its state, attempts, losses and failures by kind", async () => {
    const { charger, value } = await measured();
    expect(await value('ocpp_connection_state{state="connected"}')).toBe(1);
    expect(await value('ocpp_connection_state{state="waiting"}')).toBe(0);
    expect(await value('ocpp_registration_state{state="Accepted"}')).toBe(1);
    expect(await value("ocpp_connections_total")).toBe(1);
    expect(await value("ocpp_network_profile_slot")).toBe(1);
    charger.reachable = false;
    charger.disconnect();
    await charger.clock.advance(30_000);
    expect(await value('ocpp_connection_state{state="connected"}')).toBe(0);
    expect(await value("ocpp_connection_losses_total")).toBe(1);
    const failed = (await value('ocpp_connection_failures_total{kind="network"}')) ?? 0;
    expect(failed).toBeGreaterThan(0);
    expect(await value("ocpp_connection_attempts_total")).toBe(1 + failed);
    expect(await value('ocpp_connection_failures_total{kind="tls"}')).toBe(0);
  });

  test("when the certificate of the CSMS expires, and no time at all without TLS", async () => {
    const until = new Date("2027-01-01T00:00:00Z");
    const expiry = "ocpp_csms_certificate_expiry_timestamp_seconds";
    const { charger, value } = await measured();
    expect(await value(expiry)).toBeUndefined();
    charger.serverValidity = { from: new Date(0), until };
    charger.csms.reconnect("for the test");
    await charger.clock.advance(30_000);
    expect(await value(expiry)).toBe(until.getTime() / 1000);
  });
});

describe("CALLs", () => {
  test("round trips by action, in seconds", async () => {
    const { charger, value } = await measured();
    const before = (await value(roundTrips("Heartbeat"))) ?? 0;
    await charger.clock.advance(300_000);
    expect(await value(roundTrips("Heartbeat"))).toBe(before + 1);
    expect(await value('ocpp_call_duration_seconds_sum{action="Heartbeat"}')).toBeCloseTo(0.001 * (before + 1));
  });

  test("CALLERRORs of both sides by code; what nobody knows is one series, whatever the CSMS invents", async () => {
    const { charger, value, metrics } = await measured();
    charger.react = ({ action }) => (action === "Heartbeat" ? { error: "NobodyKnowsThisCode" } : { answer: {} });
    await charger.clock.advance(301_000);
    expect(await value('ocpp_call_errors_total{sender="csms",code="other"}')).toBe(1);
    for (let index = 0; index < 50; index++) await charger.call(`Invented${index}`, {});
    await charger.call("GetVariables", {});
    expect(await value('ocpp_call_errors_total{sender="station",code="NotImplemented"}')).toBe(50);
    expect(await value('ocpp_handling_duration_seconds_count{action="other"}')).toBe(50);
    expect(await value('ocpp_handling_duration_seconds_count{action="GetVariables"}')).toBe(1);
    expect(await metrics.scrape()).not.toContain("Invented");
    charger.sendText("no JSON at all");
    await charger.clock.advance(5);
    expect(await value("ocpp_invalid_frames_total")).toBe(1);
  });

  test("without an answer: in time, or before the connection was lost", async () => {
    const { charger, value } = await measured();
    charger.react = () => "silence";
    await charger.clock.advance(400_000);
    expect(await value('ocpp_unanswered_calls_total{action="Heartbeat",reason="timeout"}')).toBe(1);
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    await charger.clock.advance(5);
    charger.disconnect();
    expect(await value('ocpp_unanswered_calls_total{action="StatusNotification",reason="offline"}')).toBe(1);
  });

  test("whoever measures does not disturb the answer", async () => {
    const { charger } = await measured();
    charger.csms.events.on("callEnded", () => {
      throw new Error("measured wrongly");
    });
    expect((await charger.call("GetLocalListVersion", {})).body).toEqual({ versionNumber: 0 });
    expect(charger.answers.filter(({ messageId }) => messageId === "csms-1")).toHaveLength(1);
    expect(charger.log.join("\n")).toContain("measured wrongly");
  });
});

describe("queues", () => {
  test("their length and the age of the oldest message", async () => {
    const { charger, value } = await measured();
    charger.reachable = false;
    charger.disconnect();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: TOKEN });
    await charger.clock.advance(90_000);
    expect(await value('ocpp_queue_messages{queue="durable"}')).toBe(charger.core.durableQueue.length);
    expect(charger.core.durableQueue.length).toBeGreaterThan(0);
    expect(await value('ocpp_queue_oldest_message_age_seconds{queue="durable"}')).toBe(90);
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(await value('ocpp_queue_messages{queue="durable"}')).toBe(0);
    expect(await value('ocpp_queue_oldest_message_age_seconds{queue="durable"}')).toBe(0);
  });

  test("what is dropped, by action and reason", async () => {
    const { charger, value } = await measured((fresh) => {
      fresh.react = ({ action }) =>
        action === "SecurityEventNotification" ? { error: "InternalError" } : { answer: defaults[action] ?? {} };
    });
    await charger.clock.advance(600_000);
    const discarded = charger.log.filter((line) => line.includes("is discarded after")).length;
    expect(discarded).toBeGreaterThan(0);
    const refused = 'ocpp_messages_dropped_total{action="SecurityEventNotification",reason="refused"}';
    expect(await value(refused)).toBe(discarded);
    charger.reachable = false;
    charger.disconnect();
    for (let index = 0; index < 2_100; index++)
      void charger.csms.call("StatusNotification", status, { queueWhenOffline: true });
    expect(await value('ocpp_messages_dropped_total{action="StatusNotification",reason="full"}')).toBe(200);
  });
});

const defaults: Readonly<Record<string, unknown>> = {
  BootNotification: { currentTime: "2026-01-01T00:00:00Z", interval: 300, status: "Accepted" },
  Heartbeat: { currentTime: "2026-01-01T00:00:00Z" },
};
const status = {
  timestamp: "2026-01-01T00:00:00Z",
  connectorStatus: "Available",
  evseId: 1,
  connectorId: 1,
} as const;

describe("EVSEs, broker, database", () => {
  test("status, transactions, energy and power", async () => {
    const { charger, value } = await measured();
    expect(await value('ocpp_connector_status{evse="1",connector="1",status="Available"}')).toBe(1);
    expect(await value('ocpp_evse_energy_imported_joules_total{evse="1"}')).toBeUndefined();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: TOKEN });
    charger.meter(1, 1_000);
    await charger.clock.advance(1_000);
    expect(await value('ocpp_connector_status{evse="1",connector="1",status="Available"}')).toBe(0);
    expect(await value('ocpp_connector_status{evse="1",connector="1",status="Occupied"}')).toBe(1);
    expect(await value('ocpp_evse_ev_connected{evse="1"}')).toBe(1);
    expect(await value('ocpp_transaction_active{evse="1"}')).toBe(1);
    expect(await value('ocpp_transactions_started_total{evse="1"}')).toBe(1);
    expect(await value('ocpp_transactions_started_total{evse="2"}')).toBe(0);
    expect(await value('ocpp_evse_energy_imported_joules_total{evse="1"}')).toBe(3_600_000);
    charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local" });
    await charger.clock.advance(1_000);
    expect(await value('ocpp_transactions_ended_total{evse="1"}')).toBe(1);
  });

  test("the broker's connection, as it is now", async () => {
    const scene = await measured();
    expect(await scene.value("ocpp_mqtt_connected")).toBe(1);
    scene.bus = { isConnected: false, waiting: 7, losses: 2, dropped: 1 };
    expect(await scene.value("ocpp_mqtt_connected")).toBe(0);
    expect(await scene.value("ocpp_mqtt_waiting_messages")).toBe(7);
    expect(await scene.value("ocpp_mqtt_connection_losses_total")).toBe(2);
    expect(await scene.value("ocpp_mqtt_messages_dropped_total")).toBe(1);
  });

  test("commits by durability, and rollbacks", async () => {
    const { charger, value } = await measured();
    const strict = 'ocpp_database_transaction_duration_seconds_count{durability="strict"}';
    const before = (await value(strict)) ?? 0;
    charger.core.unitOfWork.run(() => {});
    expect(await value(strict)).toBe(before + 1);
    expect(() =>
      charger.core.unitOfWork.run(() => {
        throw new Error("the disk is full");
      }),
    ).toThrow();
    expect(await value(strict)).toBe(before + 1);
    expect(await value("ocpp_database_rollbacks_total")).toBe(1);
  });
});

describe("the process", () => {
  test("the event loop is looked at from the first scrape on, and no more when nobody scrapes", async () => {
    const clock = new FakeClock();
    const metrics = new Metrics(clock, "1");
    await clock.advance(60_000);
    const count = async () => Number(/ocpp_event_loop_delay_seconds_count (\d+)/.exec(await metrics.scrape())?.[1]);
    expect(await count()).toBe(0);
    await clock.advance(1_000);
    expect(await count()).toBe(10);
    await clock.advance(3_600_000);
    const looked = await count();
    expect(looked).toBeGreaterThan(6_000);
    expect(looked).toBeLessThan(6_030);
    await clock.advance(1_000);
    expect(await count()).toBe(looked + 10);
    metrics.stop();
    await clock.advance(1_000);
  });

  test("its memory, time and files under the names of Prometheus' own libraries", async () => {
    const text = await new Metrics(new FakeClock(), "1").scrape();
    for (const name of ["cpu_seconds_total", "resident_memory_bytes", "open_fds", "max_fds", "start_time_seconds"])
      expect(Number(new RegExp(`^process_${name} (\\S+)$`, "m").exec(text)?.[1])).toBeGreaterThan(0);
    expect(text).not.toContain("nodejs_active");
  });
});

describe("/metrics", () => {
  test("has the content type of Prometheus' text format, and like all else wants the token where others can reach it", async () => {
    const metrics = new Metrics(new FakeClock(), "1.2.3");
    const source = { ...SILENT_SOURCE, metrics };
    const answer = await webScene({ source }).ask("/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("Content-Type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toContain('ocpp_build_info{version="1.2.3"} 1\n');
    expect((await webScene({ source, bound: "0.0.0.0" }).ask("/metrics")).status).toBe(401);
    metrics.stop();
  });

  test.skipIf(PROMTOOL === undefined)("promtool check metrics is content", async () => {
    const { charger, metrics } = await measured();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.meter(1, 1_000);
    await charger.call("Invented", {});
    await charger.clock.advance(400_000);
    expect(promtoolComplaints(["check", "metrics"], await metrics.scrape())).toBe("");
    expect(promtoolComplaints(["check", "metrics"], "# TYPE a_total gauge\na_total 1\n")).toContain("_total");
  });
});
