import { afterEach, describe, expect, test } from "bun:test";
import { InternalCtrlr } from "../../../src/device-model/variables.ts";
import type { FirmwareUpdateState } from "../../../src/station/ports.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
const restart = async (bootReason: "FirmwareUpdate" | "PowerUp") => {
  charger.crash();
  charger.bootReason = bootReason;
  await charger.start();
  await charger.clock.advance(100);
};
const inOneHour = () => new Date(charger.clock.now().getTime() + 3_600_000).toISOString();
const SIGNED = {
  location: "https://x/fw",
  retrieveDateTime: "2020-01-01T00:00:00Z",
  signingCertificate: "PEM",
  signature: "s",
};
const UNSIGNED = { location: "https://x/fw", retrieveDateTime: "2020-01-01T00:00:00Z" };
const order = async (requestId: number, firmware: object = SIGNED) =>
  ((await charger.call("UpdateFirmware", { requestId, firmware })).body as { status: string }).status;
const report = async (requestId: number | undefined, ...states: FirmwareUpdateState[]) => {
  for (const state of states)
    charger.hardwareEvents.emit("firmwareStatus", { state, ...(requestId !== undefined && { requestId }) });
  await charger.clock.advance(200);
};
const told = () => charger.callsOf("FirmwareStatusNotification").map(({ status, requestId }) => [status, requestId]);
const securityEvents = () => charger.callsOf("SecurityEventNotification").map(({ type }) => type);
const allowed = () => charger.hardwareCalls.filter(({ name }) => name === "allowFirmwareInstallation").length;
const unavailable = () =>
  charger.model.evses.filter((evse) => evse.connectors[0]?.status === "Unavailable").map(({ evseId }) => evseId);
const token = { idToken: { idToken: "A", type: "ISO14443" as const }, remote: false };
const beginTransaction = async (evseId: number) => {
  charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
  charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token });
  await charger.clock.advance(100);
};
const endTransaction = async (evseId: number) => {
  charger.event(evseId, { kind: "TransactionFinished", sessionId: `s${evseId}`, stoppedReason: "Local" });
  await charger.clock.advance(200);
};
const triggered = async () => {
  const from = charger.calls.length;
  await charger.call("TriggerMessage", { requestedMessage: "FirmwareStatusNotification" });
  await charger.clock.advance(100);
  return charger.calls.slice(from).map(({ action, payload }) => [action, payload.status, payload.requestId]);
};

