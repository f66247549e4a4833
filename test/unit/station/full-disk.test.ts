import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const fillDisk = () => charger.core.database.run("PRAGMA query_only = ON");
const freeDisk = () => charger.core.database.run("PRAGMA query_only = OFF");

const charge = (): void => {
  charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
  charger.event(1, {
    kind: "TransactionStarted",
    sessionId: "s",
    token: { idToken: { idToken: "CARD", type: "ISO14443" }, remote: false },
  });
};
const startAndCharge = async (variables: Readonly<Record<string, string>> = {}): Promise<void> => {
  charger = await new InProcessCharger(1, variables).start();
  charge();
  await charger.clock.advance(100);
};

describe("a full disk does not cut the station off", () => {
  test("incident: a connection lost while nothing can be stored was never opened again (E04.FR.01, E11.FR.07)", async () => {
    charger = await new InProcessCharger().start();
    charger.react = ({ action }) => (action === "TransactionEvent" ? "silence" : { answer: {} });
    charge();
    await charger.clock.advance(100);
    fillDisk();
    charger.disconnect();
    await charger.clock.advance(1_000);
    freeDisk();
    charger.calls.length = 0;
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
    expect(charger.callsOf("TransactionEvent")[0]).toMatchObject({ eventType: "Started", seqNo: 0, offline: true });
  });

  test("incident: whoever had to be told that a message is not delivered waited for ever (QueueAllMessages)", async () => {
    await startAndCharge({ "OCPPCommCtrlr.QueueAllMessages": "true" });
    charger.react = () => "silence";
    const first = charger.csms.call("DataTransfer", { vendorId: "v" }, { queueWhenOffline: true });
    const second = charger.csms.call("DataTransfer", { vendorId: "v" });
    fillDisk();
    charger.disconnect();
    expect((await first).kind).toBe("offline");
    expect((await second).kind).toBe("offline");
    expect((await charger.csms.call("DataTransfer", { vendorId: "v" }, { queueWhenOffline: true })).kind).toBe(
      "offline",
    );
    freeDisk();
  });

  test("incident: a failed handshake whose security event cannot be stored was the last attempt (A04.FR.02)", async () => {
    await startAndCharge();
    charger.judge = () => ({ kind: "tls", reason: "certificate", text: "unknown root" });
    fillDisk();
    charger.disconnect();
    await charger.clock.advance(600_000);
    charger.judge = () => undefined;
    freeDisk();
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
  });

  test("incident: a scheduled change of availability was forgotten when it could not be stored (G03.FR.05)", async () => {
    await startAndCharge();
    const request = { operationalStatus: "Inoperative", evse: { id: 1 } };
    expect((await charger.call("ChangeAvailability", request)).body).toMatchObject({ status: "Scheduled" });
    charger.core.database.run(
      "CREATE TRIGGER FULL_DISK BEFORE INSERT ON AVAILABILITY BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local" });
    charger.event(1, { kind: "SessionFinished", sessionId: "s" });
    await charger.clock.advance(1_000);
    charger.core.database.run("DROP TRIGGER FULL_DISK");
    expect(charger.model.connector(1, 1)?.status).toBe("Available");
    charge();
    charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local" });
    await charger.clock.advance(1_000);
    expect(charger.model.connector(1, 1)?.status).toBe("Unavailable");
  });

  test("incident: an update that failed on the full disk went on for ever, and no reset was possible (L01.FR.10)", async () => {
    charger = await new InProcessCharger().start();
    const firmware = { location: "https://f/1", retrieveDateTime: charger.clock.now().toISOString() };
    await charger.call("UpdateFirmware", { requestId: 7, firmware });
    charger.hardwareEvents.emit("firmwareStatus", { state: "Downloading", requestId: 7 });
    await charger.clock.advance(100);
    fillDisk();
    charger.hardwareEvents.emit("firmwareStatus", { state: "DownloadFailed", requestId: 7 });
    await charger.clock.advance(5_000);
    freeDisk();
    await charger.clock.advance(5_000);
    expect(charger.callsOf("FirmwareStatusNotification").map(({ status }) => status)).toEqual([
      "Downloading",
      "DownloadFailed",
    ]);
    expect((await charger.call("Reset", { type: "Immediate" })).body).toEqual({ status: "Accepted" });
  });

  test("incident: the end of a log upload was never told when it could not be stored at once (N01.FR.08)", async () => {
    charger = await new InProcessCharger().start();
    const log = { remoteLocation: "https://l/1" };
    await charger.call("GetLog", { requestId: 7, logType: "DiagnosticsLog", log });
    charger.hardwareEvents.emit("logStatus", { state: "Uploading", requestId: 7 });
    await charger.clock.advance(100);
    fillDisk();
    charger.hardwareEvents.emit("logStatus", { state: "UploadFailure", requestId: 7 });
    await charger.clock.advance(5_000);
    freeDisk();
    await charger.clock.advance(5_000);
    expect(charger.callsOf("LogStatusNotification").map(({ status }) => status)).toEqual([
      "Uploading",
      "UploadFailure",
    ]);
  });

  test("incident: a fault was never told when its number could not be stored (N07)", async () => {
    charger = await new InProcessCharger().start();
    fillDisk();
    charger.hardwareEvents.emit("error", {
      component: "ConnectorPlugRetentionLock",
      variable: "Problem",
      origin: "lock/main",
      type: "connector_lock/ConnectorLockFailedLock",
      subType: "",
      message: "m",
      description: "",
      severity: "High",
      state: "raised",
      inoperative: false,
      evseId: 1,
      connectorId: 1,
      timestamp: charger.clock.now(),
    });
    await charger.clock.advance(5_000);
    freeDisk();
    await charger.clock.advance(5_000);
    expect(charger.callsOf("NotifyEvent")).toHaveLength(1);
  });

  test("incident: a signed update whose order could not be stored was installed before its signature was checked (L01.FR.05)", async () => {
    charger = await new InProcessCharger().start();
    const firmware = {
      location: "https://f/1",
      retrieveDateTime: charger.clock.now().toISOString(),
      signingCertificate: "PEM",
      signature: "S",
    };
    fillDisk();
    expect((await charger.call("UpdateFirmware", { requestId: 7, firmware })).body).toEqual({ status: "Accepted" });
    freeDisk();
    const allowed = () => charger.hardwareCalls.filter(({ name }) => name === "allowFirmwareInstallation").length;
    charger.hardwareEvents.emit("firmwareStatus", { state: "Downloaded", requestId: 7 });
    await charger.clock.advance(1_000);
    expect(allowed()).toBe(0);
    charger.hardwareEvents.emit("firmwareStatus", { state: "SignatureVerified", requestId: 7 });
    await charger.clock.advance(1_000);
    expect(allowed()).toBe(1);
  });
});

