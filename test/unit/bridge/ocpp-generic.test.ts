import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { provideOcppGeneric } from "../../../src/bridge/ocpp-generic.ts";
import type { RunningStation } from "../../../src/bridge/running-station.ts";
import type { EverestModule } from "../../../src/everest/everest-module.ts";
import { Refusal } from "../../../src/everest/served-command.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { TestDeviceModel, variable } from "../../support/device-model.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Handlers = Record<string, (args: unknown) => unknown>;
let file: TestDeviceModel;
let handlers: Handlers;
let refusals: Handlers;
let published: Record<string, unknown>[];
let running: RunningStation | undefined;
let clock: FakeClock;

const OWN = [
  {
    name: "Thing",
    variables: [
      variable("First", "1"),
      variable("Second", "2", { mutability: "ReadOnly" }),
      variable("Secret", "x", { mutability: "WriteOnly" }),
      variable("Unset", undefined),
    ],
  },
];
const of = (name: string, component = "Thing") => ({ component: { name: component }, variable: { name } });

beforeEach(() => {
  file = new TestDeviceModel();
  const deviceModel = file.open(OWN);
  published = [];
  const module = {
    configuration: { moduleName: "OCPP201" },
    provide: (_implementation: string, _interface: string, given: Handlers, negative: Handlers) => {
      handlers = given;
      refusals = negative;
    },
    publish: (_implementation: string, _interface: string, name: string, value: Record<string, unknown>) =>
      published.push({ name, ...value }),
  } as unknown as EverestModule;
  running = undefined;
  clock = new FakeClock();
  provideOcppGeneric(module, clock, silentLogger, deviceModel, () => running);
});
afterEach(() => file.dispose());

const start = () => {
  running = {
    deviceModel: file.model,
    csms: undefined as never,
    services: {
      authorization: undefined as never,
      availability: { change: () => "Scheduled" },
      tariff: { fallback: () => [] },
    },
    stop: () => true,
    restart: () => true,
    securityEvent: () => {},
  };
};
const call = (command: string, args: unknown = {}) => handlers[command]?.(args);

describe("before the station runs (BEHAVIOUR 17)", () => {
  test("every command has its regular answer", async () => {
    expect(call("stop")).toBe(false);
    expect(call("restart")).toBe(false);
    expect(call("security_event", { event: { type: "X" } })).toBeNull();
    expect(call("change_availability", { request: { operational_status: "Operative" } })).toEqual({
      status: "Rejected",
    });
    expect(call("get_variables", { requests: [{ component_variable: of("First") }] })).toMatchObject([
      { status: "Rejected" },
    ]);
    expect(
      await call("set_variables", { requests: [{ component_variable: of("First"), value: "9" }], source: "s" }),
    ).toMatchObject([{ status: "Rejected" }]);
  });

  test("a monitor that is asked for early is not forgotten, and watches what comes with the start", async () => {
    call("monitor_variables", { component_variables: [of("First"), of("power", "Late")] });
    start();
    const storage = [...file.model.allComponents()][0]?.store.storage;
    if (storage === undefined) throw new Error("no storage");
    file.model.addComponents([...OWN, { name: "Late", variables: [variable("power", "1")] }], storage, {
      source: null,
    });
    const change = (name: string, component: string) => ({ component_variable: of(name, component), value: "5" });
    await call("set_variables", { requests: [change("First", "Thing"), change("power", "Late")], source: "tester" });
    await clock.advance(0);
    expect(published).toMatchObject([
      { name: "event_data", component_variable: of("First"), actual_value: "5", event_id: 0, trigger: "Delta" },
      { name: "event_data", component_variable: of("power", "Late"), event_id: 1 },
    ]);
  });
});