describe("L01, L02: statuses", () => {
  test("each once, in order, with the id of the request (L01.FR.01, FR.10, FR.13–15, FR.28, FR.31)", async () => {
    await start();
    expect(await order(7)).toBe("Accepted");
    const states = [
      "DownloadScheduled",
      "Downloading",
      "DownloadPaused",
      "Downloading",
      "Downloading",
      "Downloaded",
      "SignatureVerified",
      "Installing",
      "InstallRebooting",
      "Installed",
      "Installed",
    ] as const;
    await report(7, ...states);
    const once = states.filter((state, index) => state !== states[index - 1]);
    expect(told()).toEqual(once.map((state) => [state, 7]));
    expect(securityEvents()).toContain("FirmwareUpdated");
  });

  test("of an unsigned update likewise (L02.FR.01, FR.06–09, FR.20)", async () => {
    await start();
    expect(await order(8, UNSIGNED)).toBe("Accepted");
    const states = [
      "DownloadScheduled",
      "Downloading",
      "DownloadPaused",
      "Downloading",
      "Downloaded",
      "InstallRebooting",
      "Installed",
    ] as const;
    await report(8, ...states);
    expect(told()).toEqual(states.map((state) => [state, 8]));
  });

  test("Idle is told only when it was asked for (L01.FR.20, L02.FR.14)", async () => {
    await start();
    await report(undefined, "Idle");
    expect(told()).toEqual([]);
  });

  test("statuses that the hardware side reports while UpdateFirmware is being answered follow the answer", async () => {
    await start();
    charger.hardwareAnswers.updateFirmware = () => {
      charger.hardwareEvents.emit("firmwareStatus", { state: "Downloading", requestId: 3 });
      return "Accepted";
    };
    const calls = charger.calls.length;
    charger.react = (call) => {
      // The answer is known to the CSMS before the status.
      if (call.action === "FirmwareStatusNotification")
        expect(charger.answers.at(-1)?.body).toEqual({ status: "Accepted" });
      return { answer: {} };
    };
    await order(3);
    await charger.clock.advance(100);
    expect(charger.calls.slice(calls).map(({ action }) => action)).toEqual(["FirmwareStatusNotification"]);
  });

  test("one that the CSMS refuses is not sent again, and nothing waits for it", async () => {
    await start();
    await order(4);
    charger.react = ({ action }) =>
      action === "FirmwareStatusNotification" ? { error: "InternalError" } : { answer: {} };
    await report(4, "Downloading", "Downloaded");
    await charger.clock.advance(300_000);
    expect(told()).toEqual([
      ["Downloading", 4],
      ["Downloaded", 4],
    ]);
    expect(charger.csms.durableQueueLength).toBe(0);
  });

  test("what is told while offline, or not answered before kill -9, is told later in order", async () => {
    await start();
    await order(4);
    charger.reachable = false;
    charger.disconnect();
    await report(4, "Downloading", "Downloaded");
    charger.crash();
    charger.reachable = true;
    await charger.start();
    await charger.clock.advance(1_000);
    expect(told()).toEqual([
      ["Downloading", 4],
      ["Downloaded", 4],
    ]);
  });

  test.each([
    ["DownloadFailed", ["Downloading"]],
    ["InvalidSignature", ["Downloading", "Downloaded"]],
    ["InstallVerificationFailed", ["Downloading", "Downloaded", "SignatureVerified", "Installing"]],
    ["InstallationFailed", ["Downloading", "Downloaded", "SignatureVerified", "Installing"]],
  ] as const)("%s ends the update, and EVSEs serve again (L01.FR.03, FR.29, FR.30, L02.FR.19)", async (end, before) => {
    await start();
    await order(5);
    await report(5, ...before, end);
    expect(told().at(-1)).toEqual([end, 5]);
    expect(unavailable()).toEqual([]);
    expect(charger.services.idleness.isHinderedBy("firmware update")).toBe(false);
    expect(securityEvents().includes("InvalidFirmwareSignature")).toBe(end === "InvalidSignature");
    expect(await triggered()).toEqual([["FirmwareStatusNotification", end, 5]]); // L01.FR.26, L02.FR.17
  });

  test("TriggerMessage: the last status, Idle after Installed or when there is none (L01.FR.25, FR.26, L02.FR.16, FR.17)", async () => {
    await start();
    expect(await triggered()).toEqual([["FirmwareStatusNotification", "Idle", undefined]]);
    await order(6);
    await report(6, "Downloading");
    expect(await triggered()).toEqual([["FirmwareStatusNotification", "Downloading", 6]]);
    await report(6, "Downloaded", "SignatureVerified", "Installing", "Installed");
    expect(await triggered()).toEqual([["FirmwareStatusNotification", "Idle", undefined]]);
  });
});

