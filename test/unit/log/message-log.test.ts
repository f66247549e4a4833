import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import type { LogEntry } from "../../../src/log/message-log/formats.ts";
import { MessageLog, type MessageLogSettings } from "../../../src/log/message-log/message-log.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const START = "2026-03-01T12:00:00.541Z";
let directory: string;
let clock: FakeClock;
let printed: string;
let published: LogEntry[];
let warnings: string[];
let securityLogRemovals: number;
beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), "message-log-")), "logs");
  clock = new FakeClock(START);
  printed = "";
  published = [];
  warnings = [];
  securityLogRemovals = 0;
});
afterEach(() => rmSync(join(directory, ".."), { recursive: true, force: true }));

const start = (formats: readonly string[], settings: Partial<MessageLogSettings> = {}) =>
  new MessageLog({
    settings: { directory, formats: new Set(formats), raw: false, rotation: undefined, ...settings },
    clock,
    logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    print: (text) => {
      printed += text;
    },
    publish: (entry) => published.push(entry),
    onSecurityLogRemoved: () => {
      securityLogRemovals++;
    },
  });
const boot = (): LogEntry => ({
  time: new Date("2026-03-01T12:00:01.241Z"),
  origin: "station",
  name: "BootNotification",
  messageId: "7",
  text: '[2, "7","BootNotification",{"reason":"<PowerUp>"}]',
});
const answer = (): LogEntry => ({
  time: new Date("2026-03-01T12:00:01.242Z"),
  origin: "csms",
  name: "BootNotificationResponse",
  messageId: "7",
  text: '[3,"7",{"status":"Accepted"}]',
});
const files = () => readdirSync(directory).sort();
const read = (name: string) => readFileSync(join(directory, name), "utf8");

describe("formats (BEHAVIOUR 21)", () => {
  test("log: header, indented JSON, blank line; a file for each start", async () => {
    const log = start(["log"]);
    log.take(boot());
    log.take(answer());
    await log.close();
    expect(files()).toEqual([`${START}.log`]);
    expect(read(`${START}.log`)).toBe(
      [
        "2026-03-01T12:00:00.541Z: SYS> Session logging started. ",
        "",
        "",
        "2026-03-01T12:00:01.241Z: ChargePoint>CentralSystem BootNotification ",
        "[",
        "  2,",
        '  "7",',
        '  "BootNotification",',
        "  {",
        '    "reason": "<PowerUp>"',
        "  }",
        "]",
        "",
        "2026-03-01T12:00:01.242Z: CentralSystem>ChargePoint  BootNotificationResponse",
        "[",
        "  3,",
        '  "7",',
        "  {",
        '    "status": "Accepted"',
        "  }",
        "]",
        "",
        "",
      ].join("\n"),
    );
  });

  test("html: one row for each message by direction, request and response joined by their id, nothing unescaped", async () => {
    const log = start(["html"]);
    log.take(boot());
    log.take(answer());
    await log.close();
    const html = read(`${START}.html`);
    expect(html).toStartWith("<!doctype html>");
    expect(html.match(/<tr class="(ChargePoint|CentralSystem|SYS)"/g)).toHaveLength(3);
    expect(html.match(/data-message="7"/g)).toHaveLength(2);
    expect(html).toContain("&lt;PowerUp&gt;");
    expect(html).not.toContain("<PowerUp>");
  });

  test("raw: besides, as it was transmitted", async () => {
    const log = start(["log", "html"], { raw: true });
    log.take(boot());
    await log.close();
    expect(files()).toEqual([`${START}.html`, `${START}.log`, `${START}_raw.html`, `${START}_raw.log`]);
    expect(read(`${START}_raw.log`)).toContain('[2, "7","BootNotification",{"reason":"<PowerUp>"}]\n');
  });

  test("security: one line for each event, and no messages", async () => {
    const log = start(["security"]);
    log.take(boot());
    log.takeSecurityEvent({ type: "StartupOfTheDevice" });
    await log.close();
    expect(files()).toEqual([`${START}.security.log`]);
    expect(read(`${START}.security.log`)).toBe('{"type":"StartupOfTheDevice"}\n');
  });

  test("console: a line; console_detailed: indented, and only once", async () => {
    const log = start(["console"]);
    log.take(boot());
    await log.close();
    expect(printed.split("\n").filter((line) => line.includes("BootNotification"))).toHaveLength(1);
    printed = "";
    const detailed = start(["console", "console_detailed"]);
    detailed.take(boot());
    await detailed.close();
    expect(printed.match(/ChargePoint>CentralSystem/g)).toHaveLength(1);
    expect(printed).toContain('\n  "BootNotification",\n');
  });

  test("callback: messages, not what the station says about itself; no file is made", async () => {
    const log = start(["callback"]);
    log.take(boot());
    await log.close();
    expect(published.map(({ name }) => name)).toEqual(["BootNotification"]);
    expect(() => files()).toThrow();
  });

  test("rotation: a fixed name", async () => {
    const log = start(["log"], { rotation: { maximumBytes: 200, maximumFiles: 2, dateSuffix: false } });
    for (let index = 0; index < 5; index++) log.take(boot());
    await log.close();
    expect(files()).toEqual(["libocpp_201.log", "libocpp_201.log.0"]);
  });
});