describe("while it runs", () => {
  beforeEach(start);

  test("results come in the order of the requests, duplicates and all", async () => {
    const names = ["Second", "First", "Nothing", "Second", "Unset"];
    const results = call("get_variables", { requests: names.map((name) => ({ component_variable: of(name) })) });
    expect(results).toEqual(
      ["2", "1", undefined, "2", ""].map((value, index) => ({
        status: value === undefined ? "UnknownVariable" : "Accepted",
        component_variable: of(names[index] ?? ""),
        attribute_type: "Actual",
        ...(value !== undefined && { value }),
      })),
    );
    const set = await call("set_variables", {
      requests: names.map((name) => ({ component_variable: of(name), value: "7" })),
      source: "tester",
    });
    expect((set as { status: string }[]).map(({ status }) => status)).toEqual([
      "Accepted",
      "Accepted",
      "UnknownVariable",
      "Accepted",
      "Accepted",
    ]);
  });

  test("other modules may set what is read-only for the CSMS, under their own name", async () => {
    await call("set_variables", { requests: [{ component_variable: of("Second"), value: "9" }], source: "tester" });
    const second = file.model.find({ component: "Thing", variable: "Second" });
    expect(typeof second === "string" ? second : second.attributes.get("Actual")).toMatchObject({
      value: "9",
      source: "tester",
    });
  });

  test("a value that a module calls a default of the file is none, and survives the next start", async () => {
    await call("set_variables", { requests: [{ component_variable: of("First"), value: "9" }], source: "default" });
    file.reopen(OWN);
    expect(file.model.get({ component: "Thing", variable: "First" }, "Actual").value).toBe("9");
  });

  test("a secret is never read, and its change is told without it", async () => {
    call("monitor_variables", { component_variables: [of("Secret")] });
    expect(call("get_variables", { requests: [{ component_variable: of("Secret") }] })).toEqual([
      { status: "Rejected", component_variable: of("Secret"), attribute_type: "Actual" },
    ]);
    await call("set_variables", { requests: [{ component_variable: of("Secret"), value: "new" }], source: "t" });
    await clock.advance(0);
    expect(published).toMatchObject([{ actual_value: "" }]);
  });

  test("a variable that is monitored twice is told once for each change, and not when nothing changes", async () => {
    call("monitor_variables", { component_variables: [of("First"), of("FIRST")] });
    for (const value of ["5", "5", "6"])
      await call("set_variables", { requests: [{ component_variable: of("First"), value }], source: "t" });
    await clock.advance(0);
    expect(published.map(({ actual_value }) => actual_value)).toEqual(["5", "6"]);
  });

  test("incident: an unknown operational status took the station out of service for good", () => {
    const changes: unknown[] = [];
    const change = (target: unknown) => {
      changes.push(target);
      return "Accepted" as const;
    };
    if (running !== undefined) running = { ...running, services: { ...running.services, availability: { change } } };
    const request = { operational_status: "Broken" };
    expect(() => call("change_availability", { request })).toThrow(Refusal);
    expect(changes).toEqual([]);
    expect(refusals.change_availability?.({ request })).toEqual({ status: "Rejected" });
  });

  test("an attribute that nobody knows is neither read nor written, and its word does not come back", async () => {
    const requests = [
      { component_variable: of("First"), attribute_type: "Broken", value: "8" },
      { component_variable: of("Second"), attribute_type: "Actual", value: "9" },
    ];
    const unknown = { status: "NotSupportedAttributeType", component_variable: of("First") };
    expect(call("get_variables", { requests })).toEqual([unknown, expect.objectContaining({ value: "2" })]);
    expect(await call("set_variables", { requests, source: "t" })).toEqual([
      unknown,
      { status: "Accepted", component_variable: of("Second"), attribute_type: "Actual" },
    ]);
    expect(file.model.get({ component: "Thing", variable: "First" }, "Actual").value).toBe("1");
  });

  test("requests that cannot be carried out have one result each", () => {
    const requests = [{ component_variable: of("First"), value: 7 }, { component_variable: of("Second") }];
    const rejected = requests.map(({ component_variable }) => ({ status: "Rejected", component_variable }));
    expect(refusals.set_variables?.({ requests, source: "t" })).toEqual(rejected);
    expect(refusals.get_variables?.({ requests })).toEqual(rejected);
    expect(refusals.get_variables?.("text")).toEqual([]);
  });

  test("change_availability answers what the station decided", () => {
    expect(call("change_availability", { request: { operational_status: "Inoperative", evse: { id: 1 } } })).toEqual({
      status: "Scheduled",
    });
  });

  test("change_availability of what is not there says InvalidInput (CHANGES b.1)", () => {
    if (running === undefined) throw new Error("the station does not run");
    running = { ...running, services: { ...running.services, availability: { change: () => "Rejected" } } };
    expect(
      call("change_availability", { request: { operational_status: "Inoperative", evse: { id: 9 } } }),
    ).toMatchObject({ status: "Rejected", status_info: { reason_code: "InvalidInput" } });
  });
});