describe("L01, L02: the order of the CSMS", () => {
  test("a signing certificate that is not valid is refused before anything is downloaded (L01.FR.02, FR.12, FR.21, FR.22)", async () => {
    await start();
    charger.hardwareAnswers.verifyCertificate = () => "Expired";
    expect(await order(1)).toBe("InvalidCertificate");
    await charger.clock.advance(100);
    expect(charger.hardwareCalls.some(({ name }) => name === "updateFirmware")).toBe(false);
    expect(securityEvents()).toContain("InvalidFirmwareSigningCertificate");
  });

  test("one that the hardware side knows to be revoked, too (L01.FR.02)", async () => {
    await start();
    charger.hardwareAnswers.updateFirmware = () => "RevokedCertificate";
    expect(await order(1)).toBe("RevokedCertificate");
    await charger.clock.advance(100);
    expect(securityEvents()).toContain("InvalidFirmwareSigningCertificate");
    expect(await triggered()).toEqual([["FirmwareStatusNotification", "Idle", undefined]]);
  });

  test("a new order cancels the running one; nothing more is told of that (L01.FR.24, L02.FR.15)", async () => {
    await start();
    await order(1);
    await report(1, "Downloading");
    expect(await order(2)).toBe("AcceptedCanceled");
    await report(1, "DownloadFailed");
    await report(2, "Downloading");
    expect(told()).toEqual([
      ["Downloading", 1],
      ["Downloading", 2],
    ]);
  });

  test("an update that waits for its installation is cancelled too, and its EVSEs serve again", async () => {
    await start();
    await beginTransaction(1);
    await order(1);
    await report(1, "Downloaded", "SignatureVerified");
    expect(unavailable()).toEqual([2]);
    expect(await order(2)).toBe("AcceptedCanceled");
    await charger.clock.advance(100);
    expect(unavailable()).toEqual([]);
  });

  test("what the hardware side cannot cancel goes on (L01.FR.27, L02.FR.18)", async () => {
    await start();
    await order(1);
    await report(1, "Downloading");
    charger.hardwareAnswers.updateFirmware = () => "Rejected";
    expect(await order(2)).toBe("Rejected");
    await report(1, "Downloaded");
    expect(told().at(-1)).toEqual(["Downloaded", 1]);
  });

  test("PublishFirmware and UnpublishFirmware are for a local controller", async () => {
    await start();
    const publish = { location: "https://x/fw", checksum: "0".repeat(32), requestId: 1 };
    expect((await charger.call("PublishFirmware", publish)).body).toBe("NotSupported");
    expect((await charger.call("UnpublishFirmware", { checksum: "0".repeat(32) })).body).toBe("NotSupported");
    expect(
      (await charger.call("TriggerMessage", { requestedMessage: "PublishFirmwareStatusNotification" })).body,
    ).toEqual({ status: "NotImplemented" });
  });
});

describe("L01, L02: installation", () => {
  test.each([
    ["signed", SIGNED, ["Downloaded", "SignatureVerified"]],
    ["unsigned", UNSIGNED, ["Downloaded"]],
  ] as const)("%s: at once when nothing charges (L01.FR.05, L02.FR.02)", async (_, firmware, states) => {
    await start();
    await order(1, firmware);
    await report(1, ...states);
    expect(allowed()).toBe(1);
    expect(unavailable()).toEqual([1, 2]);
    await report(1, "Installing", "Installed");
    expect(unavailable()).toEqual([]);
  });

  test("after the last transaction; until then free EVSEs take no driver (L01.FR.06, FR.07, FR.33, FR.34, L02.FR.03, FR.04, FR.22, FR.23)", async () => {
    await start();
    await beginTransaction(1);
    await order(1);
    await report(1, "Downloaded", "SignatureVerified", "InstallScheduled");
    expect(told().slice(1)).toEqual([
      ["SignatureVerified", 1],
      ["InstallScheduled", 1],
    ]);
    expect(unavailable()).toEqual([2]);
    expect(allowed()).toBe(0);
    await endTransaction(1);
    expect(allowed()).toBe(1);
    expect(unavailable()).toEqual([1, 2]);
  });

  test("AllowNewSessionsPendingFirmwareUpdate leaves free EVSEs in service", async () => {
    charger = new InProcessCharger(1, { "ChargingStation.AllowNewSessionsPendingFirmwareUpdate": "true" });
    await charger.start();
    await charger.clock.advance(100);
    await beginTransaction(1);
    await order(1);
    await report(1, "Downloaded", "SignatureVerified");
    expect(unavailable()).toEqual([]);
    await beginTransaction(2);
    await endTransaction(1);
    expect(allowed()).toBe(0);
    await endTransaction(2);
    expect(allowed()).toBe(1);
    expect(unavailable()).toEqual([1, 2]);
  });

  test("not before installDateTime, and the EVSEs serve until then (L01.FR.16, L02.FR.10)", async () => {
    await start();
    await order(1, { ...SIGNED, installDateTime: inOneHour() });
    await report(1, "Downloaded", "SignatureVerified");
    expect(told().at(-1)).toEqual(["InstallScheduled", 1]);
    expect(unavailable()).toEqual([]);
    expect(charger.services.idleness.isHinderedBy("firmware update")).toBe(false);
    await charger.clock.advance(3_590_000);
    expect(allowed()).toBe(0);
    await charger.clock.advance(20_000);
    expect(allowed()).toBe(1);
  });

  test("one that was allowed but never begins has failed after half an hour; the EVSEs serve again", async () => {
    await start();
    await order(1);
    await report(1, "Downloaded", "SignatureVerified");
    await charger.clock.advance(1_790_000);
    expect(unavailable()).toEqual([1, 2]);
    await charger.clock.advance(20_000);
    expect(told().at(-1)).toEqual(["InstallationFailed", 1]);
    expect(unavailable()).toEqual([]);
  });

  test("one that has begun may take its time", async () => {
    await start();
    await order(1);
    await report(1, "Downloaded", "SignatureVerified", "Installing");
    await charger.clock.advance(7_200_000);
    expect(told().at(-1)).toEqual(["Installing", 1]);
  });

  test("a permission that the hardware side did not take is given again", async () => {
    await start();
    await order(1);
    let failures = 1;
    charger.hardwareAnswers.allowFirmwareInstallation = () => {
      if (failures-- > 0) throw new Error("busy");
    };
    await report(1, "Downloaded", "SignatureVerified");
    await charger.clock.advance(31_000);
    expect(allowed()).toBe(2);
  });
});

