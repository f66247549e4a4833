/** OCA certification test cases of block E for charging stations, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import { onCharger } from "../support/test-system.ts";

describe("start transaction options", () => {
  test("TC_E_01_CS PowerPathClosed", () =>
    onCharger({ txStartPoint: "PowerPathClosed" }, async (system) => {
      await system.evConnectedPreSession();
      await system.receiveNo("TransactionEvent");
      await system.authorizedLocally();
      await system.energyTransferStarted();
    }));

  test("TC_E_02_CS EnergyTransfer", () =>
    onCharger({ txStartPoint: "EnergyTransfer" }, async (system) => {
      await system.evConnectedPreSession();
      await system.authorizedLocally();
      await system.receiveNo("TransactionEvent");
      await system.energyTransferStarted();
    }));

  test("TC_E_09_CS EVConnected", () =>
    onCharger({ txStartPoint: "EVConnected" }, async (system) => {
      await system.evConnectedPreSession();
      await system.authorizedLocally();
      await system.energyTransferStarted();
    }));

  test("TC_E_10_CS Authorized, local", () =>
    onCharger({ txStartPoint: "Authorized" }, async (system) => {
      await system.authorizedLocally();
      await system.evConnectedPreSession();
      await system.energyTransferStarted();
    }));

  test("TC_E_13_CS Authorized, remote", () =>
    onCharger({ txStartPoint: "Authorized", patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } }, async (system) => {
      await system.authorizedRemotely();
      await system.evConnectedPreSession();
      await system.energyTransferStarted();
    }));
});

describe("stop transaction options", () => {
  test.each(["Authorized", "PowerPathClosed", "EVConnected", "EnergyTransfer"])(
    "TC_E_07_CS, TC_E_08_CS stop point %s, local",
    (txStopPoint) =>
      onCharger({ txStopPoint }, async (system) => {
        await system.charge();
        await system.stopAuthorizedLocally();
        await system.evDisconnected();
      }),
  );

  test.each(["Authorized", "EVConnected"])("TC_E_21_CS, TC_F_03_CS stop point %s, remote", (txStopPoint) =>
    onCharger({ txStopPoint }, async (system) => {
      await system.charge();
      await system.stopAuthorizedRemotely();
      await system.evDisconnected();
    }),
  );

  test("TC_E_22_CS EnergyTransfer: the EV stops drawing energy", () =>
    onCharger({ txStopPoint: "EnergyTransfer" }, async (system) => {
      await system.charge();
      await system.charger.everest.evse(1).pause("EV");
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "ChargingStateChanged",
        transactionInfo: { chargingState: "SuspendedEV", stoppedReason: "StoppedByEV" },
      });
    }));

  test("TC_E_17_CS Deauthorized by disconnecting on the EV side", () =>
    onCharger({ txStopPoint: "Authorized", patch: { TxCtrlr: { StopTxOnEVSideDisconnect: true } } }, async (system) => {
      await system.charge();
      await system.charger.everest.evse(1).unplug();
      await system.receive("TransactionEvent", {
        eventType: "Ended",
        triggerReason: "EVCommunicationLost",
        transactionInfo: { stoppedReason: "EVDisconnected" },
      });
    }));
});

test("TC_E_38_CS, TC_E_39_CS nobody plugs in: the authorization times out", () =>
  onCharger({ txStartPoint: "Authorized", txStopPoint: "Authorized" }, async (system) => {
    await system.authorizedLocally();
    await system.charger.everest.evse(1).timeOutAuthorization();
    await system.receiveTransactionEvent({
      eventType: "Ended",
      triggerReason: "EVConnectTimeout",
      transactionInfo: { stoppedReason: "Timeout" },
    });
    await system.charger.everest.evse(1).plugIn();
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Occupied" });
    await system.receiveNo("TransactionEvent");
  }));

test("TC_E_19_CS suspended by the EV, and going on", () =>
  onCharger({}, async (system) => {
    await system.charge();
    await system.charger.everest.evse(1).pause("EV");
    await system.receiveTransactionEvent({
      triggerReason: "ChargingStateChanged",
      transactionInfo: { chargingState: "SuspendedEV" },
    });
    await system.energyTransferStarted();
  }));

describe("offline behaviour", () => {
  const goOffline = (charger: { csms: { refuseWith: number | undefined; drop(): void } }): void => {
    charger.csms.refuseWith = 503;
    charger.csms.drop();
  };

  test("TC_E_43_CS a whole transaction while offline", () =>
    onCharger({ patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled: true } } }, async (system) => {
      const { charger } = system;
      goOffline(charger);
      await Bun.sleep(100);
      const evse = charger.everest.evse(1);
      await evse.plugIn();
      expect(await charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" })).toBe("Accepted");
      await evse.startCharging();
      await evse.unplug();
      charger.csms.refuseWith = undefined;
      const started = await system.receiveTransactionEvent({ eventType: "Started", offline: true, seqNo: 0 }, 20_000);
      expect(started.idToken).toEqual({ idToken: "04A1B2C3D4", type: "ISO14443" });
      await system.receive("TransactionEvent", { eventType: "Ended", offline: true });
      expect(charger.transactionEvents().every(({ offline }) => offline === true)).toBe(true);
    }));

  test("TC_E_41_CS, TC_E_50_CS the connection is lost and restored during a transaction", () =>
    onCharger({}, async (system) => {
      await system.charge();
      goOffline(system.charger);
      await Bun.sleep(100);
      await system.charger.everest.evse(1).pause("EV");
      system.charger.csms.refuseWith = undefined;
      await system.receiveTransactionEvent(
        { eventType: "Updated", offline: true, transactionInfo: { chargingState: "SuspendedEV" } },
        20_000,
      );
      const online = await system.receiveNo("TransactionEvent");
      expect(online).toBeUndefined();
      await system.charger.everest.evse(1).startCharging();
      const next = await system.receiveTransactionEvent({ transactionInfo: { chargingState: "Charging" } });
      expect(next.offline ?? false).toBe(false);
    }));
});

describe("GetTransactionStatus (E14)", () => {
  test("TC_E_28_CS, TC_E_29_CS unknown, ongoing and without id", () =>
    onCharger({}, async (system) => {
      await system.charge();
      const { transactionId } = system;
      await system.send("GetTransactionStatus", { transactionId }, { ongoingIndicator: true, messagesInQueue: false });
      await system.send(
        "GetTransactionStatus",
        { transactionId: "unknown" },
        { ongoingIndicator: false, messagesInQueue: false },
      );
      const answer = await system.send("GetTransactionStatus", {}, { messagesInQueue: false });
      expect(answer).not.toHaveProperty("ongoingIndicator");
    }));

  test("TC_E_30_CS, TC_E_31_CS with messages in the queue", () =>
    onCharger({}, async (system) => {
      await system.charge();
      const { transactionId } = system;
      goSilent(system.charger);
      await system.charger.everest.evse(1).pause("EV");
      await system.receiveTransactionEvent({});
      await system.send("GetTransactionStatus", { transactionId }, { ongoingIndicator: true, messagesInQueue: true });
      await system.send("GetTransactionStatus", {}, { messagesInQueue: true });
    }));

  const goSilent = (charger: { csms: { stayOpenButSilent(silent: boolean): void } }): void =>
    charger.csms.stayOpenButSilent(true);
});
