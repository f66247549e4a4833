import { beforeEach, expect, test } from "bun:test";
import { createLineLogger } from "../../../src/log/logger.ts";

const lines: string[] = [];
beforeEach(() => {
  lines.length = 0;
});
const logger = createLineLogger({
  processName: "ocpp:OCPP201",
  minimumSeverity: "info",
  now: () => new Date("2026-03-01T12:00:00.123Z"),
  write: (line) => lines.push(line),
});

test("who is quoted in a line can neither add lines, nor steer the terminal, nor make it endless", () => {
  logger.warn(`told: \u001b[2J\u0000\u009b1m${"x".repeat(1_000_000)}`);
  const [line = ""] = lines;
  expect(line).toContain("told: \\u001b[2J\\u0000\\u009b1mxxx");
  expect(line.length).toBeLessThan(17_000);
  expect(line).toEndWith("… (983630 more characters)\n");
});

test("a line as EVerest's modules print it, whatever is in it, without the password of a URL", () => {
  logger.warn("wss://user:secret@csms.example/x\nnot reached");
  expect(lines).toEqual([
    "2026-03-01 12:00:00.123 [WARN] ocpp:OCPP201    :: wss://user:***@csms.example/x ⏎ not reached\n",
  ]);
});