describe("L01.FR.32, L02.FR.21: the reboot that an installation brings", () => {
  const installAndReboot = async (bootReason: "FirmwareUpdate" | "PowerUp") => {
    await start();
    await order(9);
    await report(9, "Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting");
    await restart(bootReason);
  };

  test("the hardware side reports Installed after it: told once with the id, FirmwareUpdated once", async () => {
    await installAndReboot("FirmwareUpdate");
    await report(undefined, "Installed");
    await charger.clock.advance(600_000);
    expect(told().filter(([status]) => status === "Installed")).toEqual([["Installed", 9]]);
    expect(securityEvents().filter((type) => type === "FirmwareUpdated")).toHaveLength(1);
    expect(unavailable()).toEqual([]);
  });

  test("the hardware side reports nothing: the reason of the boot says it", async () => {
    await installAndReboot("FirmwareUpdate");
    await charger.clock.advance(5_000);
    expect(told().at(-1)).toEqual(["Installed", 9]);
    await report(9, "Installed");
    expect(told().filter(([status]) => status === "Installed")).toHaveLength(1);
  });

  test("the hardware side calls it PowerUp: another firmware version says it, and BootNotification names the reason", async () => {
    await start();
    await order(9);
    await report(9, "Downloading", "Downloaded", "SignatureVerified", "Installing");
    charger.deviceModel.write(InternalCtrlr.FirmwareVersion, "the next one", "internal");
    await restart("PowerUp");
    await charger.clock.advance(5_000);
    expect(charger.callsOf("BootNotification").at(-1)).toMatchObject({ reason: "FirmwareUpdate" });
    expect(told().at(-1)).toEqual(["Installed", 9]);
    expect(securityEvents().filter((type) => type === "FirmwareUpdated")).toHaveLength(1);
  });

  test("the hardware side reports that the new firmware did not start", async () => {
    await installAndReboot("FirmwareUpdate");
    await report(9, "InstallationFailed");
    await charger.clock.advance(600_000);
    expect(told().at(-1)).toEqual(["InstallationFailed", 9]);
  });

  test("nothing is heard of it any more: it has failed", async () => {
    await installAndReboot("PowerUp");
    await charger.clock.advance(290_000);
    expect(told().at(-1)).toEqual(["InstallRebooting", 9]);
    expect(unavailable()).toEqual([1, 2]); // L01.FR.07
    await charger.clock.advance(20_000);
    expect(told().at(-1)).toEqual(["InstallationFailed", 9]);
    expect(unavailable()).toEqual([]);
  });

  test("kill -9 while a transaction keeps the installation waiting: it goes on waiting", async () => {
    await start();
    await beginTransaction(1);
    await order(9);
    await report(9, "Downloaded", "SignatureVerified");
    await restart("PowerUp");
    charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
    await charger.clock.advance(700_000);
    expect(told().at(-1)).toEqual(["InstallScheduled", 9]);
    expect(allowed()).toBe(0);
  });

  test("the clock is set back while a download waits for its time: it waits longer, and has not failed", async () => {
    await start();
    const now = charger.clock.now().getTime();
    await order(9, { ...SIGNED, retrieveDateTime: new Date(now + 3_600_000).toISOString() });
    await report(9, "DownloadScheduled");
    await restart("PowerUp");
    charger.clock.jumpTo(new Date(now - 86_400_000));
    await charger.clock.advance(5_000_000);
    expect(told().at(-1)).toEqual(["DownloadScheduled", 9]);
    await charger.clock.advance(86_400_000);
    expect(told().at(-1)).toEqual(["DownloadFailed", 9]);
  });
});

