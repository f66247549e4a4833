import { afterEach, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { Charger } from "../support/charger.ts";
import { freeAddress } from "../support/free-address.ts";

/** What the issue names, or as many as this machine allows a process. */
const STREAMS = Math.min(10_000, openFileLimit() - 1_000);
const STREAM_LIMIT = 16;
const MEGABYTES_MORE = 96;

let charger: Charger | undefined;
afterEach(() => charger?.stop());

function openFileLimit(): number {
  return Number(/Max open files\s+\d+\s+(\d+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1] ?? 4_096);
}

function rssMegabytes(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;
}

async function startCharger(): Promise<{ readonly charger: Charger; readonly address: string; readonly port: number }> {
  const address = freeAddress();
  charger = await Charger.start({ commandLine: ["--http", address] });
  return { charger, address, port: Number(address.split(":")[1]) };
}

/** Sends bytes as they are; resolves to the status of the answer, or "" when the connection ends without one. */
function raw(port: number, bytes: string, sockets?: Socket[]): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(bytes));
    sockets?.push(socket);
    socket.once("data", (data) => resolve(/^HTTP\/1\.1 (\d{3})/.exec(data.toString())?.[1] ?? ""));
    socket.once("close", () => resolve(""));
    socket.on("error", () => resolve(""));
  });
}

async function answersTheCsms({ csms }: Charger): Promise<void> {
  const answer = await csms.send("GetVariables", {
    getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
  });
  expect(answer.kind).toBe("response");
}

test(`${STREAMS} event streams: a few are served, the others refused and logged, nothing else suffers`, async () => {
  const { charger, address, port } = await startCharger();
  const page = await (await fetch(`http://${address}/evses`)).text();
  const cursor = /data-cursor="([^"]+)"/.exec(page)?.[1] ?? "";
  const request = `GET /events/evses?cursor=${cursor} HTTP/1.1\r\nHost: ${address}\r\n\r\n`;
  const before = rssMegabytes(charger.pid);
  const sockets: Socket[] = [];
  const statuses: Promise<string>[] = [];
  for (let opened = 0; opened < STREAMS; opened++) {
    statuses.push(raw(port, request, sockets));
    if (opened % 250 === 249) await Promise.all(statuses.slice(-250));
    if (opened % 2_500 === 2_499) await answersTheCsms(charger);
  }
  const seen = await Promise.all(statuses);
  expect(seen.filter((status) => status === "200")).toHaveLength(STREAM_LIMIT);
  expect(seen.filter((status) => status === "503").length).toBeGreaterThan(0);
  expect(charger.log).toContain("too many event streams: /events/evses");
  expect(charger.log).toContain("too many connections: 64 are open");
  expect(charger.log.match(/too many/g)?.length).toBeLessThan(20);
  expect(rssMegabytes(charger.pid) - before).toBeLessThan(MEGABYTES_MORE);
  await answersTheCsms(charger);
  for (const socket of sockets) socket.destroy();
  for (let attempt = 0; (await raw(port, request, sockets)) !== "200"; attempt++) {
    expect(attempt).toBeLessThan(100);
    await Bun.sleep(50);
  }
  for (const socket of sockets) socket.destroy();
}, 120_000);

test("thousands of connections that ask for nothing take no descriptors from the connection to the CSMS", async () => {
  const { charger, address, port } = await startCharger();
  // As little as some systems give a process.
  expect(spawnSync("prlimit", ["--pid", String(charger.pid), "--nofile=256:256"]).status).toBe(0);
  const sockets: Socket[] = [];
  for (let opened = 0; opened < Math.min(5_000, STREAMS); opened++) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    sockets.push(socket);
    if (opened % 250 === 249) await new Promise((resolve) => socket.once("connect", resolve));
  }
  const evse = charger.everest.evse(1);
  await evse.plugIn();
  await charger.csms.waitFor("StatusNotification", ({ connectorStatus }) => connectorStatus === "Occupied");
  const from = charger.csms.calls.length;
  charger.csms.drop();
  await evse.unplug();
  await charger.csms.waitFor(
    "StatusNotification",
    ({ connectorStatus }) => connectorStatus === "Available",
    10_000,
    from,
  );
  for (const socket of sockets) socket.destroy();
  for (let attempt = 0; (await raw(port, `GET /status HTTP/1.1\r\nHost: ${address}\r\n\r\n`)) !== "200"; attempt++) {
    expect(attempt).toBeLessThan(100);
    await Bun.sleep(50);
  }
}, 60_000);

test("what is foreign, too large or leads elsewhere is refused, logged, and harms nothing", async () => {
  const { charger, address, port } = await startCharger();
  const get = (path: string, headers = "") => raw(port, `GET ${path} HTTP/1.1\r\nHost: ${address}\r\n${headers}\r\n`);
  const post = (headers: string, body = "") =>
    raw(port, `POST /actions/reconnect HTTP/1.1\r\nHost: ${address}\r\n${headers}\r\n${body}`);
  expect(await get("/../../../../etc/passwd")).toBe("404");
  expect(await get("/assets/..%2f..%2f..%2fetc%2fpasswd")).toBe("404");
  expect(await get("/", `X-Long: ${"x".repeat(20_000)}\r\n`)).toBe("431");
  expect(await get("/", `X-Longer: ${"x".repeat(1_000_000)}\r\n`)).toMatch(/^(431)?$/);
  expect(await raw(port, "\x16\x03\x01 TLS, not HTTP\r\n\r\n")).toBe("400");
  expect(await post("Origin: http://evil.example\r\nContent-Length: 0\r\n")).toBe("403");
  expect(await post(`Origin: http://${address}\r\nContent-Length: 100000000\r\n`, "x".repeat(200_000))).toBe("413");
  expect(await post(`Origin: http://${address}\r\nContent-Length: 0\r\n`)).toBe("401");
  expect(await get("/", "Authorization: Bearer wrong\r\n")).toBe("401");
  for (const word of [
    "unknown path: /etc/passwd",
    "too large: the headers",
    "foreign origin: POST from http://evil.example",
    "no token: /actions/reconnect",
    "wrong token: no token is configured",
    "no HTTP: Parse Error",
  ])
    expect(charger.log).toContain(word);
  await answersTheCsms(charger);
  expect((await fetch(`http://${address}/`)).status).toBe(200);
}, 30_000);
