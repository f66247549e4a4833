/** OCA certification test cases of blocks A, L and N in which time, transactions or a reboot matter, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import type { GetLogRequest, UpdateFirmwareRequest } from "../../src/ocpp/v201/index.ts";
import { SURROUNDINGS } from "../support/charger.ts";
import { onCharger, type TestSystem } from "../support/test-system.ts";

const PEM = "-----BEGIN CERTIFICATE-----\nMAo=\n-----END CERTIFICATE-----\n";

const firmware = (more: Partial<UpdateFirmwareRequest["firmware"]> = {}): UpdateFirmwareRequest => ({
  requestId: 9,
  firmware: {
    location: "ftp://localhost/firmware",
    retrieveDateTime: "2026-01-01T00:00:00Z",
    signingCertificate: PEM,
    signature: "c2lnbmF0dXJl",
    ...more,
  },
});

const reportFirmware = ({ charger }: TestSystem, firmware_update_status: string): Promise<void> =>
  charger.everest.bus.variable("system", "main", "firmware_update_status", { firmware_update_status, request_id: 9 });

async function installUpTo(system: TestSystem, ...states: readonly string[]): Promise<void> {
  for (const status of states) {
    await reportFirmware(system, status);
    await system.receive("FirmwareStatusNotification", { status, requestId: 9 });
  }
}

async function installationAllowed({ charger }: TestSystem, limitMilliseconds = 8_000): Promise<boolean> {
  for (let waited = 0; waited < limitMilliseconds; waited += 20) {
    if (charger.everest.recorded("allow_firmware_installation").length > 0) return true;
    await Bun.sleep(20);
  }
  return false;
}

describe.each(SURROUNDINGS)("firmware update, EVerest of $release in the slot of $slot", (surroundings) => {
  test("TC_L_02_CS installed at installDateTime", () =>
    onCharger(surroundings, async (system) => {
      const installDateTime = new Date(Date.now() + 2_000).toISOString();
      await system.send("UpdateFirmware", firmware({ installDateTime }), { status: "Accepted" });
      await installUpTo(system, "Downloading", "Downloaded", "SignatureVerified");
      await system.receive("FirmwareStatusNotification", { status: "InstallScheduled", requestId: 9 });
      expect(system.charger.everest.recorded("allow_firmware_installation")).toEqual([]);
      expect(await installationAllowed(system)).toBe(true);
      expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(installDateTime));
      await installUpTo(system, "Installing", "Installed");
    }));

  test("TC_L_03_CS downloaded at retrieveDateTime", () =>
    onCharger(surroundings, async (system) => {
      const retrieveDateTime = new Date(Date.now() + 60_000).toISOString();
      await system.send("UpdateFirmware", firmware({ retrieveDateTime }), { status: "Accepted" });
      expect(system.charger.everest.recorded("update_firmware")).toMatchObject([
        { firmware_update_request: { request_id: 9, retrieve_timestamp: retrieveDateTime } },
      ]);
      await installUpTo(system, "DownloadScheduled", "Downloading");
    }));

  test("TC_L_13_CS … TC_L_15_CS after the running transaction; free EVSEs are Unavailable meanwhile", () =>
    onCharger(surroundings, async (system) => {
      await system.charge("local");
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await installUpTo(system, "Downloading", "Downloaded", "SignatureVerified");
      await system.receiveInAnyOrder([
        ["FirmwareStatusNotification", { status: "InstallScheduled", requestId: 9 }],
        ["StatusNotification", { evseId: 2, connectorStatus: "Unavailable" }],
      ]);
      expect(system.charger.everest.recorded("allow_firmware_installation")).toEqual([]);
      await system.charger.everest.evse(1).unplug();
      expect(await installationAllowed(system)).toBe(true);
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
      await installUpTo(system, "Installing", "Installed");
      await system.receive("StatusNotification", { connectorStatus: "Available" });
    }));

  test("TC_L_01_CS with a reboot: Installed once, told by the new firmware (L01.FR.32)", () =>
    onCharger(surroundings, async (system) => {
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await installUpTo(system, "Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallRebooting");
      await system.charger.end("SIGKILL");
      system.charger.everest.answer("system.get_boot_reason", () => "FirmwareUpdate");
      await system.charger.startStation();
      await system.receive("BootNotification", { reason: "FirmwareUpdate" });
      await reportFirmware(system, "Installed");
      await system.receive("FirmwareStatusNotification", { status: "Installed", requestId: 9 });
      await system.receiveNo("FirmwareStatusNotification", 2_500);
      const updated = system.charger.csms.calls.filter(({ request }) => request.type === "FirmwareUpdated");
      expect(updated).toHaveLength(1);
    }));
});

test(
  "TC_A_23_CS no CertificateSigned: asked again with growing waits, and each answer is taken",
  () =>
    onCharger(
      { patch: { SecurityCtrlr: { CertSigningWaitMinimum: 1, CertSigningRepeatTimes: 1 } } },
      async (system) => {
        await system.send(
          "TriggerMessage",
          { requestedMessage: "SignChargingStationCertificate" },
          { status: "Accepted" },
        );
        const times: number[] = [];
        for (let request = 0; request < 3; request++) {
          await system.receive("SignCertificate", { certificateType: "ChargingStationCertificate" });
          times.push(Date.now());
        }
        const [first = 0, second = 0, third = 0] = times;
        expect(third - second).toBeGreaterThan(second - first);
        await system.receiveNo("SignCertificate", 4_500); // A02.FR.19
        for (let answer = 0; answer < 3; answer++)
          await system.send(
            "CertificateSigned",
            { certificateChain: PEM, certificateType: "ChargingStationCertificate" },
            { status: "Accepted" },
          );
      },
    ),
  20_000,
);

describe("log files", () => {
  const getLog = (requestId: number, more: Partial<GetLogRequest> = {}): GetLogRequest => ({
    logType: "DiagnosticsLog",
    requestId,
    log: { remoteLocation: "ftp://localhost/logs" },
    ...more,
  });
  const reportLog = ({ charger }: TestSystem, request_id: number, log_status: string): Promise<void> =>
    charger.everest.bus.variable("system", "main", "log_status", { log_status, request_id });
  const upload = async (system: TestSystem, requestId: number, ...states: readonly string[]): Promise<void> => {
    for (const status of states) {
      await reportLog(system, requestId, status);
      await system.receive("LogStatusNotification", { status, requestId });
    }
  };

  test.each(["DiagnosticsLog", "SecurityLog"] as const)("TC_N_25_CS, TC_N_35_CS a %s is uploaded", (logType) =>
    onCharger({}, async (system) => {
      await system.send("GetLog", getLog(1, { logType }), { status: "Accepted", filename: "diagnostics.tar.gz" });
      await upload(system, 1, "Uploading", "Uploaded");
    }),
  );

  test("TC_N_26_CS the upload fails: four attempts, and EVerest counts attempts, not repetitions", () =>
    onCharger({}, async (system) => {
      await system.send("GetLog", getLog(1, { retries: 3, retryInterval: 1 }), { status: "Accepted" });
      expect(system.charger.everest.recorded("upload_logs")).toMatchObject([
        { upload_logs_request: { retries: 4, retry_interval_s: 1, type: "DiagnosticsLog" } },
      ]);
      for (let attempt = 0; attempt < 4; attempt++) await upload(system, 1, "Uploading", "UploadFailure");
    }));

  test("TC_N_36_CS a second request cancels the first", () =>
    onCharger({}, async (system) => {
      await system.send("GetLog", getLog(1), { status: "Accepted" });
      await upload(system, 1, "Uploading");
      await system.send("GetLog", getLog(2), { status: "AcceptedCanceled" });
      await system.receive("LogStatusNotification", { status: "AcceptedCanceled", requestId: 1 });
      await upload(system, 2, "Uploading", "Uploaded");
    }));

  test("TC_F_23_CS, TC_F_24_CS LogStatusNotification on request: Uploading, else Idle", () =>
    onCharger({}, async (system) => {
      await system.send("GetLog", getLog(1), { status: "Accepted" });
      await upload(system, 1, "Uploading");
      await system.send("TriggerMessage", { requestedMessage: "LogStatusNotification" }, { status: "Accepted" });
      await system.receive("LogStatusNotification", { status: "Uploading", requestId: 1 });
      await upload(system, 1, "Uploaded");
      await system.send("TriggerMessage", { requestedMessage: "LogStatusNotification" }, { status: "Accepted" });
      expect(await system.receive("LogStatusNotification")).toEqual({ status: "Idle" });
    }));
});
