import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger, type Payload } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
const APP = { idToken: "APP", type: "Central" as const };
const remoteToken = { idToken: APP, remote: true, remoteStartId: 7 };
const card = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };
const sent = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
const events = () => charger.callsOf("TransactionEvent");
const remoteStart = async (more: object = {}) =>
  (await charger.call("RequestStartTransaction", { evseId: 1, remoteStartId: 7, idToken: APP, ...more }))
    .body as Payload;
const remoteStop = async (transactionId: string) =>
  (await charger.call("RequestStopTransaction", { transactionId })).body as Payload;
const plugIn = (evseId = 1) =>
  charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
const authorize = (token: typeof card | typeof remoteToken, evseId = 1) =>
  charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token });
const lockError = (state: "raised" | "cleared", evseId?: number) =>
  charger.hardwareEvents.emit("error", {
    state,
    origin: "lock/main",
    type: "connector_lock/MREC1ConnectorLockFailure",
    subType: "",
    component: "ConnectorPlugRetentionLock",
    variable: "Problem",
    description: "stuck",
    message: "",
    severity: "High",
    timestamp: charger.clock.now(),
    inoperative: false,
    ...(evseId !== undefined && { evseId }),
  });

describe("F01, F02: RequestStartTransaction", () => {
  test("F01.FR.01, F02.FR.09: with AuthorizeRemoteStart the token is not validated beforehand", async () => {
    await start({ "AuthCtrlr.AuthorizeRemoteStart": "true" });
    const groupIdToken = { idToken: "GROUP", type: "Central" };
    expect(await remoteStart({ groupIdToken })).toEqual({ status: "Accepted" });
    expect(sent("provideToken")).toEqual([
      [{ idToken: APP, groupIdToken, remoteStartId: 7, evseId: 1, prevalidated: false }],
    ]);
  });

  /** Whether an EVSE is reserved takes a while, in which the next CALL comes. */
  const startsAtOnce = async (...requests: readonly object[]) => {
    charger.hardwareAnswers.isReservedForOther = () =>
      new Promise((resolve) => charger.clock.after(20, () => resolve(false)));
    const from = charger.answers.length;
    for (const [index, request] of requests.entries())
      charger.sendText(
        JSON.stringify([
          2,
          `start-${index}`,
          "RequestStartTransaction",
          { remoteStartId: index, idToken: APP, ...request },
        ]),
      );
    await charger.clock.advance(200);
    return charger.answers
      .slice(from)
      .toSorted((one, other) => one.messageId.localeCompare(other.messageId))
      .map(({ body }) => (body as Payload).status);
  };

  test("F01.FR.24, F02.FR.26: two starts for one EVSE within a moment were both Accepted", async () => {
    await start();
    expect(await startsAtOnce({ evseId: 1 }, { evseId: 1 }, { evseId: 2 })).toEqual([
      "Accepted",
      "Rejected",
      "Accepted",
    ]);
    expect(sent("provideToken")).toMatchObject([[{ evseId: 1, remoteStartId: 0 }], [{ evseId: 2 }]]);
  });

  test("F01.FR.07, F02.FR.15: starts without an EVSE get one each, and no more than there are", async () => {
    await start();
    expect(await startsAtOnce({}, {}, {})).toEqual(["Accepted", "Accepted", "Rejected"]);
    expect(sent("provideToken").map(([token]) => (token as Payload).evseId)).toEqual([1, 2]);
  });

  test("F01.FR.06: an EVSE that a driver took while reservations were looked up was offered to the CSMS's start", async () => {
    await start();
    charger.clock.after(10, () => authorize(card));
    expect(await startsAtOnce({})).toEqual(["Accepted"]);
    expect(sent("provideToken")).toMatchObject([[{ evseId: 2 }]]);
  });

  test("a start that the hardware side did not act on keeps its EVSE for ten seconds only, a refused one at once no more", async () => {
    await start();
    await remoteStart();
    expect(await remoteStart()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "TxInProgress" } });
    await charger.clock.advance(10_000);
    expect(await remoteStart()).toMatchObject({ status: "Accepted" });
    charger.context.events.emit("tokenPresented", { evseIds: [1], idToken: APP });
    charger.context.events.emit("tokenDecided", { evseIds: [1], idToken: APP, accepted: false });
    expect(await remoteStart()).toMatchObject({ status: "Accepted" });
  });

  test("F01.FR.24: a start while a card is being decided there was Accepted and came to nothing", async () => {
    await start();
    const { react } = charger;
    charger.react = (call) => (call.action === "Authorize" ? "silence" : react(call));
    void charger.services.authorization.authorize({ ...card, evseIds: [1] });
    await charger.clock.advance(10);
    expect(await remoteStart()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "TxInProgress" } });
    expect(await remoteStart({ evseId: 2 })).toMatchObject({ status: "Accepted" });
    await charger.clock.advance(120_000);
    expect(await remoteStart()).toMatchObject({ status: "Accepted" });
  });

  test("F01.FR.02, F02.FR.10: without it the token is as good as validated", async () => {
    await start({ "AuthCtrlr.AuthorizeRemoteStart": "false" });
    await remoteStart();
    expect(sent("provideToken")).toMatchObject([[{ prevalidated: true }]]);
  });

  test("F01.FR.06, FR.20, F02.FR.14, FR.22: without evseId an EVSE is selected, one with a waiting EV first", async () => {
    await start();
    expect(await remoteStart({ evseId: undefined })).toEqual({ status: "Accepted" });
    plugIn(2);
    await remoteStart({ evseId: undefined });
    expect(sent("provideToken").map(([token]) => (token as { evseId: number }).evseId)).toEqual([1, 2]);
  });

  test("an EVSE with an EV that has charged already was selected instead of a free one", async () => {
    await start();
    plugIn();
    authorize(card);
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
    await remoteStart({ evseId: undefined });
    expect(sent("provideToken")).toMatchObject([[{ evseId: 2 }]]);
  });

  test("F01.FR.07, F02.FR.15: refused when no EVSE can be selected", async () => {
    await start();
    for (const evseId of [1, 2]) charger.event(evseId, { kind: "Disabled" });
    expect(await remoteStart({ evseId: undefined })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "NoEvseAvailable" },
    });
    expect(sent("provideToken")).toEqual([]);
  });

  test("F01.FR.21, FR.22, F02.FR.23, FR.24: a selected EVSE is not one that is reserved for somebody else", async () => {
    await start();
    charger.hardwareAnswers.isReservedForOther = (evseId) => evseId === 1;
    expect(await remoteStart()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "Reserved" } });
    expect(await remoteStart({ evseId: undefined })).toEqual({ status: "Accepted" });
    expect(sent("provideToken")).toMatchObject([[{ evseId: 2 }]]);
  });

  test("F01.FR.23, F02.FR.25: an EVSE that is unavailable or faulted is refused", async () => {
    await start();
    charger.event(1, { kind: "Disabled" });
    expect(await remoteStart()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } });
  });

  test("F01.FR.24, F02.FR.26: refused where somebody charges or may charge, whatever the start point", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EnergyTransfer" });
    plugIn();
    authorize(card);
    expect(events()).toEqual([]);
    expect(await remoteStart()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "TxInProgress" } });
  });

  test("F01.FR.05, FR.13, FR.19, FR.25: a transaction that waits for authorization is matched and tells remoteStartId", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected" });
    plugIn();
    expect(await remoteStart()).toEqual({ status: "Accepted", transactionId: "s1" });
    authorize(remoteToken);
    await charger.clock.advance(100);
    expect(events()).toMatchObject([
      { eventType: "Started", triggerReason: "CablePluggedIn" },
      { eventType: "Updated", triggerReason: "RemoteStart", transactionInfo: { remoteStartId: 7 }, idToken: APP }, // F01.FR.04
    ]);
  });

  test("F02.FR.01, FR.05, FR.12, FR.13, FR.21: remote start first tells RemoteStart when the cable starts the transaction", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected" });
    await remoteStart();
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token: remoteToken });
    authorize(remoteToken);
    await charger.clock.advance(100);
    expect(events()).toMatchObject([
      {
        eventType: "Started",
        triggerReason: "RemoteStart",
        transactionInfo: { remoteStartId: 7, chargingState: "EVConnected" },
        idToken: APP,
      },
    ]);
  });

  test("F01.FR.03, FR.14, FR.15, FR.17, FR.18, F02.FR.02, FR.03, FR.11: events with values like those of any transaction", async () => {
    await start({
      "SampledDataCtrlr.TxStartedMeasurands": "Energy.Active.Import.Register",
      "SampledDataCtrlr.TxUpdatedMeasurands": "Energy.Active.Import.Register",
      "SampledDataCtrlr.TxUpdatedInterval": "60",
    });
    charger.meter(1, 5);
    await remoteStart();
    plugIn();
    authorize(remoteToken);
    charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
    charger.meter(1, 6);
    await charger.clock.advance(61_000);
    const value = (wattHours: number, context: string) => [{ sampledValue: [{ value: wattHours, context }] }];
    expect(events()).toMatchObject([
      { triggerReason: "RemoteStart", idToken: APP, meterValue: value(5, "Transaction.Begin") },
      { triggerReason: "ChargingStateChanged" },
      { triggerReason: "MeterValuePeriodic", meterValue: value(6, "Sample.Periodic") },
    ]);
  });

  test("F02.FR.06: a reservation that is used is told with the transaction", async () => {
    await start();
    charger.event(1, {
      kind: "SessionStarted",
      sessionId: "s1",
      reason: "Authorized",
      token: remoteToken,
      reservationId: 5,
    });
    authorize(remoteToken);
    await charger.clock.advance(100);
    expect(events()).toMatchObject([{ reservationId: 5 }]);
  });

  test("F02.FR.07: nobody plugs in after a remote start", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": "EVConnected" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token: remoteToken });
    charger.event(1, { kind: "Deauthorized", sessionId: "s1" });
    charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await charger.clock.advance(100);
    expect(events()).toMatchObject([
      { eventType: "Started", triggerReason: "RemoteStart", transactionInfo: { remoteStartId: 7 } },
      { eventType: "Ended", triggerReason: "EVConnectTimeout", transactionInfo: { stoppedReason: "Timeout" } },
    ]);
  });

  describe("charging profiles", () => {
    const profile = (change: object = {}, schedule: object = {}) => ({
      id: 1,
      stackLevel: 0,
      chargingProfilePurpose: "TxProfile",
      chargingProfileKind: "Relative",
      chargingSchedule: [
        { id: 1, chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }], ...schedule },
      ],
      ...change,
    });
    const periods = (...starts: number[]) => ({
      chargingSchedulePeriod: starts.map((startPeriod) => ({ startPeriod, limit: 6 })),
    });

    test.each([
      [
        "F01.FR.09, F02.FR.17: another purpose",
        profile({ chargingProfilePurpose: "TxDefaultProfile" }),
        "InvalidProfile",
      ],
      ["F01.FR.11, F02.FR.19: a transaction id", profile({ transactionId: "t" }), "InvalidProfile"],
      ["a recurring profile without recurrencyKind", profile({ chargingProfileKind: "Recurring" }), "InvalidProfile"],
      [
        "a validity that ends before it begins",
        profile({ validFrom: "2026-01-02T00:00:00Z", validTo: "2026-01-01T00:00:00Z" }),
        "InvalidProfile",
      ],
      ["periods that do not begin at 0", profile({}, periods(5)), "InvalidSchedule"],
      ["periods out of order", profile({}, periods(0, 20, 10)), "InvalidSchedule"],
      ["a relative schedule with a start", profile({}, { startSchedule: "2026-01-01T00:00:00Z" }), "InvalidSchedule"],
      ["an absolute schedule without one", profile({ chargingProfileKind: "Absolute" }), "InvalidSchedule"],
    ])("F01.FR.26, F02.FR.27: %s is refused", async (_, chargingProfile, reasonCode) => {
      await start({ "SmartChargingCtrlr.Enabled": "true" });
      expect(await remoteStart({ chargingProfile })).toMatchObject({ status: "Rejected", statusInfo: { reasonCode } });
      expect(sent("provideToken")).toEqual([]);
    });

    test("F01.FR.08, FR.10, F02.FR.16, FR.18: a valid profile holds for the transaction that comes of it", async () => {
      await start({ "SmartChargingCtrlr.Enabled": "true" });
      expect(await remoteStart({ chargingProfile: profile() })).toEqual({ status: "Accepted" });
      plugIn();
      authorize(remoteToken);
      await charger.clock.advance(10);
      const composite = (await charger.call("GetCompositeSchedule", { evseId: 1, duration: 60 })).body;
      expect(composite).toMatchObject({ schedule: { chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 }] } });
    });

    test("without an EVSE a profile is refused while smart charging is enabled (CHANGES c.3)", async () => {
      await start();
      expect(await remoteStart({ evseId: undefined, chargingProfile: profile() })).toMatchObject({
        status: "Rejected",
        statusInfo: { additionalInfo: "a charging profile needs an evseId" },
      });
      expect(sent("provideToken")).toEqual([]);
    });

    test("F01.FR.12, F02.FR.20: without smart charging a profile is ignored", async () => {
      await start({ "SmartChargingCtrlr.Enabled": "false" });
      const chargingProfile = profile({ chargingProfilePurpose: "TxDefaultProfile" });
      expect(await remoteStart({ chargingProfile })).toEqual({ status: "Accepted" });
    });
  });
});

