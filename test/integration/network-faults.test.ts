import { afterEach, describe, expect, test } from "bun:test";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { networkInterfaces } from "node:os";
import { type WebSocket, WebSocketServer } from "ws-real";
import { InProcessCharger } from "../support/in-process-charger.ts";
import { NetworkedStation, until } from "../support/networked-station.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function accepted(variables?: Readonly<Record<string, string>>): Promise<NetworkedStation> {
  const station = await NetworkedStation.accepted(variables);
  cleanUps.push(() => station.stop());
  return station;
}

const PING_INTERVAL_SECONDS = 10;
const PONG_TIMEOUT_SECONDS = 5;

describe("a link that looks alive and is dead", () => {
  test("blackhole: noticed within ping interval and pong timeout; what was said meanwhile arrives, in order", async () => {
    const station = await accepted();
    station.proxy.blackhole = true;
    station.report("Event1", "Event2");
    await station.pass(PING_INTERVAL_SECONDS + PONG_TIMEOUT_SECONDS - 1);
    expect(station.charger.csms.connected).toBe(true);
    await station.pass(1.5);
    expect(station.charger.csms.connected).toBe(false);
    expect(station.log).toContain("no pong in time");
    station.report("Event3");
    station.proxy.blackhole = false;
    await station.pass(20);
    await until(() => station.reported().length >= 3, "events delivered");
    expect(station.reported()).toEqual(["Event1", "Event2", "Event3"]);
  });

  test.each([["toServer"], ["toClient"]] as const)("one-way stall (%s): the same", async (direction) => {
    const station = await accepted();
    station.proxy.holding.add(direction);
    await station.pass(PING_INTERVAL_SECONDS + PONG_TIMEOUT_SECONDS + 0.5);
    expect(station.charger.csms.connected).toBe(false);
    station.report("Event1");
    station.proxy.release();
    await station.pass(10);
    await until(() => station.reported().length >= 1, "event delivered");
    expect(station.reported()).toEqual(["Event1"]);
  });

  test("a CSMS that reads nothing fills no memory", async () => {
    const station = await accepted({ "OCPPCommCtrlr.WebSocketPingInterval": "0" });
    station.proxy.stopReading();
    station.charger.csms.handle("DataTransfer", () => ({
      response: { status: "Accepted", data: "x".repeat(500_000) },
    }));
    for (let count = 0; count < 40 && station.charger.csms.connected; count++) {
      station.csms.sendText(JSON.stringify([2, `call-${count}`, "DataTransfer", { vendorId: "test" }]));
      await station.pass(0.25);
    }
    expect(station.charger.csms.connected).toBe(false);
    expect(station.log).toContain("takes no more data");
  });
});

test("a changed WebSocketPingInterval counts at once, from off to on as well; pings carry WebsocketPingPayload", async () => {
  const station = await accepted({
    "OCPPCommCtrlr.WebSocketPingInterval": "0",
    "InternalCtrlr.WebsocketPingPayload": "hello there",
  });
  const pings: string[] = [];
  station.csms.events.on("ping", ({ payload }) => pings.push(payload));
  await station.pass(120);
  expect(pings).toEqual([]);
  const set = station.csms.send("SetVariables", {
    setVariableData: [
      {
        component: { name: "OCPPCommCtrlr" },
        variable: { name: "WebSocketPingInterval" },
        attributeValue: "3",
      },
    ],
  });
  expect(await set).toMatchObject({ response: { setVariableResult: [{ attributeStatus: "Accepted" }] } });
  await station.pass(7);
  await until(() => pings.length === 2, "two pings");
  expect(pings).toEqual(["hello there", "hello there"]);
});

