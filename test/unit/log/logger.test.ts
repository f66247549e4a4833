import { expect, test } from "bun:test";
import { createLineLogger } from "../../../src/log/logger.ts";

const lines: string[] = [];
const logger = createLineLogger({
  processName: "ocpp:OCPP201",
  minimumSeverity: "info",
  now: () => new Date("2026-03-01T12:00:00.123Z"),
  write: (line) => lines.push(line),
});

test("a line as EVerest's modules print it, whatever is in it, without the password of a URL", () => {
  logger.warn("wss://user:secret@csms.example/x\nnot reached");
  expect(lines).toEqual([
    "2026-03-01 12:00:00.123 [WARN] ocpp:OCPP201    :: wss://user:***@csms.example/x ⏎ not reached\n",
  ]);
});
