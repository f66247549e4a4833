import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
  return charger;
};
const statusOf = async (action: string, request: object) =>
  ((await charger.call(action, request)).body as { status: string }).status;
const sent = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
const token = { idToken: { idToken: "A", type: "ISO14443" as const }, remote: false };
const beginTransaction = (evseId = 1) => {
  charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
  charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token });
};

describe("C, D: authorization", () => {
  const authorize = async (idToken: string, type = "ISO14443") => {
    const decision = charger.context.services.authorize?.({ idToken: { idToken, type: type as "ISO14443" } });
    await charger.clock.advance(20);
    return (await decision)?.idTokenInfo.status;
  };
  const list = (versionNumber: number, updateType: string, localAuthorizationList?: object[]) =>
    statusOf("SendLocalList", {
      versionNumber,
      updateType,
      ...(localAuthorizationList !== undefined && { localAuthorizationList }),
    });
  const entry = (idToken: string, status?: string) => ({
    idToken: { idToken, type: "ISO14443" },
    ...(status !== undefined && { idTokenInfo: { status } }),
  });

  test("C01.FR.02, C10.FR.01, C12: asked once, then from the cache; others than Accepted are asked again", async () => {
    await start();
    expect(await authorize("A")).toBe("Accepted");
    expect(await authorize("A")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(1);
    charger.react = () => ({ answer: { idTokenInfo: { status: "Blocked" } } });
    expect(await authorize("B")).toBe("Blocked");
    expect(await authorize("B")).toBe("Blocked");
    expect(charger.callsOf("Authorize")).toHaveLength(3); // C10.FR.03
  });

  test("C10.FR.13 with errata: what has expired is not kept; C11: ClearCache", async () => {
    await start();
    charger.react = () => ({
      answer: { idTokenInfo: { status: "Accepted", cacheExpiryDateTime: charger.clock.now().toISOString() } },
    });
    await authorize("A");
    await charger.clock.advance(1_000);
    await authorize("A");
    expect(charger.callsOf("Authorize")).toHaveLength(2);
    expect(await statusOf("ClearCache", {})).toBe("Accepted");
  });

  test("C02, C03, C05: tokens that need no question are not asked about", async () => {
    await start();
    expect(await authorize("", "NoAuthorization")).toBe("Accepted");
    expect(await authorize("APP", "Central")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(0);
  });

  test("C13, C14: the list goes before cache and CSMS", async () => {
    await start();
    expect(await list(1, "Full", [entry("A", "Accepted"), entry("B", "Blocked")])).toBe("Accepted");
    expect(await authorize("A")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(0);
    await authorize("B");
    expect(charger.callsOf("Authorize")).toHaveLength(1); // C14.FR.03
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("B")).toBe("Blocked"); // C13.FR.01: offline the list decides, not the cache
  });

  test("C15.FR.08, FR.01: unknown tokens offline by OfflineTxForUnknownIdEnabled, and never into the cache", async () => {
    await start({ "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true" });
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("A")).toBe("Accepted");
    await charger.call("ClearCache", {}).catch(() => undefined);
    expect(charger.core.authCache.sizeBytes).toBe(0);
  });

  test("offline and not allowed: Unknown", async () => {
    await start({ "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" });
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("A")).toBe("Unknown");
  });

  test("D01, D02: versions, differential changes, duplicates, whole or not at all", async () => {
    await start();
    const version = async () =>
      ((await charger.call("GetLocalListVersion", {})).body as { versionNumber: number }).versionNumber;
    expect(await version()).toBe(0);
    expect(await list(5, "Full", [entry("A", "Accepted")])).toBe("Accepted");
    expect(await list(5, "Differential", [entry("B", "Accepted")])).toBe("VersionMismatch");
    expect(await list(6, "Differential", [entry("B", "Accepted"), entry("A")])).toBe("Accepted");
    expect(charger.core.localList.usage.entries).toBe(1);
    expect(await list(7, "Full", [entry("C", "Accepted"), entry("C", "Blocked")])).toBe("Failed");
    expect(await version()).toBe(6);
    expect(await list(8, "Full")).toBe("Accepted");
    expect(charger.core.localList.usage.entries).toBe(0);
  });
});

