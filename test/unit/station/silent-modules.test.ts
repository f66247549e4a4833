import { afterEach, expect, test } from "bun:test";
import { sleep } from "../../../src/lib/clock.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async () => {
  charger = await new InProcessCharger(1).start();
  await charger.clock.advance(100);
};
const silence = () => new Promise(() => {});
const noAnswer = (seconds: number) => async () => {
  await sleep(charger.clock, seconds * 1000);
  throw new Error(`no answer within ${seconds} s`);
};
const answerTo = (id: string) => charger.answers.find(({ messageId }) => messageId === id)?.body;
const send = (id: string, action: string, payload: unknown) =>
  charger.sendText(JSON.stringify([2, id, action, payload]));
const UNLOCK = { evseId: 1, connectorId: 1 };
const FIRMWARE = { location: "https://x/y", retrieveDateTime: "2026-01-01T00:00:00Z" };
const LOG = { logType: "DiagnosticsLog", requestId: 5, log: { remoteLocation: "ftp://x" } };

test("force_unlock that never returned kept RequestStopTransaction without an answer for 300 s", async () => {
  await start();
  charger.hardwareAnswers.forceUnlock = silence;
  send("unlock", "UnlockConnector", UNLOCK);
  expect((await charger.call("RequestStopTransaction", { transactionId: "t" })).body).toMatchObject({
    status: "Rejected",
    statusInfo: { reasonCode: "TxNotFound" },
  });
  await charger.clock.advance(30_000);
  expect(answerTo("unlock")).toBeDefined();
});

test("UnlockFailed when the charger does not answer in time (F05.FR.05)", async () => {
  await start();
  charger.hardwareAnswers.forceUnlock = noAnswer(15);
  send("unlock", "UnlockConnector", UNLOCK);
  await charger.clock.advance(15_000);
  expect(answerTo("unlock")).toMatchObject({
    status: "UnlockFailed",
    statusInfo: { additionalInfo: "the charger did not answer" },
  });
});

test("an unlock that works took a second in which nothing else was answered", async () => {
  await start();
  send("unlock", "UnlockConnector", UNLOCK);
  expect((await charger.call("GetLocalListVersion", {})).body).toEqual({ versionNumber: 0 });
  expect(answerTo("unlock")).toBeUndefined();
  await charger.clock.advance(1_000);
  expect(answerTo("unlock")).toEqual({ status: "Unlocked" });
});

test("UnlockConnector twice with the same message id was carried out and answered twice (part 4, 4.2.3)", async () => {
  await start();
  send("same", "UnlockConnector", UNLOCK);
  send("same", "UnlockConnector", UNLOCK);
  await charger.clock.advance(2_000);
  expect(charger.hardwareCalls.filter(({ name }) => name === "forceUnlock")).toHaveLength(1);
  expect(charger.answers.filter(({ messageId }) => messageId === "same").map(({ kind, body }) => [kind, body])).toEqual(
    [
      ["error", "RpcFrameworkError"],
      ["response", { status: "Unlocked" }],
    ],
  );
  expect(charger.log.some((line) => line.includes("CALL with this message id is being handled"))).toBe(true);
});

test.each<[string, string, unknown, string, number, unknown]>([
  ["stopTransaction", "GetLog", LOG, "uploadLogs", 20, { status: "Rejected" }],
  [
    "update_firmware",
    "UpdateFirmware",
    { requestId: 1, firmware: FIRMWARE },
    "updateFirmware",
    15,
    { status: "Rejected" },
  ],
  ["is_reset_allowed", "Reset", { type: "OnIdle" }, "isResetAllowed", 5, { status: "Rejected" }],
  [
    "install",
    "InstallCertificate",
    { certificateType: "V2GRootCertificate", certificate: "PEM" },
    "installCaCertificate",
    8,
    { status: "Failed" },
  ],
  ["get_installed_certificates", "GetInstalledCertificateIds", {}, "installedCertificates", 4, { status: "NotFound" }],
  [
    "update_leaf",
    "CertificateSigned",
    { certificateChain: "PEM" },
    "updateLeafCertificate",
    15,
    { status: "Rejected" },
  ],
])(
  "%s without an answer: the next CALL waits a second at most, and %s has its regular negative answer",
  async (_name, action, payload, port, seconds, expected) => {
    await start();
    charger.hardwareAnswers[port] = noAnswer(seconds);
    send("slow", action, payload);
    send("next", "GetLocalListVersion", {});
    await charger.clock.advance(1_010);
    expect(answerTo("next")).toEqual({ versionNumber: 0 });
    expect(answerTo("slow")).toBeUndefined();
    await charger.clock.advance(seconds * 1000);
    expect(answerTo("slow")).toMatchObject(expected as object);
  },
);

test("a reset that comes while the system is asked to begin an update does not cut it off (B12.FR.10)", async () => {
  await start();
  charger.hardwareAnswers.updateFirmware = async () => {
    await sleep(charger.clock, 5_000);
    return "Accepted";
  };
  send("update", "UpdateFirmware", { requestId: 1, firmware: FIRMWARE });
  send("reset", "Reset", { type: "Immediate" });
  await charger.clock.advance(6_000);
  expect(answerTo("update")).toEqual({ status: "Accepted" });
  expect(answerTo("reset")).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "FwUpdateInProgress" } });
});

test("a log upload that was begun although nobody answered in time is told (N01.FR.08)", async () => {
  await start();
  await charger.call("GetLog", LOG);
  charger.hardwareEvents.emit("logStatus", { state: "Uploaded", requestId: 5 });
  charger.hardwareAnswers.uploadLogs = noAnswer(20);
  send("late", "GetLog", { ...LOG, requestId: 6 });
  await charger.clock.advance(21_000);
  charger.hardwareEvents.emit("logStatus", { state: "Uploading", requestId: 6 });
  await charger.clock.advance(100);
  expect(charger.callsOf("LogStatusNotification")).toMatchObject([
    { status: "Uploaded", requestId: 5 },
    { status: "Uploading", requestId: 6 },
  ]);
});

test("reservations are looked up at all EVSEs at once, so that a silent module costs its limit only once", async () => {
  await start();
  charger.hardwareAnswers.isReservedForOther = noAnswer(3);
  send("start", "RequestStartTransaction", { remoteStartId: 1, idToken: { idToken: "A", type: "Central" } });
  await charger.clock.advance(3_010);
  expect(answerTo("start")).toMatchObject({ status: "Accepted" });
});
