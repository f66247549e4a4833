/** OCA certification test cases of block B for charging stations, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import type { BootNotificationResponse, NotifyReportRequest, ReportDataType } from "../../src/ocpp/v201/index.ts";
import { type Facts, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

const variable = (component: string, name: string) => ({ component: { name: component }, variable: { name } });

/** What TC_B_53_CS finds wrong with a line of the device model. */
function reportDefects({ component, variable, variableAttribute, variableCharacteristics }: ReportDataType): string[] {
  const name = `${component.name}.${variable.name}`;
  const { dataType = "string", valuesList } = variableCharacteristics ?? {};
  const allowed = dataType.endsWith("List") ? (valuesList ?? "").split(",") : undefined;
  return [
    ...(allowed?.[0] === "" ? [`${name} has no valuesList`] : []),
    ...variableAttribute.flatMap(({ value, mutability }) => {
      if (mutability === "WriteOnly") return value === undefined ? [] : [`${name} shows a secret`];
      if (value === undefined) return name === "EVSE.Power" ? [] : [`${name} has no value`];
      const unknown =
        allowed === undefined || value === "" ? [] : value.split(",").filter((one) => !allowed.includes(one));
      return unknown.map((one) => `${name}: ${one} is not in its valuesList`);
    }),
  ];
}

/** Answers BootNotification with these statuses, one after the other, the last one for ever. */
function answerBootWith(
  system: TestSystem,
  statuses: readonly BootNotificationResponse["status"][],
  intervalSeconds: number,
): void {
  let index = 0;
  system.charger.csms.on("BootNotification", () => {
    const status = statuses[Math.min(index++, statuses.length - 1)] ?? "Accepted";
    return { currentTime: new Date().toISOString(), interval: status === "Accepted" ? 300 : intervalSeconds, status };
  });
}

describe("booting", () => {
  test("TC_B_01_CS accepted: BootNotification, then the status of every connector", () =>
    onCharger({ stopped: true }, async (system) => {
      await system.charger.startStation();
      const [boot, ...rest] = system.charger.csms.calls;
      expect(boot).toMatchObject({ action: "BootNotification", request: { reason: "PowerUp" } });
      expect(boot?.request.chargingStation).toMatchObject({
        vendorName: expect.any(String),
        model: expect.any(String),
      });
      const statuses = rest.filter(({ action }) => action === "StatusNotification");
      expect(statuses.map(({ request }) => [request.evseId, request.connectorId, request.connectorStatus])).toEqual([
        [1, 1, "Available"],
        [2, 1, "Available"],
      ]);
    }));

  test("TC_B_02_CS, TC_B_30_CS pending: configured, read and triggered, nothing else; then accepted", () =>
    onCharger({ stopped: true }, async (system) => {
      answerBootWith(system, ["Pending", "Accepted"], 3);
      system.charger.spawn();
      await system.receive("BootNotification", { reason: "PowerUp" });
      await system.setVariable("OCPPCommCtrlr", "OfflineThreshold", "300");
      expect(await system.getVariable("OCPPCommCtrlr", "OfflineThreshold")).toBe("300");
      await system.send("GetBaseReport", { requestId: 1, reportBase: "FullInventory" }, { status: "Accepted" });
      await system.receive("NotifyReport", { requestId: 1, tbc: false });
      await system.send(
        "RequestStartTransaction",
        { evseId: 1, remoteStartId: 1, idToken: VALID_TOKEN },
        { status: "Rejected" },
      );
      await system.send("RequestStopTransaction", { transactionId: "none" }, { status: "Rejected" });
      await system.sendForError("ClearCache", {}, "SecurityError");
      await system.receiveNo("StatusNotification");
      await system.receive("BootNotification");
      await system.receive("StatusNotification");
    }));

  test("TC_B_03_CS, TC_B_31_CS rejected: silence for the interval, CALLs get SecurityError", () =>
    onCharger({ stopped: true }, async (system) => {
      answerBootWith(system, ["Rejected", "Accepted"], 2);
      system.charger.spawn();
      await system.receive("BootNotification");
      await system.sendForError(
        "GetVariables",
        { getVariableData: [variable("OCPPCommCtrlr", "OfflineThreshold")] },
        "SecurityError",
      );
      await system.receiveNo("StatusNotification");
      await system.receive("BootNotification");
      await system.receive("StatusNotification");
    }));

  test("TC_B_31_CS pending: a triggered BootNotification comes at once", () =>
    onCharger({ stopped: true }, async (system) => {
      answerBootWith(system, ["Pending", "Accepted"], 600);
      system.charger.spawn();
      await system.receive("BootNotification");
      await system.send("TriggerMessage", { requestedMessage: "BootNotification" }, { status: "Accepted" });
      await system.receive("BootNotification", { reason: "Triggered" });
      await system.receive("StatusNotification");
    }));
});

