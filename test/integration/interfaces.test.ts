import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { Charger } from "../support/charger.ts";

/** Every provided command and every connected module, over the real bus, on the compiled executable. */
let charger: Charger;
beforeAll(async () => {
  charger = await Charger.start({ optionalModules: true, parameters: { EnableExternalWebsocketControl: true } });
}, 30_000);
afterAll(() => charger.stop());

const call = (implementation: string, command: string, args: object | null) =>
  charger.everest.bus.call("tester", "ocpp", implementation, command, args);
const variable = (component: string, name: string) => ({ component: { name: component }, variable: { name } });
const until = async (condition: () => boolean) => {
  for (let attempt = 0; attempt < 200 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
};

test("the neighbours got their settings at the start (BEHAVIOUR 3.2)", async () => {
  const { everest } = charger;
  await until(() => everest.recorded("external_ready_to_start_charging").length === 2);
  expect(everest.recorded("set_connection_timeout")).toEqual([{ connection_timeout: 120 }]);
  expect(everest.recorded("set_master_pass_group_id")).toEqual([{ master_pass_group_id: "123" }]);
  expect(everest.recorded("enable_disable")[0]).toEqual({
    connector_id: 1,
    cmd_source: { enable_source: "CSMS", enable_state: "Enable", enable_priority: 5000 },
  });
  expect(everest.recorded("set_plug_and_charge_configuration")).toHaveLength(2);
  await until(() => everest.recorded("set_system_time").length > 0);
});

test("an EVSE manager that was restarted is told the settings of Plug and Charge again, and that it may serve", async () => {
  const { bus } = charger.everest;
  const toldOf = (command: string) => bus.recorded.filter((one) => one.command === command).map(({ module }) => module);
  const [, second] = charger.everest.evses;
  const before = toldOf("set_plug_and_charge_configuration").length;
  await second?.reportWaiting();
  await until(() => toldOf("external_ready_to_start_charging").length === 3);
  await until(() => toldOf("set_plug_and_charge_configuration").length === before + 1);
  expect(toldOf("set_plug_and_charge_configuration").at(-1)).toBe(second?.module ?? "");
  expect(toldOf("external_ready_to_start_charging").at(-1)).toBe(second?.module ?? "");
});

test("energy sinks get the limits of their EVSE", () => {
  const limits = charger.everest.recorded("set_external_limits") as {
    value: { schedule_import: { limits_to_leaves: { ac_max_current_A: { value: number; source: string } } }[] };
  }[];
  expect(limits.slice(0, 3).map(({ value }) => value.schedule_import[0]?.limits_to_leaves.ac_max_current_A)).toEqual([
    { value: 96, source: "ocpp/OCPP_set_external_limits" },
    { value: 48, source: "ocpp/OCPP_set_external_limits" },
    { value: 48, source: "ocpp/OCPP_set_external_limits" },
  ]);
});

describe("ocpp_generic (BEHAVIOUR 17)", () => {
  test("get_variables and set_variables keep the order of the request; read-only ones may be set", async () => {
    const requests = [
      { component_variable: variable("TxCtrlr", "EVConnectionTimeOut"), value: "90" },
      { component_variable: variable("Nothing", "x"), value: "1" },
      { component_variable: variable("OCPPCommCtrlr", "ActiveNetworkProfile"), value: "1" },
    ];
    const set = (await call("ocpp_generic", "set_variables", { requests, source: "tester" })) as { status: string }[];
    expect(set.map(({ status }) => status)).toEqual(["Accepted", "UnknownComponent", "Accepted"]);
    const got = (await call("ocpp_generic", "get_variables", {
      requests: [
        { component_variable: variable("SecurityCtrlr", "BasicAuthPassword") },
        { component_variable: variable("TxCtrlr", "EVConnectionTimeOut") },
      ],
    })) as { status: string; value?: string }[];
    expect(got.map(({ status, value }) => [status, value])).toEqual([
      ["Rejected", undefined],
      ["Accepted", "90"],
    ]);
    await until(() =>
      charger.everest.recorded("set_connection_timeout").some(({ connection_timeout }) => connection_timeout === 90),
    );
  });

  test("monitor_variables publishes changes as event_data", async () => {
    const events: unknown[] = [];
    await charger.everest.bus.listen("modules/ocpp/impl/ocpp_generic/var/event_data", (payload) =>
      events.push((payload as { data: { data: unknown } }).data.data),
    );
    await call("ocpp_generic", "monitor_variables", {
      component_variables: [variable("TxCtrlr", "EVConnectionTimeOut")],
    });
    await charger.csms.send("SetVariables", {
      setVariableData: [{ ...variable("TxCtrlr", "EVConnectionTimeOut"), attributeValue: "80" }],
    });
    await until(() => events.length === 1);
    expect(events[0]).toMatchObject({
      actual_value: "80",
      trigger: "Delta",
      component_variable: variable("TxCtrlr", "EVConnectionTimeOut"),
    });
  });

  test("security_event reaches the CSMS when it is critical", async () => {
    await call("ocpp_generic", "security_event", { event: { type: "TamperDetectionActivated", info: "lid" } });
    const { request } = await charger.csms.waitFor(
      "SecurityEventNotification",
      ({ type }) => type === "TamperDetectionActivated",
    );
    expect(request.techInfo).toBe("lid");
  });

  test("change_availability", async () => {
    const from = charger.csms.calls.length;
    expect(
      await call("ocpp_generic", "change_availability", {
        request: { operational_status: "Inoperative", evse: { id: 2 } },
      }),
    ).toEqual({ status: "Accepted" });
    await charger.csms.waitFor(
      "StatusNotification",
      ({ evseId, connectorStatus }) => evseId === 2 && connectorStatus === "Unavailable",
      5_000,
      from,
    );
    expect(
      await call("ocpp_generic", "change_availability", {
        request: { operational_status: "Operative", evse: { id: 2 } },
      }),
    ).toEqual({ status: "Accepted" });
    await charger.csms.waitFor(
      "StatusNotification",
      ({ evseId, connectorStatus }) => evseId === 2 && connectorStatus === "Available",
      5_000,
      from,
    );
  });
});

test("data transfer both ways (P01, P02)", async () => {
  charger.csms.on("DataTransfer", ({ data }) => ({ status: "Accepted", data: { echoed: data } }));
  expect(
    await call("data_transfer", "data_transfer", { request: { vendor_id: "v", message_id: "m", data: '{"a":1}' } }),
  ).toEqual({ status: "Accepted", data: '{"echoed":{"a":1}}' });
  expect(await charger.csms.send("DataTransfer", { vendorId: "v", data: "hello" })).toEqual({
    kind: "response",
    response: { status: "Accepted" },
  });
  expect(charger.everest.recorded("data_transfer")).toEqual([{ request: { vendor_id: "v", data: '"hello"' } }]);
});

test("remote start and stop through reservation, auth and EVSE (F01–F03)", async () => {
  const { csms, everest } = charger;
  await everest.evse(1).plugIn();
  const idToken = { idToken: "APP", type: "Central" } as const;
  expect(await csms.send("RequestStartTransaction", { evseId: 1, remoteStartId: 11, idToken })).toMatchObject({
    response: { status: "Accepted" },
  });
  const { request } = await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Started");
  expect(request).toMatchObject({ triggerReason: "RemoteStart", transactionInfo: { remoteStartId: 11 }, idToken });
  expect(everest.recorded("exists_reservation")).toEqual([{ request: { evse_id: 1, id_token: "APP" } }]);
  const { transactionId } = request.transactionInfo as { transactionId: string };
  expect(await csms.send("RequestStopTransaction", { transactionId })).toMatchObject({
    response: { status: "Accepted" },
  });
  const ended = await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
  expect(ended.request).toMatchObject({ triggerReason: "RemoteStop", transactionInfo: { stoppedReason: "Remote" } });
  await everest.evse(1).unplug();
  expect(csms.violations).toEqual([]);
});

test("faults of a module are told, and an inoperative EVSE is Faulted (G05, N07)", async () => {
  const from = charger.csms.calls.length;
  await charger.everest.evse(2).error("evse_manager/Inoperative", "Active");
  await charger.csms.waitFor("NotifyEvent", undefined, 5_000, from);
  await charger.csms.waitFor("StatusNotification", ({ connectorStatus }) => connectorStatus === "Faulted", 5_000, from);
  await charger.everest.evse(2).error("evse_manager/Inoperative", "ClearedByModule");
  await charger.csms.waitFor(
    "StatusNotification",
    ({ evseId, connectorStatus }) => evseId === 2 && connectorStatus === "Available",
    5_000,
    from,
  );
});

test("firmware and log status, then a reset through the system module", async () => {
  const { csms, everest } = charger;
  await everest.bus.variable("system", "main", "log_status", { log_status: "Uploading", request_id: 3 });
  await csms.waitFor("LogStatusNotification", ({ requestId }) => requestId === 3);
  await everest.bus.variable("system", "main", "firmware_update_status", {
    firmware_update_status: "Downloading",
    request_id: 4,
  });
  await csms.waitFor("FirmwareStatusNotification", ({ requestId }) => requestId === 4);
  await everest.bus.variable("system", "main", "firmware_update_status", {
    firmware_update_status: "DownloadFailed",
    request_id: 4,
  });
  await everest.bus.variable("system", "main", "log_status", { log_status: "Uploaded", request_id: 3 });
  expect(await csms.send("Reset", { type: "Immediate" })).toEqual({
    kind: "response",
    response: { status: "Accepted" },
  });
  await until(() => everest.recorded("reset").length === 1);
  expect(everest.recorded("reset")).toEqual([{ type: "NotSpecified", scheduled: false }]);
});
