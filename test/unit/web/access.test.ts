import { afterAll, afterEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { readToken } from "../../../src/web/access/token.ts";
import { ADDRESS, TOKEN, webScene } from "../../support/web.ts";

const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });

describe("who may read", () => {
  test("on a loopback address everybody, on any other only who shows the token", async () => {
    expect((await webScene().ask("/status")).status).toBe(200);
    const { ask } = webScene({ bound: "0.0.0.0" });
    for (const path of ["/status", "/health", "/nothing"]) {
      const refused = await ask(path);
      expect(refused.status).toBe(401);
      expect(refused.headers.get("WWW-Authenticate")).toBe("Bearer");
      expect(await refused.text()).toBe("no token\n");
    }
    expect((await ask("/status", bearer(TOKEN))).status).toBe(200);
  });

  test("a wrong token is refused on a loopback address too, and never logged", async () => {
    const { ask, log } = webScene();
    expect((await ask("/status", bearer(`${TOKEN}x`))).status).toBe(401);
    expect(log).toEqual([`HTTP request from ${ADDRESS} refused, wrong token: /status`]);
  });

  test("a token in the URL is none", async () => {
    const { ask } = webScene({ bound: "0.0.0.0" });
    for (const name of ["token", "access_token", "authorization"])
      expect((await ask(`/status?${name}=${TOKEN}`)).status).toBe(401);
  });
});

describe("wrong tokens are slowed down", () => {
  test("after five of them none is looked at for a while, longer each time, not even the right one", async () => {
    const { ask, clock } = webScene({ bound: "0.0.0.0" });
    const statusOf = async (token: string) => (await ask("/status", bearer(token))).status;
    for (let mistake = 0; mistake < 5; mistake++) expect(await statusOf("wrong")).toBe(401);
    const paused = await ask("/status", bearer(TOKEN));
    expect([paused.status, paused.headers.get("Retry-After")]).toEqual([429, "2"]);
    await clock.advance(2_000);
    expect(await statusOf("wrong")).toBe(401);
    await clock.advance(3_900);
    expect(await statusOf(TOKEN)).toBe(429);
    await clock.advance(100);
    expect(await statusOf(TOKEN)).toBe(200);
    expect(await statusOf("wrong")).toBe(401);
    expect(await statusOf(TOKEN)).toBe(200);
  });

  test("one address does not lock out another; those of one IPv6 network are one", async () => {
    const { ask } = webScene({ bound: "0.0.0.0" });
    const from = (address: string, token: string) => ask("/status", { ...bearer(token), from: address });
    for (let mistake = 0; mistake < 5; mistake++) await from(`2001:db8:1:2::${mistake}`, "wrong");
    expect((await from("2001:db8:1:2:ffff::9", TOKEN)).status).toBe(429);
    expect((await from("2001:db8:1:3::1", TOKEN)).status).toBe(200);
    expect((await from("::ffff:192.0.2.1", TOKEN)).status).toBe(200);
  });

  test("the log gets one line in ten seconds, with how many there were", async () => {
    const { ask, clock, log } = webScene({ bound: "0.0.0.0" });
    for (let request = 0; request < 100; request++) await ask("/nothing");
    expect(log).toHaveLength(1);
    await clock.advance(10_000);
    await ask("/nothing");
    expect(log[1]).toContain("99 more before");
  });
});

describe("pages of other sites get nothing and do nothing", () => {
  test.each([
    [{ "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image" }, 403],
    [{ "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty" }, 403],
    [{ "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe" }, 403],
    [{ "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" }, 200],
    [{ "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty" }, 200],
    [{ "Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" }, 200],
  ] as const)("GET with %o", async (headers, status) => {
    expect((await webScene().ask("/status", { headers })).status).toBe(status);
  });

  test("a POST needs the origin of this server", async () => {
    const { ask } = webScene();
    const post = async (headers: Record<string, string>) =>
      (await ask("/login", { method: "POST", headers: { Host: "127.0.0.1:8080", ...headers } })).status;
    expect(await post({})).toBe(403);
    for (const origin of ["null", "http://evil.example", "http://127.0.0.1:8081", "http://127.0.0.1:8080.evil.example"])
      expect(await post({ Origin: origin })).toBe(403);
    expect(await post({ Origin: "http://127.0.0.1:8080", "Sec-Fetch-Site": "same-site" })).toBe(403);
    expect(await post({ Origin: "http://127.0.0.1:8080" })).not.toBe(403);
  });
});

describe("what is too large or strange", () => {
  test.each([
    ["headers", { headers: { "X-Long": "x".repeat(9_000) } }, 431],
    ["a body", { method: "POST", headers: { ...bearer(TOKEN).headers, "Content-Length": "1025" } }, 413],
    [
      "a body of unknown length",
      { method: "POST", headers: { ...bearer(TOKEN).headers, "Transfer-Encoding": "chunked" } },
      413,
    ],
    ["another method", { method: "PUT" }, 405],
  ] as const)("%s", async (_name, init, status) => {
    const { ask, log } = webScene();
    expect((await ask("/status", init)).status).toBe(status);
    expect(log).toHaveLength(1);
  });

  test("a way out of the assets leads nowhere", async () => {
    for (const path of ["/assets/../../etc/passwd", "/assets/..%2f..%2fetc%2fpasswd", "/assets/%2e%2e/x", "/..%5cx"]) {
      const { ask, log } = webScene();
      expect((await ask(path)).status).toBe(404);
      expect(log[0]).toContain("unknown path");
    }
  });

  test("every answer forbids what the page does not need", async () => {
    for (const path of ["/status", "/nothing"]) {
      const { headers } = await webScene().ask(path);
      const policy = headers.get("Content-Security-Policy") ?? "";
      expect(policy).toContain("default-src 'none'");
      expect(policy).not.toContain("unsafe");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(headers.get("Cache-Control")).toBe("no-store");
    }
  });
});

describe("where the token comes from", () => {
  const directory = mkdtempSync(join(tmpdir(), "token-"));
  const path = join(directory, "token");
  afterEach(() => rmSync(path, { force: true }));
  afterAll(() => rmSync(directory, { recursive: true }));

  test("a file, before the environment; a line end is not part of it", () => {
    writeFileSync(path, `${TOKEN}\n`, { mode: 0o600 });
    const token = readToken(path, { OCPP201_HTTP_TOKEN: "another-token-0123456789" }, silentLogger);
    expect(token?.isGivenBy(TOKEN)).toBe(true);
    expect(readToken(undefined, { OCPP201_HTTP_TOKEN: TOKEN }, silentLogger)?.isGivenBy(TOKEN)).toBe(true);
    expect(readToken(undefined, {}, silentLogger)).toBeUndefined();
  });

  test.each(["", "short", "two words, long enough", "x".repeat(257), "ünsichtbar-ünsichtbar"])(
    "none is made of %p",
    (text) =>
      expect(() => readToken(undefined, { OCPP201_HTTP_TOKEN: text }, silentLogger)).toThrow("a token of 16 to 256"),
  );

  test("a file that others can read is told", () => {
    const lines: string[] = [];
    writeFileSync(path, TOKEN, { mode: 0o644 });
    readToken(path, {}, { ...silentLogger, warn: (line) => lines.push(line) });
    expect(lines).toEqual([`${path} can be read by others: chmod 600`]);
  });
});
