import { afterEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { WebSocketServer } from "ws-real";
import { SystemClock } from "../../src/lib/clock.ts";
import type { ConnectionFailure } from "../../src/ocpp/connection-failure.ts";
import { openWebSocket, type PingSettings, type Transport, type WebSocketSettings } from "../../src/ocpp/websocket.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { freePort } from "../support/mosquitto.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const pings = (intervalMilliseconds: number): PingSettings => ({
  intervalMilliseconds: () => intervalMilliseconds,
  pongTimeoutMilliseconds: () => 100,
  payload: () => "test",
  onIntervalChange: () => () => {},
});

const settings = (url: string, more: Partial<WebSocketSettings> = {}): WebSocketSettings => ({
  url: `${url}/cp001`,
  basicAuthentication: { user: "cp001", password: "secret-of-the-station" },
  compression: false,
  handshakeTimeoutMilliseconds: 500,
  maximumFrameBytes: 1_000,
  pings: pings(0),
  ...more,
});

/** Opens and waits for the first thing that ends or makes the connection. */
const attempt = (wanted: WebSocketSettings) =>
  new Promise<{
    opened: boolean;
    failure?: ConnectionFailure | undefined;
    transport: Transport;
    closed: Promise<string>;
  }>((resolve) => {
    let end = (_reason: string): void => {};
    const closed = new Promise<string>((done) => {
      end = done;
    });
    const transport = openWebSocket(wanted, new SystemClock(), {
      opened: () => queueMicrotask(() => resolve({ opened: true, transport, closed })),
      message: () => {},
      closed: (reason, failure) => {
        end(reason);
        resolve({ opened: false, failure, transport, closed });
      },
    });
    cleanUps.push(() => transport.close(1000, "test"));
  });

describe("a connection that cannot be made says why", () => {
  test.each([401, 404, 503])("HTTP %d", async (status) => {
    const csms = await SimulatedCsms.start();
    cleanUps.push(() => csms.stop());
    csms.refuseWith = status;
    expect((await attempt(settings(csms.url))).failure).toMatchObject({ kind: "refused", httpStatus: status });
  });

  test("another subprotocol", async () => {
    const server = new WebSocketServer({ port: 0, handleProtocols: () => "ocpp1.6" });
    cleanUps.push(() => server.close());
    const { port } = server.address() as { port: number };
    expect((await attempt(settings(`ws://localhost:${port}`))).failure?.kind).toBe("subprotocol");
  });

  test("nobody there, and somebody who never answers", async () => {
    expect((await attempt(settings(`ws://127.0.0.1:${await freePort()}`))).failure?.kind).toBe("network");
    const silent: Server = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    cleanUps.push(() => silent.close());
    const { port } = silent.address() as { port: number };
    expect((await attempt(settings(`ws://127.0.0.1:${port}`))).failure?.kind).toBe("network");
  });
});

test("a link whose peer stops answering pings is cut", async () => {
  const server = new WebSocketServer({ port: 0, autoPong: false, handleProtocols: () => "ocpp2.0.1" });
  cleanUps.push(() => server.close());
  const { port } = server.address() as { port: number };
  const { opened, closed } = await attempt(settings(`ws://localhost:${port}`, { pings: pings(50) }));
  expect(opened).toBe(true);
  expect(await closed).toContain("no pong");
});

test("a frame beyond the limit ends the connection, not the process", async () => {
  const csms = await SimulatedCsms.start({ password: "secret-of-the-station" });
  cleanUps.push(() => csms.stop());
  const { opened, closed } = await attempt(settings(csms.url));
  expect(opened).toBe(true);
  csms.sendText("x".repeat(5_000));
  expect(await closed).toContain("Max payload");
});