describe("an update of which nothing more is heard kept resets waiting for ever", () => {
  const waits = () => charger.services.idleness.isHinderedBy("firmware update");

  test("while it downloads, for six hours after its time has come", async () => {
    await start();
    await order(1, { ...UNSIGNED, retrieveDateTime: inOneHour() });
    await report(1, "Downloading");
    await charger.clock.advance(24_000_000);
    expect(waits()).toBe(true);
    await charger.clock.advance(2_000_000);
    expect([told().at(-1), waits()]).toEqual([["DownloadFailed", 1], false]);
    // What is heard after all is told.
    await report(1, "Downloaded");
    expect(told().at(-1)).toEqual(["Downloaded", 1]);
  });

  test("while it installs, for six hours; its EVSEs serve again", async () => {
    await start();
    await order(1, UNSIGNED);
    await report(1, "Downloading", "Downloaded", "Installing");
    expect(unavailable()).toEqual([1, 2]);
    await charger.clock.advance(21_700_000);
    expect([told().at(-1), waits(), unavailable()]).toEqual([["InstallationFailed", 1], false, []]);
  });

  test("when the hardware side takes the order and says nothing at all", async () => {
    await start();
    await order(1, UNSIGNED);
    await charger.clock.advance(21_700_000);
    expect(told()).toEqual([["DownloadFailed", 1]]);
  });

  test("also after a restart, when it has spoken once", async () => {
    await start();
    await order(1, UNSIGNED);
    await report(1, "Downloading", "Downloaded", "Installing");
    await restart("PowerUp");
    await report(1, "Installing");
    await charger.clock.advance(21_700_000);
    expect([told().at(-1), unavailable()]).toEqual([["InstallationFailed", 1], []]);
  });
});

describe("August 2026: what the hardware side installs beside charging (CHANGES c.6)", () => {
  const tellsReady = async (requestId: number, state: FirmwareUpdateState) => {
    charger.hardwareEvents.emit("firmwareStatus", { state, requestId, servesMeanwhile: true });
    await charger.clock.advance(200);
  };

  test("connectors stay available and nothing is allowed; the statuses are told as they come", async () => {
    await start();
    await order(1);
    await report(1, "Downloading", "Downloaded");
    await tellsReady(1, "SignatureVerified");
    await charger.clock.advance(60_000);
    expect(unavailable()).toEqual([]);
    expect(allowed()).toBe(0);
    await report(1, "Installing", "Installed");
    expect(unavailable()).toEqual([]);
    expect(told().map(([state]) => state)).toEqual([
      "Downloading",
      "Downloaded",
      "SignatureVerified",
      "Installing",
      "Installed",
    ]);
  });

  test("with a transaction InstallScheduled is told all the same", async () => {
    await start();
    await beginTransaction(1);
    await order(1, UNSIGNED);
    await tellsReady(1, "Downloaded");
    expect(told().map(([state]) => state)).toEqual(["Downloaded", "InstallScheduled"]);
    await endTransaction(1);
    expect([unavailable(), allowed()]).toEqual([[], 0]);
  });

  test("a later status without the word does not take it back, nor does a restart while it is installed", async () => {
    await start();
    await order(1, UNSIGNED);
    await tellsReady(1, "Downloaded");
    await report(1, "Installing");
    await restart("PowerUp");
    expect(unavailable()).toEqual([]);
  });

  test("without the word the EVSEs are unavailable while it is installed, as ever", async () => {
    await start();
    await order(1, UNSIGNED);
    await report(1, "Downloaded");
    expect([unavailable(), allowed()]).toEqual([[1, 2], 1]);
  });
});