describe("F: remote control", () => {
  const remoteStart = (more: object = {}) =>
    charger.call("RequestStartTransaction", {
      evseId: 1,
      remoteStartId: 7,
      idToken: { idToken: "APP", type: "Central" },
      ...more,
    });

  test("F01.FR.01, FR.02: the token goes to the hardware side after the answer", async () => {
    await start();
    expect((await remoteStart()).body).toEqual({ status: "Accepted" });
    expect(sent("provideToken")).toMatchObject([[{ remoteStartId: 7, evseId: 1, prevalidated: false }]]);
  });

  test("F01.FR.13: a transaction that waits for authorization is matched, its id returned", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "EVConnected" });
    expect((await remoteStart()).body).toEqual({ status: "Accepted", transactionId: "s1" });
  });

  test("F01.FR.20–26: which EVSEs and profiles are refused", async () => {
    await start({ "SmartChargingCtrlr.Enabled": "true" });
    expect((await remoteStart({ evseId: 9 })).body).toMatchObject({ status: "Rejected" });
    charger.hardwareAnswers.isReservedForOther = () => true;
    expect((await remoteStart()).body).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "Reserved" } });
    charger.hardwareAnswers = {};
    const chargingSchedule = [{ id: 1, chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }] }];
    const profile = {
      id: 1,
      stackLevel: 0,
      chargingProfilePurpose: "TxDefaultProfile",
      chargingProfileKind: "Relative",
      chargingSchedule,
    };
    expect((await remoteStart({ chargingProfile: profile })).body).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidProfile" },
    });
    beginTransaction();
    expect((await remoteStart()).body).toMatchObject({ status: "Rejected" }); // F01.FR.24
    charger.event(2, { kind: "Disabled" });
    expect((await remoteStart({ evseId: 2 })).body).toMatchObject({ status: "Rejected" }); // F01.FR.23
  });

  test("F03.FR.07, FR.08: RequestStopTransaction", async () => {
    await start();
    beginTransaction();
    expect(await statusOf("RequestStopTransaction", { transactionId: "nobody's" })).toBe("Rejected");
    expect(await statusOf("RequestStopTransaction", { transactionId: "s1" })).toBe("Accepted");
    expect(sent("stopTransaction")).toEqual([[1, "Remote"]]);
  });

  test("F05: UnlockConnector with every status", async () => {
    await start();
    const unlock = async (evseId: number) => {
      const answer = charger.call("UnlockConnector", { evseId, connectorId: 1 }).catch(() => undefined);
      await charger.clock.advance(2_000);
      await answer;
      return (charger.answers.at(-1)?.body as { status: string } | undefined)?.status;
    };
    expect(await unlock(9)).toBe("UnknownConnector");
    expect(await unlock(1)).toBe("Unlocked");
    charger.hardwareAnswers.forceUnlock = () => false;
    expect(await unlock(1)).toBe("UnlockFailed");
    charger.hardwareAnswers.forceUnlock = () => {
      charger.hardwareEvents.emit("error", {
        state: "raised",
        type: "connector_lock/MREC1ConnectorLockFailure",
        component: "ConnectorPlugRetentionLock",
        variable: "Problem",
        subType: "",
        description: "",
        message: "",
        severity: "High",
        timestamp: charger.clock.now(),
        evseId: 1,
        inoperative: false,
      });
      return true;
    };
    expect(await unlock(1)).toBe("UnlockFailed");
    beginTransaction();
    expect(await unlock(1)).toBe("OngoingAuthorizedTransaction");
  });

  test("F06: the answer goes before the message; what cannot be sent is refused", async () => {
    await start();
    const trigger = (requestedMessage: string, evse?: object) =>
      statusOf("TriggerMessage", { requestedMessage, ...(evse !== undefined && { evse }) });
    expect(await trigger("BootNotification")).toBe("Rejected"); // F06.FR.17
    expect(await trigger("MeterValues")).toBe("Rejected");
    charger.meter(1, 5);
    expect(await trigger("MeterValues")).toBe("Accepted");
    expect(charger.callsOf("MeterValues")).toMatchObject([
      { evseId: 1, meterValue: [{ sampledValue: [{ context: "Trigger" }] }] },
    ]);
    expect(await trigger("TransactionEvent")).toBe("Rejected");
    beginTransaction();
    expect(await trigger("TransactionEvent")).toBe("Accepted");
    await charger.clock.advance(10);
    expect(charger.callsOf("TransactionEvent").at(-1)).toMatchObject({
      triggerReason: "Trigger",
      transactionInfo: { chargingState: "EVConnected" },
    });
    expect(await trigger("StatusNotification")).toBe("Rejected"); // F06.FR.12
    expect(await trigger("Heartbeat")).toBe("Accepted");
    expect(await trigger("FirmwareStatusNotification")).toBe("Accepted");
    expect(await trigger("LogStatusNotification")).toBe("Accepted");
    expect(await trigger("SignChargingStationCertificate")).toBe("Accepted");
    expect(await trigger("PublishFirmwareStatusNotification")).toBe("NotImplemented");
    await charger.clock.advance(100);
    expect(charger.callsOf("FirmwareStatusNotification")).toEqual([{ status: "Idle" }]);
    expect(charger.callsOf("SignCertificate")).toHaveLength(1);
  });
});