test("reset: noticed at once, connected again after the back-off", async () => {
  const station = await accepted();
  station.proxy.reset();
  await until(() => !station.charger.csms.connected, "loss noticed");
  expect(station.charger.csms.status).toMatchObject({ state: "waiting", lastLoss: { reason: expect.any(String) } });
  await station.pass(1.5);
  expect(station.charger.csms.connected).toBe(false);
  await station.pass(1);
  await until(() => station.charger.csms.connected, "connected again");
  expect(station.charger.csms.status).toMatchObject({ state: "connected", connections: 2 });
});

test("2 s delay each way: nothing is lost, repeated or given up", async () => {
  const station = await accepted();
  station.report("Event1", "Event2");
  for (let count = 0; count < 6; count++) {
    station.proxy.holding.add("toServer").add("toClient");
    await station.pass(2);
    station.proxy.release();
    await station.pass(0.25);
  }
  await station.pass(3);
  await until(() => station.charger.csms.durableQueueLength === 0, "events delivered");
  expect(station.reported()).toEqual(["Event1", "Event2"]);
  expect(station.proxy.connections).toBe(1);
});

test("byte by byte: handshake, calls and answers in both directions", async () => {
  const station = await NetworkedStation.start();
  cleanUps.push(() => station.stop());
  station.proxy.byteWise = true;
  station.proxy.reset();
  await until(() => !station.charger.csms.connected, "loss noticed");
  await station.pass(3);
  await station.settled();
  station.report("Event1");
  const answer = await station.csms.send("GetVariables", {
    getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
  });
  expect(answer).toMatchObject({ kind: "response" });
  await until(() => station.reported().length === 1, "event delivered");
  expect(station.csms.violations).toEqual([]);
});

describe("frames", () => {
  test("a message in many fragments is one message", async () => {
    const station = await accepted();
    const answered = station.csms.sendFragmented("GetVariables", {
      getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStopPoint" } }],
    });
    expect(await answered).toMatchObject({ kind: "response" });
  });

  test("one beyond the limit ends the connection with 1009, not the process", async () => {
    const station = await accepted();
    const closed = new Promise<number>((resolve) =>
      station.csms.events.on("disconnected", ({ code }) => resolve(code)),
    );
    station.csms.sendText(JSON.stringify([2, "big", "DataTransfer", { vendorId: "x", data: "x".repeat(1_100_000) }]));
    expect(await closed).toBe(1009);
    await until(() => !station.charger.csms.connected, "loss noticed");
    await station.pass(3);
    await station.settled();
  });
});

describe("a CSMS that refuses says so in log and status, and is not asked more often than the back-off allows", () => {
  test.each([
    [301, "redirections are not followed"],
    [401, "refuses the credentials"],
    [403, "refuses this station"],
    [404, "does not know this path or this station"],
    [407, "proxies are not supported"],
    [426, "wants another protocol"],
    [429, "busy"],
    [500, "out of order"],
    [502, "out of order"],
    [503, "busy"],
  ])("HTTP %d", async (httpStatus, meaning) => {
    const station = await accepted();
    station.csms.refuseWith = httpStatus;
    station.csms.drop();
    await until(() => !station.charger.csms.connected, "loss noticed");
    const before = station.proxy.connections;
    await station.pass(2 + 4 + 8 + 1); // RetryBackOffWaitMinimum 2, doubled twice
    expect(station.proxy.connections - before).toBe(3);
    expect(station.log).toContain(`HTTP ${httpStatus}: `);
    expect(station.charger.csms.status).toMatchObject({
      state: "waiting",
      lastFailure: { failure: { kind: "refused", httpStatus, text: expect.stringContaining(meaning) } },
    });
    station.csms.refuseWith = undefined;
    await station.pass(9);
    await station.settled();
  });
});

test.each([
  [1000, "done"],
  [1001, "going away"],
  [1008, "policy"],
  [1011, "internal error"],
  [1012, "service restart"],
  [1013, "try again later"],
])("close code %d: told, and connected again after the back-off", async (code, reason) => {
  const station = await accepted();
  station.csms.close(code, reason);
  await until(() => !station.charger.csms.connected, "loss noticed");
  expect(station.log).toContain(`code ${code} ${reason}`);
  expect(station.charger.csms.status.lastLoss?.reason).toContain(`code ${code} ${reason}`);
  await station.pass(3);
  await station.settled();
});

