import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

type Item = Readonly<Record<string, unknown>>;
const of = (component: string, variable: string, rest: Item = {}): Item => ({
  component: { name: component },
  variable: { name: variable },
  ...rest,
});
const getVariables = async (...getVariableData: Item[]) =>
  ((await charger.call("GetVariables", { getVariableData })).body as { getVariableResult: Item[] }).getVariableResult;
const setVariables = async (...setVariableData: Item[]) =>
  ((await charger.call("SetVariables", { setVariableData })).body as { setVariableResult: Item[] }).setVariableResult;
const reports = () => charger.callsOf("NotifyReport") as readonly { [key: string]: unknown; reportData: Item[] }[];

describe("B06: GetVariables", () => {
  test("TC_B_06, TC_B_07, B06.FR.01–04, FR.10, FR.11: one result for each item, in order, with its attribute type", async () => {
    charger = await new InProcessCharger().start();
    const results = await getVariables(
      of("OCPPCommCtrlr", "OfflineThreshold"),
      of("TxCtrlr", "TxStartPoint", { attributeType: "Actual" }),
    );
    expect(results).toEqual([
      {
        ...of("OCPPCommCtrlr", "OfflineThreshold"),
        attributeType: "Actual",
        attributeStatus: "Accepted",
        attributeValue: "60",
      },
      {
        ...of("TxCtrlr", "TxStartPoint"),
        attributeType: "Actual",
        attributeStatus: "Accepted",
        attributeValue: "PowerPathClosed",
      },
    ]);
  });

  test.each([
    ["TC_B_32, B06.FR.06", of("UnknownCtrlr", "X"), "UnknownComponent"],
    ["TC_B_33, B06.FR.07", of("ClockCtrlr", "X"), "UnknownVariable"],
    ["TC_B_34, B06.FR.08", of("ClockCtrlr", "DateTime", { attributeType: "Target" }), "NotSupportedAttributeType"],
    ["B06.FR.09", of("SecurityCtrlr", "BasicAuthPassword"), "Rejected"],
    ["B06.FR.15", of("OCPPCommCtrlr", "MessageTimeout"), "UnknownVariable"],
    ["B06.FR.15", { component: { name: "EVSE" }, variable: { name: "Power" } }, "UnknownComponent"],
  ])("%s: what cannot be read has a status and no value", async (_requirement, item, status) => {
    charger = await new InProcessCharger().start();
    const [result] = await getVariables(item);
    expect(result).toMatchObject({ attributeStatus: status });
    expect(result).not.toHaveProperty("attributeValue");
    if (status === "Rejected") expect(result).toMatchObject({ attributeStatusInfo: { reasonCode: "WriteOnly" } });
  });

  test("B06.FR.13: an attribute that is supported but unset is an empty text", async () => {
    charger = await new InProcessCharger().start();
    expect(await getVariables(of("InternalCtrlr", "ICCID"))).toMatchObject([
      { attributeStatus: "Accepted", attributeValue: "" },
    ]);
  });

  test("B06.FR.14, FR.15: a given instance is that one, an empty one is none", async () => {
    charger = await new InProcessCharger().start();
    const results = await getVariables(
      { component: { name: "OCPPCommCtrlr" }, variable: { name: "MessageTimeout", instance: "Default" } },
      { component: { name: "OCPPCommCtrlr", instance: "" }, variable: { name: "OfflineThreshold", instance: "" } },
    );
    expect(results).toMatchObject([
      { attributeValue: "60", variable: { instance: "Default" } },
      { attributeStatus: "Accepted" },
    ]);
  });

  test("B06.FR.16: more items than ItemsPerMessage are OccurrenceConstraintViolation", async () => {
    charger = await new InProcessCharger(1, { "DeviceDataCtrlr.ItemsPerMessage": "2" }).start();
    const item = of("ClockCtrlr", "DateTime");
    expect(await charger.call("GetVariables", { getVariableData: [item, item, item] })).toMatchObject({
      kind: "error",
      body: "OccurrenceConstraintViolation",
    });
  });

  const bytesAndItems = (bytes: number, items: number) => ({
    "DeviceDataCtrlr.BytesPerMessage": String(bytes),
    "DeviceDataCtrlr.ItemsPerMessage": String(items),
  });
  const longItem = {
    component: { name: "x".repeat(50) },
    variable: { name: "y".repeat(50), instance: "z".repeat(50) },
  };

  test("B06.FR.17, B05: a message longer than BytesPerMessage is a FormatViolation", async () => {
    charger = await new InProcessCharger(1, bytesAndItems(500, 4)).start();
    const refused = { kind: "error", body: "FormatViolation" };
    const data = Array.from({ length: 4 }, () => longItem);
    expect(await charger.call("GetVariables", { getVariableData: data })).toMatchObject(refused);
    const setVariableData = data.map((item) => ({ ...item, attributeValue: "v" }));
    expect(await charger.call("SetVariables", { setVariableData })).toMatchObject(refused);
    expect(await getVariables(longItem)).toMatchObject([{ attributeStatus: "UnknownComponent" }]);
  });

  test("as many items as ItemsPerMessage promises are taken, whatever BytesPerMessage says; the start says so once", async () => {
    charger = await new InProcessCharger().start(); // 100 items and 2,048 bytes as shipped
    const data = Array.from({ length: 100 }, () => of("OCPPCommCtrlr", "OfflineThreshold"));
    expect(await getVariables(...data)).toHaveLength(100);
    expect(await setVariables(...data.map((item) => ({ ...item, attributeValue: "100" })))).toHaveLength(100);
    const said = charger.log.filter((line) => line.includes("BytesPerMessage[GetVariables] is 2048"));
    expect(said).toHaveLength(1);
    // No more than that, though.
    const long = Array.from({ length: 100 }, () => longItem);
    expect(await charger.call("GetVariables", { getVariableData: long })).toMatchObject({ body: "FormatViolation" });
  });

  test("limits that go together are not spoken of", async () => {
    charger = await new InProcessCharger(1, bytesAndItems(2_048, 1)).start();
    expect(charger.log.filter((line) => line.includes("BytesPerMessage"))).toEqual([]);
  });
});