describe("F03, F04: RequestStopTransaction", () => {
  test("F03.FR.01, FR.03, FR.07, FR.09, F04.FR.01–03: the running transaction is stopped and ends as Remote", async () => {
    await start();
    plugIn();
    authorize(card);
    expect(await remoteStop("s1")).toEqual({ status: "Accepted" });
    expect(sent("stopTransaction")).toEqual([[1, "Remote"]]);
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Remote" });
    await charger.clock.advance(100);
    expect(events().at(-1)).toMatchObject({
      eventType: "Ended",
      triggerReason: "RemoteStop",
      transactionInfo: { stoppedReason: "Remote" },
    });
  });

  test("F03.FR.02: with another stop point it goes on without energy", async () => {
    await start({ "TxCtrlr.TxStopPoint": "EVConnected" });
    plugIn();
    authorize(card);
    await remoteStop("s1");
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Remote" });
    expect(await remoteStop("s1")).toEqual({ status: "Accepted" }); // F03.FR.07: it is still running
    charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await charger.clock.advance(100);
    expect(events().slice(1)).toMatchObject([
      { eventType: "Updated", triggerReason: "RemoteStop" },
      { eventType: "Updated", triggerReason: "RemoteStop" },
      { eventType: "Ended", transactionInfo: { stoppedReason: "Remote" } },
    ]);
    expect(sent("stopTransaction")).toHaveLength(1);
  });

  test("F03.FR.04–06, F04.FR.04–06: the end has all values; where there is no room intermediate ones go", async () => {
    await start({
      "SampledDataCtrlr.TxEndedInterval": "10",
      "SampledDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register",
      "InternalCtrlr.MaxMessageSize": "6000",
    });
    charger.meter(1, 0);
    plugIn();
    authorize(card);
    for (let wattHours = 1; wattHours <= 100; wattHours++) {
      charger.meter(1, wattHours);
      await charger.clock.advance(10_000);
    }
    await remoteStop("s1");
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Remote" });
    await charger.clock.advance(100);
    const ended = events().at(-1) as { meterValue: { sampledValue: { value: number; context: string }[] }[] };
    const values = ended.meterValue.flatMap(({ sampledValue }) => sampledValue);
    expect(values[0]).toMatchObject({ value: 0, context: "Transaction.Begin" });
    expect(values.at(-1)).toMatchObject({ value: 100, context: "Transaction.End" });
    expect(values.length).toBeLessThan(60);
    const gaps = values.slice(1).map(({ value }, index) => value - (values[index]?.value ?? 0));
    expect(Math.max(...gaps)).toBeLessThanOrEqual(8);
  });

  test("F03.FR.08: unknown and finished transactions are refused", async () => {
    await start();
    expect(await remoteStop("nobody's")).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "TxNotFound" },
    });
    plugIn();
    authorize(card);
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
    expect(await remoteStop("s1")).toMatchObject({ status: "Rejected" });
  });

  test("a remote stop before the cable is plugged in was refused and the driver could still charge", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token: remoteToken });
    charger.hardwareAnswers.stopTransaction = () => false;
    expect(await remoteStop("s1")).toEqual({ status: "Accepted" });
    expect(sent("withdrawAuthorization")).toEqual([[1]]);
    charger.event(1, { kind: "Deauthorized", sessionId: "s1" });
    await charger.clock.advance(100);
    expect(events().at(-1)).toMatchObject({
      eventType: "Ended",
      triggerReason: "RemoteStop",
      transactionInfo: { stoppedReason: "Remote" },
    });
  });

  test("an authorization that cannot be withdrawn leaves the transaction as it was", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token: remoteToken });
    charger.hardwareAnswers.stopTransaction = () => false;
    charger.hardwareAnswers.withdrawAuthorization = () => Promise.reject(new Error("timeout"));
    expect(await remoteStop("s1")).toMatchObject({ status: "Rejected" });
    charger.event(1, { kind: "Deauthorized", sessionId: "s1" });
    await charger.clock.advance(100);
    expect(events().at(-1)).toMatchObject({ transactionInfo: { stoppedReason: "Timeout" } });
  });

  test("a charger that does not answer is no success", async () => {
    await start();
    plugIn();
    authorize(card);
    charger.hardwareAnswers.stopTransaction = () => Promise.reject(new Error("timeout"));
    expect(await remoteStop("s1")).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "InternalError" } });
  });
});

