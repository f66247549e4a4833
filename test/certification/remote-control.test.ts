/** OCA certification test cases of blocks F, G, P and N for charging stations, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import { type Facts, OTHER_TOKEN, onCharger, VALID_TOKEN } from "../support/test-system.ts";

const start = (more: Facts = {}) => ({ evseId: 1, remoteStartId: 4711, idToken: VALID_TOKEN, ...more });

describe("remote start and stop", () => {
  test("TC_F_01_CS cable first", () =>
    onCharger({ patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } }, async (system) => {
      await system.evConnectedPreSession();
      await system.authorizedRemotely();
      await system.energyTransferStarted();
    }));

  test("TC_F_02_CS remote first, AuthorizeRemoteStart true: the CSMS is asked before it starts", () =>
    onCharger(
      {
        txStartPoint: "Authorized",
        patch: { AuthCtrlr: { AuthorizeRemoteStart: true }, AuthCacheCtrlr: { Enabled: false } },
      },
      async (system) => {
        await system.authorizedRemotely({ asksCsms: true });
        await system.evConnectedPreSession();
      },
    ));

  test("TC_F_04_CS remote first, nobody plugs in", () =>
    onCharger({ txStartPoint: "Authorized", patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } }, async (system) => {
      await system.authorizedRemotely();
      await system.charger.everest.evse(1).timeOutAuthorization();
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "EVConnectTimeout",
        transactionInfo: { stoppedReason: "Timeout" },
      });
    }));

  test("TC_F_05_CS, TC_F_06_CS an ongoing or unknown transaction", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.send("RequestStartTransaction", start({ idToken: OTHER_TOKEN }), { status: "Rejected" });
      await system.send("RequestStopTransaction", { transactionId: "unknown" }, { status: "Rejected" });
    }));
});

describe("unlock", () => {
  test("TC_F_08_CS unlocked", () =>
    onCharger({}, async (system) => {
      await system.send("UnlockConnector", { evseId: 1, connectorId: 1 }, { status: "Unlocked" });
    }));

  test("TC_F_10_CS unknown connector", () =>
    onCharger({}, async (system) => {
      await system.send("UnlockConnector", { evseId: 1, connectorId: 7 }, { status: "UnknownConnector" });
    }));

  test("TC_F_09_CS an authorized transaction", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.send("UnlockConnector", { evseId: 1, connectorId: 1 }, { status: "OngoingAuthorizedTransaction" });
    }));
});

describe("trigger message", () => {
  test("TC_F_11_CS, TC_F_12_CS MeterValues of one EVSE and of all", () =>
    onCharger({}, async (system) => {
      // Perhaps before the first reading: the message follows with it (F06.FR.10).
      await system.send("TriggerMessage", { requestedMessage: "MeterValues", evse: { id: 1 } }, { status: "Accepted" });
      const { meterValue } = (await system.receive("MeterValues", { evseId: 1 })) as {
        meterValue: readonly { sampledValue: readonly Facts[] }[];
      };
      expect(meterValue[0]?.sampledValue.every(({ context }) => context === "Trigger")).toBe(true);
      await system.send("TriggerMessage", { requestedMessage: "MeterValues" }, { status: "Accepted" });
      await system.receive("MeterValues", { evseId: 2 });
    }));

  test("TC_F_13_CS, TC_F_14_CS TransactionEvent of one EVSE and of all", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.charger.everest.evse(1).publishPowermeter();
      await Bun.sleep(100);
      for (const evse of [{ evse: { id: 1 } }, {}]) {
        await system.send("TriggerMessage", { requestedMessage: "TransactionEvent", ...evse }, { status: "Accepted" });
        const event = await system.receiveTransactionEvent({ eventType: "Updated", triggerReason: "Trigger" });
        expect(event.transactionInfo).toMatchObject({ chargingState: "Charging" });
        expect((event.meterValue as readonly Facts[]).length).toBeGreaterThan(0);
      }
    }));

  test("TC_F_15_CS, TC_F_18_CS, TC_F_20_CS log status, firmware status, heartbeat", () =>
    onCharger({}, async (system) => {
      await system.send("TriggerMessage", { requestedMessage: "LogStatusNotification" }, { status: "Accepted" });
      await system.receive("LogStatusNotification", { status: "Idle" });
      await system.send("TriggerMessage", { requestedMessage: "FirmwareStatusNotification" }, { status: "Accepted" });
      await system.receive("FirmwareStatusNotification", { status: "Idle" });
      await system.send("TriggerMessage", { requestedMessage: "Heartbeat" }, { status: "Accepted" });
      await system.receive("Heartbeat");
    }));

  test("TC_F_23_CS, TC_F_24_CS status notification, connected or not", () =>
    onCharger({}, async (system) => {
      const request = { requestedMessage: "StatusNotification", evse: { id: 1, connectorId: 1 } } as const;
      await system.send("TriggerMessage", request, { status: "Accepted" });
      await system.receive("StatusNotification", { evseId: 1, connectorId: 1, connectorStatus: "Available" });
      await system.evConnectedPreSession();
      await system.send("TriggerMessage", request, { status: "Accepted" });
      await system.receive("StatusNotification", { evseId: 1, connectorId: 1, connectorStatus: "Occupied" });
    }));

  test("TC_F_26_CS a BootNotification of an accepted station is refused", () =>
    onCharger({}, async (system) => {
      await system.send("TriggerMessage", { requestedMessage: "BootNotification" }, { status: "Rejected" });
    }));

  test("TC_F_27_CS not implemented", () =>
    onCharger({}, async (system) => {
      await system.send(
        "TriggerMessage",
        { requestedMessage: "SignCombinedCertificate" },
        { status: "NotImplemented" },
      );
    }));
});

describe("availability", () => {
  test("TC_G_03_CS, TC_G_04_CS an EVSE, and the same again", () =>
    onCharger({}, async (system) => {
      for (const [operationalStatus, connectorStatus] of [
        ["Inoperative", "Unavailable"],
        ["Operative", "Available"],
      ] as const) {
        await system.send("ChangeAvailability", { operationalStatus, evse: { id: 1 } }, { status: "Accepted" });
        await system.receive("StatusNotification", { evseId: 1, connectorStatus });
        await system.send("ChangeAvailability", { operationalStatus, evse: { id: 1 } }, { status: "Accepted" });
      }
    }));

  test("TC_G_05_CS, TC_G_06_CS the station", () =>
    onCharger({}, async (system) => {
      await system.send("ChangeAvailability", { operationalStatus: "Inoperative" }, { status: "Accepted" });
      for (const evseId of [1, 2])
        await system.receive("StatusNotification", { evseId, connectorStatus: "Unavailable" });
      await system.send("ChangeAvailability", { operationalStatus: "Operative" }, { status: "Accepted" });
      for (const evseId of [1, 2]) await system.receive("StatusNotification", { evseId, connectorStatus: "Available" });
    }));

  test("TC_G_07_CS, TC_G_08_CS a connector", () =>
    onCharger({}, async (system) => {
      const evse = { id: 2, connectorId: 1 };
      await system.send("ChangeAvailability", { operationalStatus: "Inoperative", evse }, { status: "Accepted" });
      await system.receive("StatusNotification", { evseId: 2, connectorId: 1, connectorStatus: "Unavailable" });
      await system.send("ChangeAvailability", { operationalStatus: "Operative", evse }, { status: "Accepted" });
      await system.receive("StatusNotification", { evseId: 2, connectorId: 1, connectorStatus: "Available" });
    }));

  test("TC_G_11_CS, TC_G_14_CS, TC_G_17_CS with an ongoing transaction: scheduled until its end", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.send(
        "ChangeAvailability",
        { operationalStatus: "Inoperative", evse: { id: 1 } },
        { status: "Scheduled" },
      );
      await system.stopAuthorizedLocally();
      await system.charger.everest.evse(1).unplug();
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
    }));

  test("TC_G_09_CS, TC_G_10_CS it survives a reboot", () =>
    onCharger({}, async (system) => {
      await system.send(
        "ChangeAvailability",
        { operationalStatus: "Inoperative", evse: { id: 1 } },
        { status: "Accepted" },
      );
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
      await system.charger.end("SIGKILL");
      await system.charger.startStation();
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
    }));

  test("TC_G_20_CS a lock that fails is told as an event", () =>
    onCharger({}, async (system) => {
      await system.charger.everest.evse(1).error("connector_lock/MREC1ConnectorLockFailure", "Active");
      const { eventData } = (await system.receive("NotifyEvent")) as { eventData: readonly Facts[] };
      expect(eventData[0]).toMatchObject({ actualValue: "true", trigger: "Alerting" });
    }));
});

describe("data transfer", () => {
  test("TC_P_01_CS an unknown vendor", () =>
    onCharger({}, async (system) => {
      await system.send("DataTransfer", { vendorId: "org.example.unknown" }, { status: "UnknownVendorId" });
    }));
});

describe("logs and customer information", () => {
  test("TC_N_25_CS, TC_N_34_CS GetLog: accepted, then its status", () =>
    onCharger({}, async (system) => {
      for (const [requestId, logType] of [
        [1, "DiagnosticsLog"],
        [2, "SecurityLog"],
      ] as const) {
        await system.send(
          "GetLog",
          { requestId, logType, log: { remoteLocation: "ftp://localhost/log" } },
          { status: "Accepted" },
        );
        for (const log_status of ["Uploading", "Uploaded"]) {
          await system.charger.everest.bus.variable("system", "main", "log_status", {
            log_status,
            request_id: requestId,
          });
          await system.receive("LogStatusNotification", { requestId, status: log_status });
        }
      }
    }));

  test("TC_N_62_CS, TC_N_28_CS report and clear what is known of an idToken", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: true } } }, async (system) => {
      await system.charge();
      await system.stopAuthorizedLocally();
      await system.send(
        "CustomerInformation",
        { requestId: 1, report: true, clear: true, idToken: VALID_TOKEN },
        { status: "Accepted" },
      );
      const first = await system.receive("NotifyCustomerInformation", { requestId: 1, seqNo: 0 });
      expect(first.data).not.toBe("");
      await system.evDisconnected();
      await system.authorizedLocally({ asksCsms: true });
    }));

  test("TC_N_30_CS, TC_N_31_CS no customer, no information", () =>
    onCharger({}, async (system) => {
      await system.send(
        "CustomerInformation",
        { requestId: 2, report: true, clear: false, idToken: { idToken: "NOBODY", type: "Central" } },
        { status: "Accepted" },
      );
      await system.receive("NotifyCustomerInformation", { requestId: 2, seqNo: 0, tbc: false, data: "" });
    }));
});