describe("B05: SetVariables", () => {
  test("TC_B_09, TC_B_10, B05.FR.01–03, FR.10, FR.12: values are set and read back, in the order of the items", async () => {
    charger = await new InProcessCharger().start();
    const results = await setVariables(
      of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "123" }),
      of("AuthCtrlr", "AuthorizeRemoteStart", { attributeValue: "false", attributeType: "Actual" }),
    );
    expect(results).toEqual([
      { ...of("OCPPCommCtrlr", "OfflineThreshold"), attributeType: "Actual", attributeStatus: "Accepted" },
      { ...of("AuthCtrlr", "AuthorizeRemoteStart"), attributeType: "Actual", attributeStatus: "Accepted" },
    ]);
    const values = await getVariables(of("OCPPCommCtrlr", "OfflineThreshold"), of("AuthCtrlr", "AuthorizeRemoteStart"));
    expect(values.map(({ attributeValue }) => attributeValue)).toEqual(["123", "false"]);
  });

  test.each([
    ["TC_B_35, B05.FR.04", of("UnknownCtrlr", "X", { attributeValue: "1" }), "UnknownComponent", undefined],
    ["TC_B_36, B05.FR.05", of("ClockCtrlr", "X", { attributeValue: "1" }), "UnknownVariable", undefined],
    [
      "TC_B_37, B05.FR.06",
      of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "1", attributeType: "MaxSet" }),
      "NotSupportedAttributeType",
      undefined,
    ],
    [
      "TC_B_39, B05.FR.09",
      of("ClockCtrlr", "DateTime", { attributeValue: "2026-01-01T00:00:00Z" }),
      "Rejected",
      "ReadOnly",
    ],
    ["B05.FR.07", of("AuthCtrlr", "Enabled", { attributeValue: "yes" }), "Rejected", "InvalidValue"],
    [
      "TC_B_11, B05.FR.07",
      of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "1.5" }),
      "Rejected",
      "InvalidValue",
    ],
    ["B05.FR.07", of("TxCtrlr", "TxStartPoint", { attributeValue: "Sometime" }), "Rejected", "InvalidValue"],
    ["B05.FR.07", of("AuthCacheCtrlr", "Policy", { attributeValue: "" }), "Rejected", "InvalidValue"],
    ["B05.FR.08", of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "-1" }), "Rejected", "ValueTooLow"],
    ["B05.FR.08", of("OCPPCommCtrlr", "HeartbeatInterval", { attributeValue: "0" }), "Rejected", "ValueTooLow"],
    ["B05.FR.08", of("TariffCostCtrlr", "Currency", { attributeValue: "EURO" }), "Rejected", "TooLargeElement"],
    ["B05.FR.07", of("TxCtrlr", "TxStartPoint", { attributeValue: "" }), "Rejected", "InvalidValue"],
    [
      "B05.FR.08",
      of("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", { attributeValue: "0" }),
      "Rejected",
      "ValueTooLow",
    ],
    ["B05.FR.08", of("SecurityCtrlr", "BasicAuthPassword", { attributeValue: "short" }), "Rejected", "InvalidValue"],
  ])("%s: what cannot be set changes nothing and says why", async (_requirement, item, status, reasonCode) => {
    charger = await new InProcessCharger().start();
    const [result] = await setVariables(item);
    expect(result).toMatchObject({ attributeStatus: status, component: item.component, variable: item.variable });
    expect((result?.attributeStatusInfo as { reasonCode?: string } | undefined)?.reasonCode).toBe(reasonCode);
  });

  test("what is refused does not keep the rest of the message from being set", async () => {
    charger = await new InProcessCharger().start();
    const results = await setVariables(
      of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "-1" }),
      of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "5" }),
      of("UnknownCtrlr", "X", { attributeValue: "5" }),
    );
    expect(results.map(({ attributeStatus }) => attributeStatus)).toEqual(["Rejected", "Accepted", "UnknownComponent"]);
    expect(await getVariables(of("OCPPCommCtrlr", "OfflineThreshold"))).toMatchObject([{ attributeValue: "5" }]);
  });

  test("a value longer than ConfigurationValueSize is too large", async () => {
    charger = await new InProcessCharger(1, { "DeviceDataCtrlr.ConfigurationValueSize": "10" }).start();
    expect(
      await setVariables(of("SecurityCtrlr", "OrganizationName", { attributeValue: "x".repeat(11) })),
    ).toMatchObject([{ attributeStatus: "Rejected", attributeStatusInfo: { reasonCode: "TooLargeElement" } }]);
  });

  test("more items than ItemsPerMessage change nothing", async () => {
    charger = await new InProcessCharger(1, { "DeviceDataCtrlr.ItemsPerMessage": "1" }).start();
    const item = of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "5" });
    expect(await charger.call("SetVariables", { setVariableData: [item, item] })).toMatchObject({
      kind: "error",
      body: "OccurrenceConstraintViolation",
    });
    expect(await getVariables(of("OCPPCommCtrlr", "OfflineThreshold"))).toMatchObject([{ attributeValue: "60" }]);
  });

  test("what was answered Accepted is there after a crash", async () => {
    charger = await new InProcessCharger().start();
    await setVariables(of("OCPPCommCtrlr", "OfflineThreshold", { attributeValue: "77" }));
    charger.crash();
    await charger.start();
    expect(await getVariables(of("OCPPCommCtrlr", "OfflineThreshold"))).toMatchObject([{ attributeValue: "77" }]);
  });
});