test("an old security log that is deleted is told (SecurityLogWasCleared); other logs are not", async () => {
  const log = start(["log", "security"], { rotation: { maximumBytes: 300, maximumFiles: 2, dateSuffix: false } });
  for (let index = 0; index < 10; index++) log.take(boot());
  await log.close();
  expect(securityLogRemovals).toBe(0);
  for (let index = 0; index < 20; index++) log.takeSecurityEvent({ type: "ResetOrReboot", techInfo: "x".repeat(50) });
  await log.close();
  expect(securityLogRemovals).toBeGreaterThan(0);
});

test("secrets are masked in every format", async () => {
  const secret = "0123456789-password";
  const log = start(["log", "html", "console", "callback"], { raw: true });
  log.take({
    ...boot(),
    text: `[2,"7","SetVariables",{"setVariableData":[{"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"},"attributeValue":"${secret}"}]}]`,
  });
  await log.close();
  const everything = [...files().map(read), printed, JSON.stringify(published)].join("\n");
  expect(everything).toContain("BasicAuthPassword");
  expect(everything).not.toContain(secret);
});

test("files and directory are private", async () => {
  const log = start(["log"]);
  await log.close();
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, `${START}.log`)).mode & 0o777).toBe(0o600);
});

describe("the wire never waits", () => {
  test("nothing is formatted or printed while a message is taken", async () => {
    const log = start(["console"]);
    log.take(boot());
    await clock.advance(99);
    expect(printed).toBe("");
    await clock.advance(1);
    expect(printed).toContain("BootNotification");
  });

  test("a backlog is worked off a few entries a turn, in order", async () => {
    const log = start(["callback"]);
    for (let index = 0; index < 100; index++) log.take({ ...boot(), name: String(index) });
    while (published.length < 100) await clock.advance(1);
    expect(published.map(({ name }) => name)).toEqual(Array.from({ length: 100 }, (_, index) => String(index)));
    await log.close();
    expect(published).toHaveLength(100);
  });

  test("what is too much is left out, and that is told", async () => {
    const log = start(["log"]);
    for (let index = 0; index < 3_000; index++) log.take(boot());
    await log.close();
    const text = read(`${START}.log`);
    expect(text.match(/CentralSystem BootNotification/g)).toHaveLength(1_999);
    expect(text).toContain("1001 messages are missing here.");
  });

  test("a format that fails does not stop the others, nor the station", async () => {
    const log = new MessageLog({
      settings: { directory, formats: new Set(["console", "callback"]), raw: false, rotation: undefined },
      clock,
      logger: { ...silentLogger, warn: (message) => warnings.push(message) },
      print: () => {
        throw new Error("broken pipe");
      },
      publish: (entry) => published.push(entry),
      onSecurityLogRemoved: () => {},
    });
    log.take(boot());
    await log.close();
    expect(warnings).toContain("A message could not be logged: broken pipe");
    expect(published).toHaveLength(1);
  });

  test("a directory that cannot be made is a warning", async () => {
    writeFileSync(directory, "a file is in the way");
    const log = start(["log"]);
    log.take(boot());
    await log.close();
    expect(warnings[0]).toContain("The directory of the message log cannot be used");
  });
});

