/** OCA certification test cases of block G for charging stations, and those of block F about time and status, on the executable. */
import { describe, expect, test } from "bun:test";
import { type Facts, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

type Operational = "Operative" | "Inoperative";
type Evse = { readonly id: number; readonly connectorId?: number };

const change = (
  system: TestSystem,
  operationalStatus: Operational,
  evse: Evse | undefined,
  status: "Accepted" | "Scheduled" = "Accepted",
) => system.send("ChangeAvailability", { operationalStatus, ...(evse !== undefined && { evse }) }, { status });

const LEVELS: readonly (readonly [string, Evse | undefined, readonly number[]])[] = [
  ["EVSE", { id: 1 }, [1]],
  ["station", undefined, [1, 2]],
  ["connector", { id: 1, connectorId: 1 }, [1]],
];

const connectorState = async (system: TestSystem, evseId: number): Promise<unknown> => {
  const { getVariableResult } = (await system.send("GetVariables", {
    getVariableData: [
      {
        component: { name: "Connector", evse: { id: evseId, connectorId: 1 } },
        variable: { name: "AvailabilityState" },
      },
    ],
  })) as { getVariableResult: readonly Facts[] };
  return getVariableResult[0]?.attributeValue;
};

describe("status notification", () => {
  test("TC_G_01_CS, TC_G_02_CS Available to Occupied and back", () =>
    onCharger({}, async (system) => {
      await system.charger.everest.evse(1).plugIn();
      const { timestamp } = await system.receive("StatusNotification", {
        evseId: 1,
        connectorId: 1,
        connectorStatus: "Occupied",
      });
      expect(Math.abs(Date.now() - Date.parse(timestamp as string))).toBeLessThan(5_000);
      expect(await connectorState(system, 1)).toBe("Occupied");
      await system.charger.everest.evse(1).unplug();
      await system.receive("StatusNotification", { evseId: 1, connectorId: 1, connectorStatus: "Available" });
      expect(await connectorState(system, 1)).toBe("Available");
    }));
});

describe("change availability", () => {
  test.each(LEVELS)("TC_G_03–TC_G_08_CS %s: Operative to Inoperative and back", (_, evse, evseIds) =>
    onCharger({}, async (system) => {
      for (const [operational, connectorStatus] of [
        ["Inoperative", "Unavailable"],
        ["Operative", "Available"],
      ] as const) {
        await change(system, operational, evse);
        for (const evseId of evseIds) await system.receive("StatusNotification", { evseId, connectorStatus });
        for (const evseId of evseIds) expect(await connectorState(system, evseId)).toBe(connectorStatus);
      }
    }),
  );

  test.each(LEVELS)(
    "TC_G_09, TC_G_10, TC_G_12, TC_G_13, TC_G_15, TC_G_16_CS %s: the state that it has",
    (_, evse, ids) =>
      onCharger({}, async (system) => {
        await change(system, "Operative", evse);
        await system.receiveNo("StatusNotification", 200);
        await change(system, "Inoperative", evse);
        for (const evseId of ids)
          await system.receive("StatusNotification", { evseId, connectorStatus: "Unavailable" });
        await change(system, "Inoperative", evse);
        await system.receiveNo("StatusNotification", 200);
      }),
  );

  test.each([
    ["EVSE", { id: 1 }],
    ["connector", { id: 1, connectorId: 1 }],
  ] as const)("TC_G_11_CS, TC_G_17_CS %s with an ongoing transaction", (_, evse) =>
    onCharger({ txStopPoint: "EVConnected" }, async (system) => {
      await system.charge();
      await change(system, "Inoperative", evse, "Scheduled");
      await system.stopAuthorizedLocally();
      await system.receiveNo("StatusNotification", 200);
      await system.charger.everest.evse(1).unplug();
      await system.receive("TransactionEvent", { eventType: "Ended" });
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
      await change(system, "Operative", evse);
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Available" });
    }),
  );

  test("TC_G_14_CS station with an ongoing transaction: the other EVSE at once, its own at the end", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await change(system, "Inoperative", undefined, "Scheduled");
      await system.receive("StatusNotification", { evseId: 2, connectorStatus: "Unavailable" });
      await system.stopAuthorizedLocally();
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
      await change(system, "Operative", undefined);
      await system.receive("StatusNotification", { evseId: 2, connectorStatus: "Available" });
    }));

  test.each(LEVELS)("TC_G_18, TC_G_19, TC_G_21_CS %s: Inoperative outlasts a reset", (_, evse, evseIds) =>
    onCharger({}, async (system) => {
      await change(system, "Inoperative", evse);
      for (const evseId of evseIds)
        await system.receive("StatusNotification", { evseId, connectorStatus: "Unavailable" });
      const down = new Promise<void>((resolve) => system.charger.everest.answer("system.reset", () => resolve()));
      await system.send("Reset", { type: "Immediate" }, { status: "Accepted" });
      await down;
      await system.charger.end("SIGTERM");
      system.skip();
      await system.charger.startStation();
      for (const evseId of [1, 2]) {
        const connectorStatus = evseIds.includes(evseId) ? "Unavailable" : "Available";
        await system.receive("StatusNotification", { evseId, connectorStatus });
        expect(await connectorState(system, evseId)).toBe(connectorStatus);
      }
      await change(system, "Operative", evse);
      for (const evseId of evseIds)
        await system.receive("StatusNotification", { evseId, connectorStatus: "Available" });
    }),
  );
});

