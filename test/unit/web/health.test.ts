import { describe, expect, test } from "bun:test";
import { type HealthFacts, healthOf } from "../../../src/web/health.ts";
import { SILENT_SOURCE, webScene } from "../../support/web.ts";

const WELL: HealthFacts = {
  isBrokerConnected: true,
  connection: { state: "connected", attempts: 1, connections: 1 },
  registration: "Accepted",
  queuedMessages: 3,
  queueLimit: 2_000,
  faultedConnectors: [],
};
const codes = (facts: HealthFacts | undefined, isStarted = true) =>
  healthOf(isStarted, facts).reasons.map(({ code }) => code);
const at = new Date(0);

describe("health", () => {
  test("all is well", () => expect(healthOf(true, WELL)).toEqual({ status: "ok", ready: true, reasons: [] }));

  test("a station that waits for EVerest is not ready, and says for what", () => {
    expect(healthOf(false, undefined)).toMatchObject({ status: "starting", ready: false });
    expect(codes(undefined, false)).toEqual(["starting"]);
    expect(codes({ ...WELL, isBrokerConnected: false }, false)).toEqual(["starting", "broker"]);
  });

  test.each<readonly [string, Partial<HealthFacts>, string]>([
    ["broker", { isBrokerConnected: false }, "MQTT"],
    ["csms", { connection: { ...WELL.connection, state: "stopped" } }, "switched off"],
    ["csms", { connection: { ...WELL.connection, state: "waiting" } }, "not connected to the CSMS"],
    [
      "csms",
      {
        connection: {
          ...WELL.connection,
          state: "waiting",
          lastFailure: { at, failure: { kind: "network", text: "no" } },
        },
      },
      "not connected to the CSMS: no",
    ],
    [
      "csms",
      { connection: { ...WELL.connection, state: "connecting", lastLoss: { at, reason: "code 1006" } } },
      "not connected to the CSMS: code 1006",
    ],
    ["registration", { registration: "Pending" }, "says Pending"],
    ["registration", { registration: "Unregistered" }, "has not answered"],
    ["queue", { queuedMessages: 1_600 }, "1600 messages"],
    ["fault", { faultedConnectors: ["1.1", "2.1"] }, "1.1, 2.1"],
  ])("%s %j: degraded, and still ready", (code, facts, text) => {
    const { status, ready, reasons } = healthOf(true, { ...WELL, ...facts });
    expect({ status, ready }).toEqual({ status: "degraded", ready: true });
    expect(reasons.map((reason) => reason.code)).toEqual([code as (typeof reasons)[number]["code"]]);
    expect(reasons[0]?.text).toContain(text);
  });

  test("several reasons at once, a lost registration only where there is a connection", () => {
    const facts = { ...WELL, isBrokerConnected: false, registration: "Rejected", faultedConnectors: ["1.1"] } as const;
    expect(codes(facts)).toEqual(["broker", "registration", "fault"]);
    expect(codes({ ...facts, connection: { ...WELL.connection, state: "waiting" } })).toEqual([
      "broker",
      "csms",
      "fault",
    ]);
  });
});

describe("/health tells by its code what the path asks for", () => {
  test.each([
    ["starting", false, undefined, { live: 200, ready: 503, full: 503, health: 503 }],
    ["degraded", true, { ...WELL, faultedConnectors: ["1.1"] }, { live: 200, ready: 200, full: 503, health: 200 }],
    ["ok", true, WELL, { live: 200, ready: 200, full: 200, health: 200 }],
  ] as const)("%s", async (state, started, facts, expected) => {
    const { ask } = webScene({ source: { ...SILENT_SOURCE, status: () => ({ started }), health: () => facts } });
    const answers = {
      live: await ask("/health/live"),
      ready: await ask("/health/ready"),
      full: await ask("/health/full"),
      health: await ask("/health"),
    };
    expect(Object.fromEntries(Object.entries(answers).map(([path, { status }]) => [path, status]))).toEqual(expected);
    const bodies = await Promise.all(Object.values(answers).map((answer) => answer.json()));
    for (const body of bodies) expect(body).toEqual(bodies[0]);
    expect(bodies[0]).toMatchObject({ alive: true, healthy: started, ready: started, status: state });
  });
});