describe("F05: UnlockConnector", () => {
  const unlock = async (evseId = 1, connectorId = 1) => {
    const answers = charger.answers.length;
    await charger.call("UnlockConnector", { evseId, connectorId }).catch(() => undefined);
    await charger.clock.advance(2_000);
    return (charger.answers[answers]?.body as { status: string } | undefined)?.status;
  };

  test("F05.FR.01, FR.03: an EVSE or a connector that does not exist", async () => {
    await start();
    expect(await unlock(9)).toBe("UnknownConnector");
    expect(await unlock(1, 9)).toBe("UnknownConnector");
    expect(sent("forceUnlock")).toEqual([]);
  });

  test("F05.FR.02: never while an authorized transaction is running, but before and after", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected" });
    plugIn();
    expect(await unlock()).toBe("Unlocked");
    expect(events().map(({ triggerReason }) => triggerReason)).toEqual(["CablePluggedIn", "UnlockCommand"]);
    charger.hardwareAnswers.forceUnlock = () => false;
    expect(await unlock()).toBe("UnlockFailed");
    expect(events()).toHaveLength(2);
    charger.hardwareAnswers = {};
    authorize(card);
    expect(await unlock()).toBe("OngoingAuthorizedTransaction");
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
    expect(await unlock()).toBe("Unlocked");
    expect(sent("forceUnlock")).toHaveLength(3);
  });

  test("F05.FR.02: a connector was not unlocked because of the transaction at another one of the EVSE", async () => {
    charger = await new InProcessCharger(1, {}, 1, 2).start();
    await charger.clock.advance(100);
    plugIn();
    authorize(card);
    expect(await unlock(1, 1)).toBe("OngoingAuthorizedTransaction");
    const told = events().length;
    expect(await unlock(1, 2)).toBe("Unlocked");
    expect(sent("forceUnlock")).toEqual([[1, 2]]);
    expect(events()).toHaveLength(told);
  });

  test("F05.FR.04–06: tried without a cable, too; a lock error that follows or was there is a failure", async () => {
    await start();
    expect(await unlock()).toBe("Unlocked");
    charger.hardwareAnswers.forceUnlock = () => {
      lockError("raised", 1);
      return true;
    };
    expect(await unlock()).toBe("UnlockFailed");
    expect(await unlock(2)).toBe("Unlocked");
    charger.hardwareAnswers.forceUnlock = () => true;
    expect(await unlock()).toBe("UnlockFailed");
    lockError("cleared", 1);
    expect(await unlock()).toBe("Unlocked");
    charger.hardwareAnswers.forceUnlock = () => false;
    expect(await unlock()).toBe("UnlockFailed");
    charger.hardwareAnswers.forceUnlock = () => Promise.reject(new Error("timeout"));
    expect(await unlock()).toBe("UnlockFailed");
  });

  test("UnlockOnEVSideDisconnect cannot promise that the cable stays locked", async () => {
    await start({ "OCPPCommCtrlr.UnlockOnEVSideDisconnect": "false" });
    const set = async (attributeValue: string) => {
      const variable = { component: { name: "OCPPCommCtrlr" }, variable: { name: "UnlockOnEVSideDisconnect" } };
      const { body } = await charger.call("SetVariables", { setVariableData: [{ ...variable, attributeValue }] });
      return (body as { setVariableResult: { attributeStatus: string }[] }).setVariableResult[0]?.attributeStatus;
    };
    expect(await set("false")).toBe("Rejected");
    expect(await set("true")).toBe("Accepted");
    const { body } = await charger.call("GetVariables", {
      getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "UnlockOnEVSideDisconnect" } }],
    });
    expect(body).toMatchObject({ getVariableResult: [{ attributeValue: "true" }] });
  });
});