describe("servers that waste time during the handshake", () => {
  async function slow(behave: (socket: Socket) => void): Promise<InProcessCharger> {
    const server = createServer((socket) => {
      socket.on("error", () => {});
      behave(socket);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    cleanUps.push(() => server.close());
    const { port } = server.address() as AddressInfo;
    const charger = new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl: `ws://127.0.0.1:${port}`, securityProfile: 1 } },
      ]),
    });
    cleanUps.push(() => charger.dispose());
    charger.usesNetwork = true;
    return charger.start();
  }

  test.each([
    ["never answers", () => {}],
    [
      "answers one byte at a time, for ever",
      (socket: Socket) => {
        const timer = setInterval(() => void socket.write("H"), 5);
        socket.on("close", () => clearInterval(timer));
        socket.write("HTTP/1.1 101 ");
      },
    ],
  ] as const)("one that %s: given up after 30 s", async (_name, behave) => {
    const charger = await slow(behave);
    await charger.clock.advance(29_000);
    expect(charger.csms.status.state).toBe("connecting");
    await charger.clock.advance(1_500);
    expect(charger.csms.status).toMatchObject({
      state: "waiting",
      lastFailure: { failure: { kind: "network", text: "the CSMS did not answer within 30 s" } },
    });
  });

  test("one that hangs up during the handshake is tried again by the back-off", async () => {
    const charger = await slow((socket) => socket.once("data", () => socket.destroy()));
    await until(() => charger.csms.status.state === "waiting", "failed");
    expect(charger.csms.status.lastFailure?.failure.kind).toBe("network");
  });
});

const hasIpv6 = Object.values(networkInterfaces()).some((addresses) =>
  addresses?.some(({ address }) => address === "::1"),
);

describe("other ways to a CSMS", () => {
  async function connectTo(host: string, url: (port: number) => string, variables = {}) {
    const server = new WebSocketServer({ port: 0, host, perMessageDeflate: true, handleProtocols: () => "ocpp2.0.1" });
    await new Promise<void>((resolve) => server.once("listening", () => resolve()));
    cleanUps.push(() => {
      for (const client of server.clients) client.terminate();
      server.close();
    });
    const accepted = new Promise<WebSocket>((resolve) => server.on("connection", resolve));
    const ocppCsmsUrl = url((server.address() as AddressInfo).port);
    const charger = new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl, securityProfile: 1 } },
      ]),
      ...variables,
    });
    cleanUps.push(() => charger.dispose());
    charger.usesNetwork = true;
    await charger.start();
    await until(() => charger.csms.connected, "connected");
    return { charger, socket: await accepted };
  }

  test.skipIf(!hasIpv6)("IPv6", async () => {
    await connectTo("::1", (port) => `ws://[::1]:${port}/ocpp`);
  });

  test("a name that stands for both kinds of address", async () => {
    await connectTo("127.0.0.1", (port) => `ws://localhost:${port}`);
  });

  test("permessage-deflate where InternalCtrlr.WebsocketCompression says so, and only there", async () => {
    const url = (port: number): string => `ws://127.0.0.1:${port}`;
    expect((await connectTo("127.0.0.1", url)).socket.extensions).toBe("");
    const on = { "InternalCtrlr.WebsocketCompression": "true" };
    const { charger, socket } = await connectTo("127.0.0.1", url, on);
    expect(socket.extensions).toBe("permessage-deflate");
    // A small frame that unfolds to a large one is as large as that.
    const closed = new Promise<number>((resolve) => socket.on("close", resolve));
    socket.send("x".repeat(2_000_000));
    expect(await closed).toBe(1009);
    await until(() => !charger.csms.connected, "loss noticed");
  });
});