test("files of the latest starts are kept, older ones and nothing else go", async () => {
  const first = start(["log"]);
  await first.close();
  for (let index = 0; index < 30; index++)
    writeFileSync(join(directory, `2026-02-01T00:00:${String(index).padStart(2, "0")}.000Z.log`), "");
  writeFileSync(join(directory, "2026-02-01T00:00:00.000Z_raw.html"), "");
  writeFileSync(join(directory, "notes.log"), "");
  await clock.advance(1_000);
  await start(["log"]).close();
  const names = files();
  expect(names.filter((name) => name.endsWith("Z.log"))).toHaveLength(20);
  expect(names).toContain(`${START}.log`);
  expect(names).toContain("notes.log");
  expect(names).not.toContain("2026-02-01T00:00:00.000Z_raw.html");
});

describe("what the CSMS sends does not decide how much is formatted", () => {
  const deepest = (text: string): LogEntry => ({ ...boot(), text });

  test("incident: 100,000 nested arrays were indented, 1.1 GB of blanks", async () => {
    const text = `[2,"1","DataTransfer",{"data":${"[".repeat(100_000)}${"]".repeat(100_000)}}]`;
    const log = start(["log", "html", "console_detailed", "callback"], { raw: true });
    log.take(deepest(text));
    await log.close();
    expect(read(`${START}.log`)).toContain(`\n${text}\n\n`);
    for (const name of files()) expect(statSync(join(directory, name)).size).toBeLessThan(text.length + 2_000);
    expect(printed.length).toBeLessThan(text.length + 2_000);
    expect(published).toMatchObject([{ text }]);
  });

  test("nested arrays with a secret somewhere", async () => {
    const log = start(["log"]);
    log.take(deepest(`[2,"1","DataTransfer",{"password":"s3cr3t","data":${"[".repeat(5_000)}${"]".repeat(5_000)}}]`));
    await log.close();
    expect(read(`${START}.log`)).not.toContain("s3cr3t");
  });

  test("a long list far inside is not given a line and its blanks for each number", async () => {
    const text = `${"[".repeat(90)}${Array(100_000).fill(0).join()}${"]".repeat(90)}`;
    const log = start(["log"]);
    log.take(deepest(text));
    await log.close();
    expect(statSync(join(directory, `${START}.log`)).size).toBeLessThan(text.length + 2_000);
  });

  test("large frames are formatted a few at a time, others have their turn between them", async () => {
    const log = start(["callback"]);
    for (let index = 0; index < 7; index++) log.take(deepest(`["${"x".repeat(400_000)}"]`));
    let publishedBefore = -1;
    clock.after(100, () => {
      publishedBefore = published.length;
    });
    await clock.advance(100);
    expect(publishedBefore).toBe(2);
    expect(published).toHaveLength(7);
  });

  test("an action of a megabyte, and one that pretends to be other entries", async () => {
    const log = start(["log"]);
    log.take({ ...boot(), name: `X\n\n2026-03-01T12:00:02.000Z: SYS> forged ${"x".repeat(1_000_000)}` });
    log.take(deepest("no JSON\n\n2026-03-01T12:00:02.000Z: SYS> forged as well"));
    await log.close();
    const lines = read(`${START}.log`).split("\n");
    expect(lines.filter((line) => line.startsWith("2026-03-01T12:00:02"))).toEqual([]);
    expect(Math.max(...lines.map(({ length }) => length))).toBeLessThan(400);
  });
});