describe("F06: TriggerMessage", () => {
  const trigger = async (requestedMessage: string, evse?: object) =>
    ((await charger.call("TriggerMessage", { requestedMessage, ...(evse !== undefined && { evse }) })).body as Payload)
      .status;
  const callsSince = (from: number) => charger.calls.slice(from).map(({ action }) => action);

  test("F06.FR.04, FR.05, FR.10: the answer goes out before the message that it announces", async () => {
    await start();
    const order: string[] = [];
    charger.csms.events.on("message", ({ direction, name }) => {
      if (direction === "sent" && name !== undefined) order.push(name);
    });
    expect(await trigger("Heartbeat")).toBe("Accepted");
    expect(order).toEqual(["TriggerMessageResponse", "Heartbeat"]);
  });

  test("F06.FR.01–03: an EVSE that does not matter is ignored, even an unknown one", async () => {
    await start();
    const from = charger.calls.length;
    expect(await trigger("Heartbeat", { id: 9 })).toBe("Accepted");
    expect(await trigger("LogStatusNotification", { id: 9, connectorId: 9 })).toBe("Accepted");
    expect(await trigger("FirmwareStatusNotification", { id: 9 })).toBe("Accepted");
    await charger.clock.advance(100);
    expect(callsSince(from)).toEqual(["Heartbeat", "LogStatusNotification", "FirmwareStatusNotification"]);
    expect(charger.callsOf("LogStatusNotification")).toEqual([{ status: "Idle" }]); // F06.FR.15
    expect(charger.callsOf("FirmwareStatusNotification")).toEqual([{ status: "Idle" }]); // F06.FR.16
  });

  test("F06.FR.14: the status of a running log upload", async () => {
    await start();
    await charger.call("GetLog", { logType: "DiagnosticsLog", requestId: 3, log: { remoteLocation: "https://x/y" } });
    charger.hardwareEvents.emit("logStatus", { state: "Uploading", requestId: 3 });
    await trigger("LogStatusNotification");
    await charger.clock.advance(100);
    expect(charger.callsOf("LogStatusNotification").at(-1)).toEqual({ status: "Uploading", requestId: 3 });
  });

  test("F06.FR.06, FR.09, FR.11: meter values of one EVSE, or of all, as they are now", async () => {
    await start({ "AlignedDataCtrlr.Measurands": "Energy.Active.Import.Register" });
    charger.meter(1, 10);
    charger.meter(2, 20);
    charger.meter(2, 30);
    expect(await trigger("MeterValues", { id: 2 })).toBe("Accepted");
    expect(await trigger("MeterValues", { id: 9 })).toBe("Rejected");
    expect(await trigger("MeterValues")).toBe("Accepted");
    await charger.clock.advance(100);
    const values = charger.callsOf("MeterValues").map(({ evseId, meterValue }) => {
      const [value] = meterValue as [{ sampledValue: { value: number; context: string; measurand: string }[] }];
      return [evseId, value.sampledValue.map((one) => [one.measurand, one.value, one.context])];
    });
    const register = (value: number) => [["Energy.Active.Import.Register", value, "Trigger"]];
    expect(values).toEqual([
      [2, register(30)],
      [1, register(10)],
      [2, register(30)],
    ]);
  });

  const triggeredValues = () =>
    charger
      .callsOf("MeterValues")
      .map(({ evseId, meterValue }) => [
        evseId,
        (meterValue as { sampledValue: { value: number }[] }[])[0]?.sampledValue[0]?.value,
      ]);

  test("TC_F_11, TC_F_12, F06.FR.10: before the first reading MeterValues were refused; they follow with it", async () => {
    await start({ "AlignedDataCtrlr.Measurands": "Energy.Active.Import.Register" });
    expect(await trigger("MeterValues", { id: 1 })).toBe("Accepted");
    charger.meter(2, 20);
    expect(await trigger("MeterValues")).toBe("Accepted");
    await charger.clock.advance(1_000);
    expect(triggeredValues()).toEqual([[2, 20]]);
    charger.meter(1, 10);
    charger.meter(1, 11);
    await charger.clock.advance(100);
    expect(triggeredValues()).toEqual([
      [2, 20],
      [1, 10],
    ]);
  });

  test("F06.FR.10: a meter that stays silent: given up after 30 s, refused from then on, until it speaks", async () => {
    await start({ "AlignedDataCtrlr.Measurands": "Energy.Active.Import.Register" });
    expect(await trigger("MeterValues", { id: 1 })).toBe("Accepted");
    await charger.clock.advance(31_000);
    expect(charger.log.join("\n")).toContain("The meter of EVSE 1 is silent");
    expect(await trigger("MeterValues", { id: 1 })).toBe("Rejected");
    charger.meter(1, 10);
    await charger.clock.advance(100);
    expect(triggeredValues()).toEqual([]);
    expect(await trigger("MeterValues", { id: 1 })).toBe("Accepted");
    await charger.clock.advance(100);
    expect(triggeredValues()).toEqual([[1, 10]]);
  });

  test("without a measurand to send no reading is worth waiting for", async () => {
    await start({ "AlignedDataCtrlr.Measurands": "" });
    expect(await trigger("MeterValues", { id: 1 })).toBe("Rejected");
  });

  test("F06.FR.07, FR.10: the transaction of an earlier run was no transaction until it was heard of again", async () => {
    for (const goesOn of [true, false]) {
      await start();
      plugIn();
      authorize(card);
      await charger.clock.advance(100);
      charger.crash();
      charger.calls.length = 0;
      await charger.start();
      await charger.clock.advance(100);
      expect(await trigger("TransactionEvent", { id: 1 })).toBe("Accepted");
      await charger.clock.advance(100);
      expect(events()).toEqual([]);
      if (goesOn) charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
      await charger.clock.advance(25_000);
      expect(events()[0]).toMatchObject(
        goesOn ? { eventType: "Updated", triggerReason: "Trigger" } : { eventType: "Ended" },
      );
      if (goesOn) charger.dispose();
    }
  });

  test("F06.FR.07: a TransactionEvent of one EVSE, or of all that have one", async () => {
    await start({ "SampledDataCtrlr.TxUpdatedMeasurands": "Energy.Active.Import.Register" });
    for (const evseId of [1, 2]) charger.meter(evseId, evseId);
    expect(await trigger("TransactionEvent")).toBe("Rejected");
    plugIn(2);
    authorize(card, 2);
    expect(await trigger("TransactionEvent", { id: 1 })).toBe("Rejected");
    expect(await trigger("TransactionEvent", { id: 2 })).toBe("Accepted");
    expect(await trigger("TransactionEvent")).toBe("Accepted");
    await charger.clock.advance(100);
    const triggered = {
      eventType: "Updated",
      triggerReason: "Trigger",
      transactionInfo: { transactionId: "s2", chargingState: "EVConnected" },
      meterValue: [{ sampledValue: [{ value: 2, context: "Trigger" }] }],
    };
    expect(events().slice(1)).toMatchObject([triggered, triggered]);
  });

  test("F06.FR.12, FR.13: a status needs EVSE and connector", async () => {
    await start();
    expect(await trigger("StatusNotification")).toBe("Rejected");
    expect(await trigger("StatusNotification", { id: 1 })).toBe("Rejected");
    expect(await trigger("StatusNotification", { id: 1, connectorId: 9 })).toBe("Rejected");
    const from = charger.calls.length;
    plugIn(2);
    expect(await trigger("StatusNotification", { id: 2, connectorId: 1 })).toBe("Accepted");
    await charger.clock.advance(100);
    expect(charger.calls.slice(from).map(({ payload }) => payload.connectorStatus)).toEqual(["Occupied", "Occupied"]);
  });

  test("a new certificate for the station", async () => {
    await start();
    expect(await trigger("SignChargingStationCertificate")).toBe("Accepted");
    await charger.clock.advance(100);
    expect(charger.callsOf("SignCertificate")).toMatchObject([{ certificateType: "ChargingStationCertificate" }]);
  });

  test("F06.FR.08: what is not implemented is NotImplemented, what is switched off is Rejected", async () => {
    await start({ "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "false" });
    expect(await trigger("SignCombinedCertificate")).toBe("NotImplemented");
    expect(await trigger("PublishFirmwareStatusNotification")).toBe("NotImplemented");
    expect(await trigger("SignV2GCertificate")).toBe("Rejected");
  });

  test("F06.FR.17: BootNotification only as long as the station is not accepted", async () => {
    charger = new InProcessCharger(1);
    const currentTime = charger.clock.now().toISOString();
    charger.react = ({ action }) => ({
      answer: action === "BootNotification" ? { currentTime, interval: 300, status: "Pending" } : {},
    });
    await charger.start();
    plugIn();
    authorize(card);
    expect(await trigger("TransactionEvent")).toBe("Rejected"); // B02.FR.02
    expect(await trigger("BootNotification")).toBe("Accepted");
    await charger.clock.advance(100);
    expect(charger.callsOf("BootNotification").at(-1)).toMatchObject({ reason: "Triggered" });
    charger.react = () => ({ answer: { currentTime, interval: 300, status: "Accepted" } });
    await trigger("BootNotification");
    await charger.clock.advance(100);
    expect(await trigger("BootNotification")).toBe("Rejected");
  });
});
