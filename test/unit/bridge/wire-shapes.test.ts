import { expect, test } from "bun:test";
import { createSystemPort } from "../../../src/bridge/hardware.ts";
import { toSessionCost } from "../../../src/bridge/session-cost.ts";
import type { Peer } from "../../../src/everest/everest-module.ts";

/** What a C++ peer would choke on: it ends, and the whole charger with it. */

test("a currency that EVerest does not know was sent all the same, and ended the module that listens", () => {
  const cost = {
    transactionId: "t",
    decimals: 2,
    status: "Finished" as const,
    totalCost: 1,
    timestamp: "2026-01-01T12:00:00.000Z",
  };
  for (const currency of ["DEM", "XXX", "eur", ""])
    expect(toSessionCost({ ...cost, currency })?.currency).toEqual({ decimals: 2 });
  expect(toSessionCost({ ...cost, currency: "CHF" })?.currency).toEqual({ code: "CHF", decimals: 2 });
});

test("times of the CSMS with an offset or without a fraction went on as they came (PROTOCOL 12.5)", async () => {
  const called: Record<string, object> = {};
  const peer = {
    call: async (command: string, args: Record<string, object>) => {
      Object.assign(called, args);
      return command === "upload_logs" ? { upload_logs_status: "Accepted" } : "Accepted";
    },
  } as unknown as Peer<"system">;
  const system = createSystemPort(peer);
  await system.updateFirmware({
    requestId: 1,
    location: "ftp://x",
    retrieveDateTime: "2026-03-01T12:00:00+01:00",
    installDateTime: "2026-03-01T12:00:00Z",
  });
  await system.uploadLogs({
    requestId: 2,
    type: "DiagnosticsLog",
    location: "ftp://x",
    oldestTimestamp: "2026-03-01T00:00:00-02:00",
    latestTimestamp: "2026-03-01T12:00:00.5Z",
  });
  expect(called).toMatchObject({
    firmware_update_request: {
      retrieve_timestamp: "2026-03-01T11:00:00.000Z",
      install_timestamp: "2026-03-01T12:00:00.000Z",
    },
    upload_logs_request: {
      oldest_timestamp: "2026-03-01T02:00:00.000Z",
      latest_timestamp: "2026-03-01T12:00:00.500Z",
    },
  });
});
