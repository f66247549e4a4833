import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { LogUploadState } from "../../../src/station/ports.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async () => {
  charger = await new InProcessCharger(1).start();
  await charger.clock.advance(100);
};
const getLog = async (requestId: number, more: object = {}) =>
  (
    await charger.call("GetLog", {
      logType: "DiagnosticsLog",
      requestId,
      log: { remoteLocation: "https://x/" },
      ...more,
    })
  ).body as { status: string; filename?: string };
const report = async (requestId: number, ...states: LogUploadState[]) => {
  for (const state of states) charger.hardwareEvents.emit("logStatus", { state, requestId });
  await charger.clock.advance(200);
};
const told = () => charger.callsOf("LogStatusNotification").map(({ status, requestId }) => [status, requestId]);
const orders = () =>
  charger.hardwareCalls
    .filter(({ name }) => name === "uploadLogs")
    .map(({ args }) => args[0] as Record<string, unknown>);
const triggered = async () => {
  const from = charger.calls.length;
  await charger.call("TriggerMessage", { requestedMessage: "LogStatusNotification" });
  await charger.clock.advance(100);
  return charger.calls.slice(from).map(({ payload }) => [payload.status, payload.requestId]);
};

describe("N01: log files", () => {
  test("are uploaded by the hardware side, and every status is told with the id of the request (N01.FR.01, FR.02, FR.04, FR.07–09)", async () => {
    await start();
    expect(await getLog(1, { retries: 3, retryInterval: 10 })).toEqual({ status: "Accepted", filename: "log.tar.gz" });
    expect(orders()).toEqual([
      {
        requestId: 1,
        type: "DiagnosticsLog",
        location: "https://x/",
        retries: 3,
        retryIntervalSeconds: 10,
        diagnosticsPath: join(charger.directory, "diagnostics.json"),
      },
    ]);
    expect(charger.services.idleness.isHinderedBy("log upload")).toBe(true);
    await report(1, "Uploading", "Uploading", "Uploaded");
    expect(told()).toEqual([
      ["Uploading", 1],
      ["Uploaded", 1],
    ]);
    expect(charger.services.idleness.isHinderedBy("log upload")).toBe(false);
  });

  test("what the station knows of itself is part of its diagnostics only, and no reason against the upload (N01.FR.03, FR.04)", async () => {
    await start();
    await getLog(1, { logType: "SecurityLog" });
    expect(orders().at(-1)).not.toHaveProperty("diagnosticsPath");
    charger.writeDiagnostics = () => Promise.reject(new Error("the disk is full"));
    expect(await getLog(2)).toMatchObject({ filename: "log.tar.gz" });
    expect(orders().at(-1)).toMatchObject({ requestId: 2, type: "DiagnosticsLog" });
    expect(orders().at(-1)).not.toHaveProperty("diagnosticsPath");
    expect(charger.log.join("\n")).toContain("is not part of the log upload: the disk is full");
  });

  test("an upload whose end was never told kept resets waiting for ever; it is given up after an hour", async () => {
    for (const states of [[], ["Uploading"]] as LogUploadState[][]) {
      await start();
      await getLog(1);
      await report(1, ...states);
      const { body } = await charger.call("Reset", { type: "OnIdle" });
      expect(body).toEqual({ status: "Scheduled" });
      await charger.clock.advance(3_500_000);
      expect(charger.hardwareCalls.filter(({ name }) => name === "reset")).toHaveLength(0);
      await charger.clock.advance(200_000);
      expect(told().at(-1)).toEqual(["UploadFailure", 1]);
      expect(charger.hardwareCalls.filter(({ name }) => name === "reset").length).toBeGreaterThan(0);
      expect(charger.log.join("\n")).toContain("given up");
      if (states.length === 0) charger.dispose();
    }
    await report(1, "Uploaded");
    expect(told().at(-1)).toEqual(["Uploaded", 1]);
  });

  test("a superseded upload's time does not run out for the one that goes on, and repetitions have theirs", async () => {
    await start();
    await getLog(1);
    await charger.clock.advance(3_000_000);
    await getLog(2, { retries: 3, retryInterval: 1_000 });
    await report(2, "Uploading");
    await charger.clock.advance(6_000_000);
    expect(charger.services.idleness.isHinderedBy("log upload")).toBe(true);
    await report(2, "Uploading");
    await charger.clock.advance(6_000_000);
    expect(charger.services.idleness.isHinderedBy("log upload")).toBe(true);
    await charger.clock.advance(1_000_000);
    expect(told().at(-1)).toEqual(["UploadFailure", 2]);
    expect(charger.services.idleness.isHinderedBy("log upload")).toBe(false);
  });

  test("a SecurityLog names the station's own log of security events (N01.FR.03)", async () => {
    await start();
    await getLog(2, { logType: "SecurityLog" });
    expect(orders()[0]).toMatchObject({
      type: "SecurityLog",
      securityLogPath: `${charger.directory}/logs/security-events.log`,
    });
  });

  test("what is not available is Rejected (N01.FR.05)", async () => {
    await start();
    charger.hardwareAnswers.uploadLogs = () => ({ status: "Rejected" });
    expect(await getLog(1)).toEqual({ status: "Rejected" });
    charger.hardwareAnswers.uploadLogs = () => {
      throw new Error("no answer");
    };
    expect(await getLog(2)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "InternalError" } });
    expect(await triggered()).toEqual([["Idle", undefined]]);
  });

  test.each(["UploadFailure", "BadMessage", "PermissionDenied", "NotSupportedOperation"] as const)(
    "%s after each of the attempts (N01.FR.10)",
    async (failure) => {
      await start();
      await getLog(1, { retries: 1 });
      await report(1, "Uploading", failure, "Uploading", failure);
      expect(told()).toEqual([
        ["Uploading", 1],
        [failure, 1],
        ["Uploading", 1],
        [failure, 1],
      ]);
    },
  );

  test("a second request cancels the first upload, whoever says it first (N01.FR.12, FR.20)", async () => {
    await start();
    await getLog(1);
    await report(1, "Uploading");
    charger.hardwareAnswers.uploadLogs = () => {
      charger.hardwareEvents.emit("logStatus", { state: "Uploading", requestId: 2 });
      return { status: "AcceptedCanceled", fileName: "2" };
    };
    expect(await getLog(2)).toEqual({ status: "AcceptedCanceled", filename: "2" });
    await report(1, "AcceptedCanceled");
    charger.hardwareAnswers.uploadLogs = () => {
      charger.hardwareEvents.emit("logStatus", { state: "AcceptedCanceled", requestId: 2 });
      return { status: "AcceptedCanceled", fileName: "3" };
    };
    expect((await getLog(3)).status).toBe("AcceptedCanceled");
    await report(3, "Uploading", "Uploaded");
    expect(told()).toEqual([
      ["Uploading", 1],
      ["AcceptedCanceled", 1],
      ["Uploading", 2],
      ["AcceptedCanceled", 2],
      ["Uploading", 3],
      ["Uploaded", 3],
    ]);
  });

  test("a status that comes while GetLog is being answered follows the answer", async () => {
    await start();
    charger.hardwareAnswers.uploadLogs = () => {
      charger.hardwareEvents.emit("logStatus", { state: "Uploading", requestId: 9 });
      return { status: "Accepted", fileName: "9" };
    };
    charger.react = (call) => {
      if (call.action === "LogStatusNotification")
        expect(charger.answers.at(-1)?.body).toMatchObject({ filename: "9" });
      return { answer: {} };
    };
    await getLog(9);
    await charger.clock.advance(100);
    expect(told()).toEqual([["Uploading", 9]]);
  });

  test("TriggerMessage: Uploading with the id, else Idle without one (N01.FR.13)", async () => {
    await start();
    expect(await triggered()).toEqual([["Idle", undefined]]);
    await getLog(4);
    await report(4, "Uploading");
    expect(await triggered()).toEqual([["Uploading", 4]]);
    await report(4, "Uploaded");
    expect(await triggered()).toEqual([["Idle", undefined]]);
  });

  test("uploads that the CSMS did not ask for are not its business, nor Idle", async () => {
    await start();
    charger.hardwareEvents.emit("logStatus", { state: "Uploading" });
    charger.hardwareEvents.emit("logStatus", { state: "Idle", requestId: 1 });
    await charger.clock.advance(200);
    expect(told()).toEqual([]);
  });
});