describe("B07, B08: reports", () => {
  test.each(["ConfigurationInventory", "FullInventory", "SummaryInventory"])(
    "TC_B_12, TC_B_13, TC_B_14, B07.FR.01, FR.03, FR.04, FR.10, FR.12: %s comes in numbered parts",
    async (reportBase) => {
      charger = await new InProcessCharger(1, { "InternalCtrlr.MaxMessageSize": "8000" }).start();
      const answer = await charger.call("GetBaseReport", { requestId: 777, reportBase });
      expect(answer.body).toEqual({ status: "Accepted" });
      await charger.clock.advance(500);
      const parts = reports();
      expect(parts.map(({ seqNo }) => seqNo)).toEqual(parts.map((_part, index) => index));
      expect(parts.map(({ tbc }) => tbc)).toEqual(parts.map((_part, index) => index < parts.length - 1));
      expect(parts.every(({ requestId }) => requestId === 777)).toBe(true);
      for (const part of parts) {
        expect(JSON.stringify(part).length).toBeLessThanOrEqual(8000);
        expect(Date.parse(String(part.generatedAt))).toBeLessThanOrEqual(charger.clock.now().getTime());
      }
    },
  );

  test("TC_B_53: lists have values, values are members of them, and only WriteOnly variables have no value", async () => {
    charger = await new InProcessCharger().start();
    await charger.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
    await charger.clock.advance(500);
    const offences: string[] = [];
    for (const { component, variable, variableAttribute, variableCharacteristics } of reports().flatMap(
      ({ reportData }) => reportData as Record<string, never>[],
    )) {
      const name = `${(component as Item | undefined)?.name}.${(variable as Item | undefined)?.name}`;
      const { dataType, valuesList } = variableCharacteristics as unknown as { dataType: string; valuesList?: string };
      const isList = dataType.endsWith("List");
      if (isList && !valuesList) offences.push(`${name} has no list`);
      for (const attribute of variableAttribute as unknown as { mutability: string; value?: string }[]) {
        if ((attribute.mutability === "WriteOnly") !== (attribute.value === undefined))
          offences.push(`${name}: ${attribute.mutability} with value ${attribute.value}`);
        const members =
          dataType === "OptionList" ? [attribute.value] : (attribute.value ?? "").split(",").filter(Boolean);
        const allowed = valuesList?.split(",").map((one) => one.trim());
        if (isList && members.some((one) => !allowed?.includes(one ?? "")))
          offences.push(`${name} is ${attribute.value}`);
      }
    }
    expect(offences).toEqual([]);
  });

  test("TC_B_15, TC_B_17, B08.FR.01, FR.03, FR.04, FR.11, FR.14: a listed variable is reported", async () => {
    charger = await new InProcessCharger().start();
    const componentVariable = [
      { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "AvailabilityState" } },
    ];
    expect((await charger.call("GetReport", { requestId: 5, componentVariable })).body).toEqual({ status: "Accepted" });
    await charger.clock.advance(50);
    expect(reports()).toMatchObject([{ requestId: 5, seqNo: 0, tbc: false, reportData: [componentVariable[0] ?? {}] }]);
  });

  test("TC_B_16, TC_B_18, B08.FR.05, FR.15: nothing found is EmptyResultSet, and no report follows", async () => {
    charger = await new InProcessCharger().start();
    const answers = await Promise.all([
      charger.call("GetReport", { requestId: 5, componentCriteria: ["Problem"] }),
      charger.call("GetReport", { requestId: 6, componentVariable: [{ component: { name: "Unknown" } }] }),
    ]);
    expect(answers.map(({ body }) => body)).toEqual([{ status: "EmptyResultSet" }, { status: "EmptyResultSet" }]);
    await charger.clock.advance(50);
    expect(reports()).toEqual([]);
  });

  test("B08.FR.06, FR.17: too many items are an OccurrenceConstraintViolation", async () => {
    charger = await new InProcessCharger(1, { "DeviceDataCtrlr.ItemsPerMessage": "1" }).start();
    const componentVariable = [{ component: { name: "EVSE" } }, { component: { name: "Connector" } }];
    const [many, one] = [
      await charger.call("GetReport", { requestId: 5, componentVariable }),
      await charger.call("GetReport", { requestId: 5, componentVariable: componentVariable.slice(0, 1) }),
    ];
    expect([many.body, one.body]).toEqual(["OccurrenceConstraintViolation", { status: "Accepted" }]);
  });

  test("B08.FR.18: a request longer than BytesPerMessage is a FormatViolation", async () => {
    charger = await new InProcessCharger().start();
    const request = (count: number) => ({
      requestId: 5,
      componentVariable: Array.from({ length: count }, () => of("OCPPCommCtrlr", "OfflineThreshold")),
    });
    expect(Buffer.byteLength(JSON.stringify(request(27)))).toBeGreaterThan(2_048);
    expect((await charger.call("GetReport", request(27))).body).toBe("FormatViolation");
    expect((await charger.call("GetReport", request(20))).body).toEqual({ status: "Accepted" });
  });

  test("B08.FR.02: a criterion that SupportedCriteria does not name is NotSupported", async () => {
    charger = await new InProcessCharger().start();
    await setVariables(of("InternalCtrlr", "SupportedCriteria", { attributeValue: "Enabled,Available" }));
    const reportOf = async (...componentCriteria: string[]) =>
      (await charger.call("GetReport", { requestId: 6, componentCriteria })).body;
    expect([await reportOf("Available", "Problem"), await reportOf("Available")]).toEqual([
      { status: "NotSupported" },
      { status: "Accepted" },
    ]);
  });

  test("B07.FR.13, B08.FR.16: so many reports wait and no more", async () => {
    charger = await new InProcessCharger().start();
    charger.react = () => "silence";
    const statuses: unknown[] = [];
    for (let requestId = 0; requestId < 12; requestId++)
      statuses.push((await charger.call("GetBaseReport", { requestId, reportBase: "SummaryInventory" })).body);
    expect(statuses.filter((body) => (body as Item).status === "Accepted")).toHaveLength(11);
    expect(statuses.at(-1)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "OutOfMemory" } });
    expect((await charger.call("GetReport", { requestId: 99 })).body).toMatchObject({ status: "Rejected" });
  });

  test("a part that the CSMS cannot use does not end the report, a lost connection does", async () => {
    charger = await new InProcessCharger(1, { "InternalCtrlr.MaxMessageSize": "8000" }).start();
    charger.react = () => ({ error: "InternalError" });
    await charger.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
    await charger.clock.advance(500);
    expect(reports().at(-1)?.tbc).toBe(false);
    const count = reports().length;
    charger.react = () => "silence";
    await charger.call("GetBaseReport", { requestId: 2, reportBase: "FullInventory" });
    charger.disconnect();
    await charger.clock.advance(500);
    expect(reports()).toHaveLength(count + 1);
  });
});