describe("variables", () => {
  const get = (data: readonly Facts[]) => ({ getVariableData: data }) as never;

  test("TC_B_06_CS, TC_B_07_CS one variable and several", () =>
    onCharger({}, async (system) => {
      await system.send("GetVariables", get([variable("OCPPCommCtrlr", "OfflineThreshold")]), {
        getVariableResult: [{ attributeStatus: "Accepted", ...variable("OCPPCommCtrlr", "OfflineThreshold") }],
      });
      await system.send(
        "GetVariables",
        get([variable("OCPPCommCtrlr", "OfflineThreshold"), variable("AuthCtrlr", "AuthorizeRemoteStart")]),
        { getVariableResult: [{ attributeStatus: "Accepted" }, { attributeStatus: "Accepted" }] },
      );
    }));

  test("TC_B_32_CS, TC_B_33_CS, TC_B_34_CS unknown component, unknown variable, unsupported attribute", () =>
    onCharger({}, async (system) => {
      await system.send("GetVariables", get([variable("UnknownComponent", "X")]), {
        getVariableResult: [{ attributeStatus: "UnknownComponent" }],
      });
      await system.send("GetVariables", get([variable("OCPPCommCtrlr", "UnknownVariable")]), {
        getVariableResult: [{ attributeStatus: "UnknownVariable" }],
      });
      await system.send(
        "GetVariables",
        get([{ ...variable("OCPPCommCtrlr", "OfflineThreshold"), attributeType: "Target" }]),
        { getVariableResult: [{ attributeStatus: "NotSupportedAttributeType" }] },
      );
      await system.send("GetVariables", get([variable("SecurityCtrlr", "BasicAuthPassword")]), {
        getVariableResult: [{ attributeStatus: "Rejected" }],
      });
    }));

  const set = (data: readonly Facts[]) => ({ setVariableData: data }) as never;
  const threshold = variable("OCPPCommCtrlr", "OfflineThreshold");

  test("TC_B_09_CS, TC_B_10_CS set one variable and several", () =>
    onCharger({}, async (system) => {
      await system.setVariable("OCPPCommCtrlr", "OfflineThreshold", "123");
      expect(await system.getVariable("OCPPCommCtrlr", "OfflineThreshold")).toBe("123");
      await system.send(
        "SetVariables",
        set([
          { ...threshold, attributeValue: "120" },
          { ...variable("AuthCtrlr", "AuthorizeRemoteStart"), attributeValue: "false" },
        ]),
        { setVariableResult: [{ attributeStatus: "Accepted" }, { attributeStatus: "Accepted" }] },
      );
    }));

  test.each([
    ["TC_B_35_CS unknown component", variable("UnknownComponent", "X"), "1", "UnknownComponent"],
    ["TC_B_36_CS unknown variable", variable("OCPPCommCtrlr", "Unknown"), "1", "UnknownVariable"],
    ["TC_B_37_CS unsupported attribute", { ...threshold, attributeType: "Target" }, "1", "NotSupportedAttributeType"],
    ["TC_B_11_CS no number", threshold, "-5 potatoes", "Rejected"],
    ["TC_B_39_CS read only", variable("OCPPCommCtrlr", "ActiveNetworkProfile"), "1", "Rejected"],
  ] as const)("%s", (_name, data, attributeValue, attributeStatus) =>
    onCharger({}, (system) =>
      system
        .send("SetVariables", set([{ ...data, attributeValue }]), { setVariableResult: [{ attributeStatus }] })
        .then(() => {}),
    ),
  );

  test("TC_B_12_CS, TC_B_13_CS, TC_B_14_CS base reports in parts, numbered", () =>
    onCharger({}, async (system) => {
      for (const [requestId, reportBase] of [
        [11, "ConfigurationInventory"],
        [12, "FullInventory"],
        [13, "SummaryInventory"],
      ] as const) {
        await system.send("GetBaseReport", { requestId, reportBase }, { status: "Accepted" });
        const first = await system.receive("NotifyReport", { requestId });
        expect(first.seqNo).toBe(0);
        if (first.tbc === true) await system.receive("NotifyReport", { requestId, tbc: false });
      }
    }));

  test("TC_B_53_CS full inventory: lists have their values, values are there unless WriteOnly", () =>
    onCharger({}, async (system) => {
      await system.send("GetBaseReport", { requestId: 1, reportBase: "FullInventory" }, { status: "Accepted" });
      await system.receive("NotifyReport", { requestId: 1, tbc: false });
      const reports = system.charger.csms.calls.filter(({ action }) => action === "NotifyReport");
      const entries = reports.flatMap(({ request }) => (request as unknown as NotifyReportRequest).reportData ?? []);
      const defects = entries.flatMap(reportDefects);
      expect(defects).toEqual([]);
    }));

  test("TC_B_16_CS, TC_B_18_CS custom reports", () =>
    onCharger({}, async (system) => {
      await system.send(
        "GetReport",
        { requestId: 5, componentVariable: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }] },
        { status: "Accepted" },
      );
      const { reportData } = await system.receive("NotifyReport", { requestId: 5, seqNo: 0, tbc: false });
      expect(reportData as readonly Facts[]).toHaveLength(1);
      await system.send("GetReport", { requestId: 6, componentCriteria: ["Problem"] }, { status: "EmptyResultSet" });
      await system.send("GetReport", { requestId: 7, componentCriteria: ["Available"] }, { status: "Accepted" });
      await system.receive("NotifyReport", { requestId: 7, tbc: false });
    }));
});