describe("a message that is kept for the next connection", () => {
  const forbid = () =>
    charger.core.database.run(
      "CREATE TRIGGER FULL_DISK BEFORE INSERT ON NORMAL_QUEUE BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
  const allow = () => charger.core.database.run("DROP TRIGGER FULL_DISK");
  const say = (vendorId: string) =>
    void charger.csms.call("DataTransfer", { vendorId, messageId: "x" }, { queueWhenOffline: true });

  test("incident: one that could not be stored was lost; it waits, in its order", async () => {
    charger = await new InProcessCharger().start();
    charger.judge = () => ({ kind: "network", text: "away" });
    charger.disconnect();
    await charger.clock.advance(1_000);
    forbid();
    say("first");
    say("second");
    allow();
    say("third");
    await charger.clock.advance(2_000);
    charger.judge = () => undefined;
    await charger.clock.advance(600_000);
    expect(charger.callsOf("DataTransfer").map(({ vendorId }) => vendorId)).toEqual(["first", "second", "third"]);
  });

  test("incident: a monitor's state was stored without its message, which nobody told again", async () => {
    charger = await new InProcessCharger().start();
    charger.judge = () => ({ kind: "network", text: "away" });
    charger.disconnect();
    await charger.clock.advance(1_000);
    forbid();
    const decide = () =>
      charger.core.unitOfWork.run(() => {
        charger.core.keyValues.set("told", true);
        say("event");
      });
    expect(decide).toThrow("full");
    expect(charger.core.database.query("SELECT 1 FROM STATION_STATE WHERE KEY = 'told'").get()).toBeNull();
    allow();
    decide();
    expect(charger.core.normalQueue.length).toBe(1);
  });
});
