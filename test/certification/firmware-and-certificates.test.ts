/** OCA certification test cases of blocks A and L for charging stations, on the compiled executable. */
import { describe, test } from "bun:test";
import type { UpdateFirmwareRequest } from "../../src/ocpp/v201/index.ts";
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

async function report({ charger }: TestSystem, firmware_update_status: string): Promise<void> {
  await charger.everest.bus.variable("system", "main", "firmware_update_status", {
    firmware_update_status,
    request_id: 9,
  });
}

async function reportInTurn(system: TestSystem, states: readonly string[]): Promise<void> {
  for (const status of states) {
    await report(system, status);
    await system.receive("FirmwareStatusNotification", { status, requestId: 9 });
  }
}

describe.each(SURROUNDINGS)("firmware update, EVerest of $release in the slot of $slot", (surroundings) => {
  test("TC_L_01_CS installed", () =>
    onCharger(surroundings, async (system) => {
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await reportInTurn(system, ["Downloading", "Downloaded", "SignatureVerified", "Installing", "Installed"]);
      await system.receive("SecurityEventNotification", { type: "FirmwareUpdated" });
    }));

  test("TC_L_05_CS an invalid signing certificate", () =>
    onCharger(surroundings, async (system) => {
      system.charger.everest.answer("security.verify_certificate", () => "InvalidSignature");
      await system.send("UpdateFirmware", firmware(), { status: "InvalidCertificate" });
      await system.receive("SecurityEventNotification", { type: "InvalidFirmwareSigningCertificate" });
    }));

  test("TC_L_06_CS an invalid signature", () =>
    onCharger(surroundings, async (system) => {
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await reportInTurn(system, ["Downloading", "Downloaded"]);
      await report(system, "InvalidSignature");
      await system.receiveInAnyOrder([
        ["FirmwareStatusNotification", { status: "InvalidSignature", requestId: 9 }],
        ["SecurityEventNotification", { type: "InvalidFirmwareSignature" }],
      ]);
    }));

  test.each([
    ["TC_L_07_CS download failed", ["Downloading", "DownloadFailed"]],
    [
      "TC_L_08_CS installation failed",
      ["Downloading", "Downloaded", "SignatureVerified", "Installing", "InstallationFailed"],
    ],
  ])("%s", (_name, states) =>
    onCharger(surroundings, async (system) => {
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await reportInTurn(system, states);
    }),
  );

  test("TC_L_10_CS cancelled by a newer one", () =>
    onCharger(surroundings, async (system) => {
      await system.send("UpdateFirmware", firmware(), { status: "Accepted" });
      await reportInTurn(system, ["Downloading"]);
      system.charger.everest.answer("system.update_firmware", () => "AcceptedCanceled");
      await system.send("UpdateFirmware", { ...firmware(), requestId: 10 }, { status: "AcceptedCanceled" });
    }));
});

test("TC_A_11_CS, TC_A_14_CS a new certificate of the station: triggered, signed, accepted or not", () =>
  onCharger({}, async (system) => {
    const trigger = { requestedMessage: "SignChargingStationCertificate" } as const;
    await system.send("TriggerMessage", trigger, { status: "Accepted" });
    await system.receive("SignCertificate", { certificateType: "ChargingStationCertificate" });
    const signed = { certificateChain: PEM, certificateType: "ChargingStationCertificate" } as const;
    await system.send("CertificateSigned", signed, { status: "Accepted" });
    await system.send("TriggerMessage", trigger, { status: "Accepted" });
    await system.receive("SignCertificate");
    system.charger.everest.answer("security.update_leaf_certificate", () => "InvalidSignature");
    await system.send("CertificateSigned", signed, { status: "Rejected" });
    await system.receive("SecurityEventNotification", { type: "InvalidChargingStationCertificate" });
  }));

test("TC_A_09_CS, TC_A_10_CS a new password: answered, then the station connects with it", () =>
  onCharger({}, async (system) => {
    const reconnected = new Promise<void>((resolve) => {
      const off = system.charger.csms.events.on("connected", () => {
        off();
        resolve();
      });
    });
    await system.setVariable("SecurityCtrlr", "BasicAuthPassword", "A-new-password-of-just-forty-characters0");
    system.charger.csms.expectPassword("A-new-password-of-just-forty-characters0");
    await reconnected;
    await system.receiveNo("BootNotification");
  }));