describe("reset", () => {
  test("TC_B_20_CS without a transaction, OnIdle: reset by the system module, booted with the reason", () =>
    onCharger({}, async (system) => {
      await system.send("Reset", { type: "OnIdle" }, { status: "Accepted" });
      await until(() => system.charger.everest.recorded("reset").length === 1);
      system.charger.everest.answer("system.get_boot_reason", () => "RemoteReset");
      await system.charger.end("SIGTERM");
      system.skip();
      await system.charger.startStation();
      await system.receive("BootNotification", { reason: "RemoteReset" });
      await system.receive("SecurityEventNotification", { type: "ResetOrReboot" });
    }));

  test("TC_B_21_CS with a transaction, OnIdle: scheduled, then reset when it was stopped, the EV still plugged in", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.send("Reset", { type: "OnIdle" }, { status: "Scheduled" });
      await system.stopAuthorizedLocally();
      await until(() => system.charger.everest.recorded("reset").length === 1);
      await system.charger.end("SIGTERM");
      system.skip();
      await system.charger.startStation();
      await system.receive("BootNotification", { reason: "ScheduledReset" });
      await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Occupied" });
    }));

  test("TC_B_22_CS with a transaction, Immediate: the transaction ends with ImmediateReset", () =>
    onCharger({}, async (system) => {
      await system.charge();
      await system.send("Reset", { type: "Immediate" }, { status: "Accepted" });
      await system.receive("TransactionEvent", {
        eventType: "Ended",
        triggerReason: "ResetCommand",
        transactionInfo: { stoppedReason: "ImmediateReset" },
      });
      await until(() => system.charger.everest.recorded("reset").length === 1);
    }));

  const until = async (condition: () => boolean): Promise<void> => {
    for (let attempt = 0; attempt < 300 && !condition(); attempt++) await Bun.sleep(20);
    expect(condition()).toBe(true);
  };
});

describe("network profiles", () => {
  const profile = (url: string, securityProfile = 1) => ({
    messageTimeout: 30,
    ocppCsmsUrl: url,
    ocppInterface: "Wired0" as const,
    ocppTransport: "JSON" as const,
    ocppVersion: "OCPP20" as const,
    securityProfile,
  });

  test("TC_B_42_CS, TC_B_43_CS, TC_B_44_CS a profile is stored, an impossible slot or profile is not", () =>
    onCharger({}, async (system) => {
      const connectionData = profile("ws://localhost:1/x");
      await system.send("SetNetworkProfile", { configurationSlot: 2, connectionData }, { status: "Accepted" });
      await system.send(
        "SetNetworkProfile",
        { configurationSlot: 99_999, connectionData },
        { status: "Rejected", statusInfo: { reasonCode: "InvalidConfSlot" } },
      );
      await system.send(
        "SetNetworkProfile",
        { configurationSlot: 2, connectionData: { ...connectionData, ocppTransport: "SOAP" } },
        { status: "Rejected", statusInfo: { reasonCode: "InvalidNetworkConf" } },
      );
    }));
});