describe("DeferFirmwareDownloadDuringTransaction (CHANGES c.6)", () => {
  const DEFER = { "InternalCtrlr.DeferFirmwareDownloadDuringTransaction": "true" };
  const ordered = () =>
    charger.hardwareCalls.filter(({ name }) => name === "updateFirmware").map(({ args }) => args[0] as object);
  const startBusy = async () => {
    charger = await new InProcessCharger(1, DEFER).start();
    await charger.clock.advance(100);
    await beginTransaction(1);
  };

  test("a running transaction keeps the download waiting, and new sessions out; its end orders it", async () => {
    await startBusy();
    expect(await order(5)).toBe("Accepted");
    await charger.clock.advance(100);
    expect(told()).toEqual([["DownloadScheduled", 5]]);
    expect([ordered().length, unavailable()]).toEqual([0, [2]]);
    await endTransaction(1);
    expect(ordered()).toMatchObject([{ requestId: 5, location: "https://x/fw", signature: "s" }]);
    expect(unavailable()).toEqual([1, 2]);
    await report(5, "Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed");
    expect(told().map(([state]) => state)).toEqual([
      "DownloadScheduled",
      "Downloading",
      "Downloaded",
      "SignatureVerified",
      "Installing",
      "Installed",
    ]);
    expect(unavailable()).toEqual([]);
  });

  test("without a transaction, or without the variable, nothing waits", async () => {
    charger = await new InProcessCharger(1, DEFER).start();
    await order(5);
    expect(ordered()).toHaveLength(1);
    charger.dispose();
    await start();
    await beginTransaction(1);
    await order(5);
    expect(ordered()).toHaveLength(1);
  });

  test("a newer request takes its place: AcceptedCanceled, and only the newer one is ordered", async () => {
    await startBusy();
    await order(5);
    expect(await order(6)).toBe("AcceptedCanceled");
    await endTransaction(1);
    expect(ordered()).toMatchObject([{ requestId: 6 }]);
  });

  test("the hardware side refuses in the end: DownloadFailed, and the EVSEs serve again", async () => {
    await startBusy();
    await order(5);
    charger.hardwareAnswers.updateFirmware = () => "Rejected";
    await endTransaction(1);
    expect(told()).toEqual([
      ["DownloadScheduled", 5],
      ["DownloadFailed", 5],
    ]);
    expect(unavailable()).toEqual([]);
  });

  test("it survives a restart in the middle of the transaction", async () => {
    await startBusy();
    await order(5);
    await charger.clock.advance(100);
    await restart("PowerUp");
    expect(ordered()).toHaveLength(0);
    charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
    await endTransaction(1);
    await charger.clock.advance(10_000);
    expect(ordered()).toMatchObject([{ requestId: 5 }]);
    expect(told()).toEqual([["DownloadScheduled", 5]]);
  });

  test("a bad signing certificate is refused at once", async () => {
    await startBusy();
    charger.hardwareAnswers.verifyCertificate = () => "Expired";
    expect(await order(5)).toBe("InvalidCertificate");
    await endTransaction(1);
    expect(ordered()).toHaveLength(0);
  });
});