test("TC_G_20_CS lock failure: told with component and variable, and no energy", () =>
  onCharger({ txStartPoint: "EnergyTransfer" }, async (system) => {
    const evse = system.charger.everest.evse(1);
    await system.evConnectedPreSession();
    await system.authorizedLocally();
    await evse.error("connector_lock/MREC1ConnectorLockFailure", "Active");
    await evse.error("evse_manager/Inoperative", "Active");
    const { eventData } = (await system.receive("NotifyEvent")) as { eventData: readonly Facts[] };
    expect(eventData).toMatchObject([
      {
        trigger: "Alerting",
        actualValue: "true",
        component: { name: "ConnectorPlugRetentionLock", evse: { id: 1, connectorId: 1 } },
        variable: { name: "Problem" },
      },
    ]);
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Faulted" });
    await system.send(
      "RequestStartTransaction",
      { evseId: 1, remoteStartId: 1, idToken: VALID_TOKEN },
      { status: "Rejected" },
    );
    await evse.error("evse_manager/Inoperative", "ClearedByModule");
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Occupied" });
    await system.receiveNo("TransactionEvent", 100);
  }));

describe("remote control", () => {
  test("TC_F_03_CS remote first, AuthorizeRemoteStart false: nobody is asked", () =>
    onCharger({ txStartPoint: "Authorized", patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } }, async (system) => {
      await system.authorizedRemotely();
      await system.evConnectedPreSession();
      await system.energyTransferStarted();
      const asked = system.charger.csms.calls.filter(({ action }) => action === "Authorize");
      expect(asked).toEqual([]);
    }));

  test.each([
    ["Authorized", "Started"],
    ["PowerPathClosed", undefined],
  ] as const)("TC_F_04_CS nobody plugs in within EVConnectionTimeOut, start point %s", (txStartPoint, begins) =>
    onCharger({ txStartPoint, connectionTimeoutSecondMilliseconds: 30 }, async (system) => {
      await system.setVariable("TxCtrlr", "EVConnectionTimeOut", "20");
      await system.authorizedRemotely({ asksCsms: true });
      if (begins === undefined) return system.receiveNo("TransactionEvent", 900);
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "EVConnectTimeout",
        transactionInfo: { stoppedReason: "Timeout", remoteStartId: 4711 },
      });
    }),
  );

  test("TC_F_07_CS a lock that does not open", () =>
    onCharger({}, async (system) => {
      await system.charger.everest.evse(1).error("connector_lock/ConnectorLockFailedUnlock", "Active");
      await system.receive("NotifyEvent");
      await system.send("UnlockConnector", { evseId: 1, connectorId: 1 }, { status: "UnlockFailed" });
    }));

  test("TC_F_16_CS the status of a log upload", () =>
    onCharger({}, async (system) => {
      await system.send("GetLog", { logType: "DiagnosticsLog", requestId: 5, log: { remoteLocation: "ftp://x/y" } });
      await system.charger.everest.bus.variable("system", "main", "log_status", {
        log_status: "Uploading",
        request_id: 5,
      });
      await system.receive("LogStatusNotification", { status: "Uploading" });
      await system.send("TriggerMessage", { requestedMessage: "LogStatusNotification" }, { status: "Accepted" });
      await system.receive("LogStatusNotification", { status: "Uploading", requestId: 5 });
    }));

  test("a transaction that is authorized, but not plugged in, is stopped from afar", () =>
    onCharger({ txStartPoint: "Authorized" }, async (system) => {
      await system.authorizedRemotely({ asksCsms: true });
      await system.send("RequestStopTransaction", { transactionId: system.transactionId }, { status: "Accepted" });
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "RemoteStop",
        transactionInfo: { stoppedReason: "Remote" },
      });
    }));
});