describe("G: availability and faults", () => {
  const change = (operationalStatus: string, evse?: object) =>
    statusOf("ChangeAvailability", { operationalStatus, ...(evse !== undefined && { evse }) });
  const statuses = () =>
    charger.callsOf("StatusNotification").map(({ evseId, connectorStatus }) => `${evseId} ${connectorStatus}`);

  test("G03.FR.03, FR.04, FR.08: told, carried out, and kept over a crash", async () => {
    await start();
    expect(await change("Operative", { id: 1 })).toBe("Accepted");
    expect(await change("Inoperative", { id: 1, connectorId: 1 })).toBe("Accepted");
    await charger.clock.advance(10);
    expect(statuses().at(-1)).toBe("1 Unavailable");
    charger.crash();
    await charger.start();
    await charger.clock.advance(100);
    expect(statuses().slice(-2)).toEqual(["1 Unavailable", "2 Available"]);
    expect(await change("Inoperative", { id: 7 })).toBe("Rejected");
  });

  test("G04.FR.06, FR.07: the station waits for its transaction; free EVSEs go at once", async () => {
    await start();
    beginTransaction();
    expect(await change("Inoperative")).toBe("Scheduled");
    await charger.clock.advance(100);
    expect(statuses().at(-1)).toBe("2 Unavailable");
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
    charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await charger.clock.advance(100);
    expect(statuses()).toContain("1 Unavailable");
    expect(await change("Operative")).toBe("Accepted");
    await charger.clock.advance(100);
    expect(statuses().slice(-2).sort()).toEqual(["1 Available", "2 Available"]);
  });

  test("G01.FR.09: a plug-in does not end a reservation, its token does", async () => {
    await start();
    charger.event(1, { kind: "ReservationStarted" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s1", token });
    await charger.clock.advance(100);
    expect(statuses().slice(2)).toEqual(["1 Reserved", "1 Occupied"]);
  });

  test("G05.FR.02, N07: faults become NotifyEvents; an inoperative EVSE is Faulted", async () => {
    await start();
    const error = {
      component: "EVSE",
      variable: "Problem" as const,
      subType: "",
      description: "stuck",
      message: "",
      severity: "High" as const,
      timestamp: charger.clock.now(),
      evseId: 1,
    };
    charger.hardwareEvents.emit("error", {
      ...error,
      state: "raised",
      type: "connector_lock/MREC1ConnectorLockFailure",
      component: "ConnectorPlugRetentionLock",
      techCode: "CX001",
      inoperative: false,
    });
    charger.hardwareEvents.emit("error", {
      ...error,
      state: "raised",
      type: "evse_manager/Inoperative",
      inoperative: true,
    });
    charger.hardwareEvents.emit("error", {
      ...error,
      state: "cleared",
      type: "evse_manager/Inoperative",
      inoperative: true,
    });
    await charger.clock.advance(100);
    const data = charger
      .callsOf("NotifyEvent")
      .flatMap(
        ({ eventData }) =>
          eventData as { component: { name: string }; techCode: string; actualValue: string; eventId: number }[],
      );
    expect(data.map(({ component, techCode, actualValue }) => [component.name, techCode, actualValue])).toEqual([
      ["ConnectorPlugRetentionLock", "CX001", "true"],
      ["EVSE", "evse_manager/Inoperative", "true"],
      ["EVSE", "evse_manager/Inoperative", "false"],
    ]);
    expect(new Set(data.map(({ eventId }) => eventId)).size).toBe(3);
    expect(statuses().slice(2)).toEqual(["1 Faulted", "1 Available"]);
  });
});
