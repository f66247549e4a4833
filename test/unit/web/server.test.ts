import { describe, expect, test } from "bun:test";
import { hostname } from "node:os";
import { ExplainedError } from "../../../src/lib/explained-error.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { parseListenAddress } from "../../../src/web/access/listen-address.ts";
import { isOwnHost } from "../../../src/web/access/own-host.ts";
import { Token } from "../../../src/web/access/token.ts";
import { startWebServer } from "../../../src/web/server.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SILENT_SOURCE, TOKEN, webScene } from "../../support/web.ts";

const start = (address: string, token: Token | undefined) =>
  startWebServer({
    address,
    token,
    source: SILENT_SOURCE,
    clock: new FakeClock(),
    logger: silentLogger,
  });

describe("--http names an address, or says why not", () => {
  test.each([
    ["127.0.0.1:8080", "127.0.0.1", 8080],
    ["[::1]:8080", "::1", 8080],
    ["localhost:1", "localhost", 1],
    ["charger-1.lan:65535", "charger-1.lan", 65535],
  ])("%s", (text, hostname, port) => expect(parseListenAddress(text)).toEqual({ hostname, port }));

  for (const text of [
    "",
    "true",
    "8080",
    ":80",
    "::1:80",
    "[zz]:80",
    "[::zz]:80",
    "a:b",
    "a:65536",
    "a b:80",
    "http://a:1",
  ])
    test(`"${text}" is none`, () => {
      expect(() => parseListenAddress(text)).toThrow(ExplainedError);
      expect(() => parseListenAddress(text)).toThrow(`--http: "${text}" is not an address like`);
    });

  test("a port in use, a name that nobody knows, an address of another machine: told, not thrown about", async () => {
    const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("other") });
    try {
      for (const [address, reason] of [
        [`127.0.0.1:${other.port}`, "EADDRINUSE"],
        ["nobody.invalid:8080", "nobody.invalid"],
        ["192.0.2.1:8080", "EADDRNOTAVAIL"],
      ] as const) {
        const error: unknown = await start(address, new Token(TOKEN)).catch((thrown: unknown) => thrown);
        expect(error).toBeInstanceOf(ExplainedError);
        expect((error as Error).message).toStartWith(`--http ${address}: nothing can listen there: `);
        expect((error as Error).message).toContain(reason);
      }
    } finally {
      other.stop(true);
    }
  });
});

test.each(["0.0.0.0:8080", "[::]:8080", "192.0.2.1:8080", "charger.lan:8080"])(
  "an address that others can reach is refused without a token: %s",
  async (address) => {
    const error: unknown = await start(address, undefined).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ExplainedError);
    expect((error as Error).message).toContain("a token is needed");
  },
);

describe("a page in a browser whose name was turned to this address learns nothing (DNS rebinding)", () => {
  test.each([
    ["127.0.0.1", "127.0.0.1:8080", true],
    ["127.0.0.1", "localhost:8080", true],
    ["127.0.0.1", "LOCALHOST.:8080", true],
    ["127.0.0.1", "[::1]:8080", true],
    ["127.0.0.1", undefined, true],
    ["127.0.0.1", "evil.example:8080", false],
    ["127.0.0.1", "127.0.0.1.evil.example", false],
    ["127.0.0.1", "localhost.evil.example:8080", false],
    ["127.0.0.1", "192.168.1.7:8080", false],
    ["127.0.0.1", "", false],
    ["::1", "[::1]:8080", true],
    ["::1", "[::2]:8080", false],
    ["192.168.1.7", "192.168.1.7", true],
    ["192.168.1.7", "localhost", false],
    ["charger.lan", "charger.lan:80", true],
    ["charger.lan", "evil.example", false],
    ["0.0.0.0", "192.168.1.7:8080", true],
    ["::", "[fe80::1]:8080", true],
    ["::", hostname(), true],
    ["0.0.0.0", "evil.example:8080", false],
  ])("bound to %s, asked for %s", (bound, header, isOwn) => expect(isOwnHost(header, bound)).toBe(isOwn));

  test("421 on every path, without a word about the station", async () => {
    const { ask, log } = webScene();
    for (const path of ["/status", "/health", "/nothing"]) {
      const response = await ask(path, { headers: { Host: "evil.example:8080" } });
      expect(response.status).toBe(421);
      expect(await response.text()).not.toContain("started");
    }
    expect(log.join("\n")).toContain("foreign host: another host was asked for: evil.example:8080");
    expect((await ask("/status", { headers: { Host: "localhost:8080" } })).status).toBe(200);
  });
});
