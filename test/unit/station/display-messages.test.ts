import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DeviceModelStorage } from "../../../src/device-model/storage.ts";
import { sleep } from "../../../src/lib/clock.ts";
import { type EventInput, InProcessCharger } from "../../support/in-process-charger.ts";

const ON = {
  "DisplayMessageCtrlr.Available": "true",
  "DisplayMessageCtrlr.SupportedPriorities": "AlwaysFront,InFront,NormalCycle",
};
let charger: InProcessCharger;
/** What the display shows, by id; it may forget everything, or not answer. */
let shown: Map<number, Record<string, unknown>>;
let silent: boolean;

const answerUnlessSilent =
  <Result>(answer: () => Result) =>
  async (): Promise<Result> => {
    if (!silent) return answer();
    await sleep(charger.clock, 8_000);
    throw new Error("no answer within 8 s");
  };

async function start(variables: Readonly<Record<string, string>> = {}): Promise<void> {
  charger = new InProcessCharger(1, { ...ON, ...variables });
  charger.hardwareAnswers.setMessage = (message) =>
    answerUnlessSilent(() => {
      const info = message as Record<string, unknown>;
      shown.set(info.id as number, info);
      return { status: "Accepted" };
    })();
  charger.hardwareAnswers.clearMessage = (id) => answerUnlessSilent(() => void shown.delete(id as number))();
  charger.hardwareAnswers.keptMessages = () => answerUnlessSilent(() => [...shown.values()])();
  await charger.start();
  await charger.clock.advance(100);
}

beforeEach(() => {
  shown = new Map();
  silent = false;
});
afterEach(() => charger.dispose());

const message = (id: number, more: Readonly<Record<string, unknown>> = {}) => ({
  id,
  priority: "NormalCycle",
  message: { format: "UTF8", language: "en", content: `message ${id}` },
  ...more,
});
const set = async (id: number, more: Readonly<Record<string, unknown>> = {}) =>
  (await charger.call("SetDisplayMessage", { message: message(id, more) })).body as { status: string };
const clear = async (id: number) => (await charger.call("ClearDisplayMessage", { id })).body;
/** Ids that the CSMS is told, or the status. */
async function get(wanted: Readonly<Record<string, unknown>> = {}): Promise<readonly number[] | string> {
  const from = charger.calls.length;
  const { status } = (await charger.call("GetDisplayMessages", { requestId: 7, ...wanted })).body as { status: string };
  await charger.clock.advance(100);
  const told = charger.calls.slice(from).filter(({ action }) => action === "NotifyDisplayMessages");
  if (status === "Unknown") return status;
  return told.flatMap(({ payload }) => (payload.messageInfo as { id: number }[]).map(({ id }) => id));
}
const in_ = (seconds: number) => new Date(charger.clock.now().getTime() + seconds * 1000).toISOString();
const happen = async (event: EventInput) => {
  charger.event(1, event);
  await charger.clock.advance(200);
};
async function charge(): Promise<string> {
  await happen({ kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
  await happen({
    kind: "TransactionStarted",
    sessionId: "s1",
    token: { idToken: { idToken: "CARD", type: "ISO14443" }, remote: false },
  });
  await happen({ kind: "ChargingStarted", sessionId: "s1" });
  return charger.model.evse(1)?.transaction?.transactionId ?? "";
}
async function unplug(): Promise<void> {
  await happen({ kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
  await happen({ kind: "SessionFinished", sessionId: "s1" });
}

describe("what cannot be shown is refused with its status, and the display does not hear of it", () => {
  test.each([
    ["the priority (O01.FR.01, O02.FR.03)", { priority: "InFront" }, "NotSupportedPriority"],
    [
      "the format (O01.FR.03, O02.FR.05)",
      { message: { format: "HTML", content: "<b>x</b>" } },
      "NotSupportedMessageFormat",
    ],
    ["the state (O01.FR.02, O02.FR.04)", { state: "Faulted" }, "NotSupportedState"],
    ["the transaction (O02.FR.01)", { transactionId: "nobody" }, "UnknownTransaction"],
    ["a display that is not there (O01.FR.22)", { display: { name: "Display", instance: "roof" } }, "Rejected"],
    ["a component that is no display (O01.FR.22)", { display: { name: "EVSE", evse: { id: 1 } } }, "Rejected"],
    ["an end that is past", { endDateTime: "2020-01-01T00:00:00Z" }, "Rejected"],
    [
      "an end before the start",
      { startDateTime: "2090-01-02T00:00:00Z", endDateTime: "2090-01-01T00:00:00Z" },
      "Rejected",
    ],
    ["a negative id", { id: -1 }, "Rejected"],
  ])("%s", async (_what, more, status) => {
    await start({
      "DisplayMessageCtrlr.SupportedPriorities": "NormalCycle,AlwaysFront",
      "DisplayMessageCtrlr.SupportedFormats": "UTF8,ASCII",
      "DisplayMessageCtrlr.SupportedStates": "Charging,Idle",
    });
    expect((await set(1, more)).status).toBe(status);
    expect(shown.size).toBe(0);
    expect(await get()).toBe("Unknown");
  });

  test("no display is connected, or it is said to be none", async () => {
    charger = new InProcessCharger(1, ON);
    charger.hasDisplay = false;
    await charger.start();
    expect(await set(1)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "UnsupportedRequest" } });
    expect(await get()).toBe("Unknown");
    expect(await clear(1)).toEqual({ status: "Unknown" });
    charger.dispose();
    await start({ "DisplayMessageCtrlr.Available": "false" });
    expect((await set(1)).status).toBe("Rejected");
    expect(await get()).toBe("Unknown");
  });

  test("the display's own refusal is handed on with its words", async () => {
    await start();
    charger.hardwareAnswers.setMessage = () => ({ status: "NotSupportedState", info: "x".repeat(600) });
    expect(await set(1)).toEqual({
      status: "NotSupportedState",
      statusInfo: { reasonCode: "Unspecified", additionalInfo: "x".repeat(512) },
    } as never);
    expect(await get()).toBe("Unknown");
  });
});

describe("which messages there are", () => {
  test("all, by id, by priority, by state and by all of them (O03.FR.01, O04.FR.01–03, FR.07)", async () => {
    await start();
    expect(await get()).toBe("Unknown"); // O03.FR.06
    await set(1);
    await set(2, { priority: "InFront", state: "Idle" });
    await set(3, { priority: "InFront", state: "Charging" });
    expect(await get()).toEqual([1, 2, 3]);
    expect(await get({ id: [3, 1, 99] })).toEqual([1, 3]);
    expect(await get({ priority: "InFront" })).toEqual([2, 3]);
    expect(await get({ state: "Idle" })).toEqual([2]);
    expect(await get({ id: [3], priority: "InFront", state: "Charging" })).toEqual([3]);
    expect(await get({ id: [1], priority: "InFront" })).toBe("Unknown");
  });

  test("as they were set, with everything that came along (O03.FR.02)", async () => {
    await start();
    const content = "😀שלום".repeat(85);
    const more = {
      state: "Idle",
      startDateTime: in_(60),
      endDateTime: in_(600),
      message: { format: "UTF8", language: "he", content },
    };
    expect(await set(2 ** 31 - 1, more)).toEqual({ status: "Accepted" });
    await get();
    expect(charger.callsOf("NotifyDisplayMessages")).toEqual([
      { requestId: 7, tbc: false, messageInfo: [message(2 ** 31 - 1, more)] },
    ]);
    expect(shown.get(2 ** 31 - 1)).toEqual(message(2 ** 31 - 1, more));
  });

  test("in parts, all but the last to be continued (O03.FR.03–05, O04.FR.04–06)", async () => {
    await start();
    const ids = Array.from({ length: 70 }, (_, index) => index);
    for (const id of ids) await set(id, { message: { format: "UTF8", content: "x".repeat(512) } });
    expect(await get()).toEqual(ids);
    const parts = charger.callsOf("NotifyDisplayMessages");
    expect(parts.map(({ requestId, tbc }) => [requestId, tbc])).toEqual([
      ...parts.slice(1).map(() => [7, true]),
      [7, false],
    ]);
    expect(parts.length).toBeGreaterThan(1);
    for (const part of parts) expect(JSON.stringify(part).length).toBeLessThan(32_000);
  });

  test("no more than fit; what replaces another one needs no room (O01.FR.11, O02.FR.11, O06.FR.01)", async () => {
    await start();
    charger.deviceModel.describe(
      { component: "DisplayMessageCtrlr", variable: "DisplayMessages", kind: "number" } as never,
      {
        maxLimit: 2,
      },
    );
    await set(1);
    await set(2, { priority: "AlwaysFront" });
    expect(await set(3)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "TooManyElements" } });
    expect(await set(1, { state: "Idle" })).toEqual({ status: "Accepted" });
    expect(shown.get(1)).toEqual(message(1, { state: "Idle" }));
    expect(await set(4, { priority: "AlwaysFront" })).toEqual({ status: "Accepted" });
    expect(await get()).toEqual([1, 4]);
    const number = await charger.call("GetVariables", {
      getVariableData: [{ component: { name: "DisplayMessageCtrlr" }, variable: { name: "DisplayMessages" } }],
    });
    expect(number.body).toMatchObject({ getVariableResult: [{ attributeValue: "2" }] });
  });

  test("a second one that is always in front takes the place of the first (O01.FR.15, FR.16, O02.FR.17, FR.18)", async () => {
    await start();
    await set(1, { priority: "AlwaysFront" });
    await set(2, { priority: "AlwaysFront" });
    await charger.clock.advance(100);
    expect([...shown.keys()]).toEqual([2]);
    expect(await get({ id: [1] })).toBe("Unknown");
  });

  test("cleared ones are gone, unknown ones stay unknown (O05.FR.01, FR.02)", async () => {
    await start();
    await set(1);
    expect(await clear(2)).toEqual({ status: "Unknown" });
    expect(await clear(1)).toEqual({ status: "Accepted" });
    expect(await clear(1)).toEqual({ status: "Unknown" });
    expect(shown.size).toBe(0);
  });
});

describe("until when", () => {
  test("a message is removed at its end, to the second, and not before (O01.FR.07, O02.FR.07)", async () => {
    await start();
    await set(1, { endDateTime: in_(90) });
    await set(2);
    await charger.clock.advance(89_000);
    expect([...shown.keys()]).toEqual([1, 2]);
    await charger.clock.advance(1_100);
    expect([...shown.keys()]).toEqual([2]);
    expect(await get()).toEqual([2]);
  });

  test("an end that passed while the power was off (O01.FR.07)", async () => {
    await start();
    await set(1, { endDateTime: in_(90) });
    charger.crash();
    await charger.clock.advance(3_600_000);
    await charger.start();
    await charger.clock.advance(1_000);
    expect(shown.size).toBe(0);
    expect(await get()).toBe("Unknown");
  });

  test("with its transaction, and only with that one (O02.FR.02)", async () => {
    await start();
    const transactionId = await charge();
    expect(await set(1, { transactionId })).toEqual({ status: "Accepted" });
    await set(2);
    expect([...shown.keys()]).toEqual([1, 2]);
    await unplug();
    expect([...shown.keys()]).toEqual([2]);
    expect(await get()).toEqual([2]);
    expect((await set(3, { transactionId })).status).toBe("UnknownTransaction");
  });
});

describe("over restarts (O01.FR.10, O02.FR.10)", () => {
  test("a display that forgets is told again, in the order in which the messages came", async () => {
    await start();
    for (const id of [3, 1, 2]) await set(id);
    charger.crash();
    shown.clear();
    await charger.start();
    await charger.clock.advance(1_000);
    expect([...shown.keys()]).toEqual([3, 1, 2]);
    expect(await get()).toEqual([3, 1, 2]);
  });

  test("a display that keeps them is left alone, and what the program before has set there is known", async () => {
    await start();
    await set(1);
    charger.crash();
    shown.set(9, message(9));
    charger.hardwareCalls.length = 0;
    await charger.start();
    await charger.clock.advance(1_000);
    expect(charger.hardwareCalls.filter(({ name }) => name === "setMessage")).toEqual([]);
    expect(await get()).toEqual([1, 9]);
    expect(await clear(9)).toEqual({ status: "Accepted" });
    expect([...shown.keys()]).toEqual([1]);
  });

  test("a display that does not answer at the start gets its messages when it does", async () => {
    await start();
    await set(1);
    charger.crash();
    shown.clear();
    silent = true;
    await charger.start();
    await charger.clock.advance(100_000);
    expect(shown.size).toBe(0);
    silent = false;
    await charger.clock.advance(70_000);
    expect([...shown.keys()]).toEqual([1]);
  });
});

describe("a display that answers late or never", () => {
  const send = async (id: string, action: string, payload: unknown, milliseconds: number) => {
    charger.sendText(JSON.stringify([2, id, action, payload]));
    await charger.clock.advance(milliseconds);
    return charger.answers.find(({ messageId }) => messageId === id)?.body;
  };

  test("a message is refused in time, and taken off again in case it came up", async () => {
    await start();
    silent = true;
    expect(await send("a", "SetDisplayMessage", { message: message(1) }, 9_000)).toMatchObject({ status: "Rejected" });
    shown.set(1, message(1));
    silent = false;
    expect(await get()).toBe("Unknown");
    await charger.clock.advance(70_000);
    expect(shown.size).toBe(0);
  });

  test("one that was to be replaced stays as it was", async () => {
    await start();
    await set(1);
    silent = true;
    expect(await send("a", "SetDisplayMessage", { message: message(1, { state: "Idle" }) }, 9_000)).toMatchObject({
      status: "Rejected",
    });
    shown.set(1, message(1, { state: "Idle" }));
    silent = false;
    await charger.clock.advance(70_000);
    expect(shown.get(1)).toEqual(message(1));
    expect(await get()).toEqual([1]);
  });

  test("what is cleared is gone for the CSMS at once and from the display as soon as it answers, over a restart too", async () => {
    await start();
    await set(1);
    silent = true;
    expect(await send("a", "ClearDisplayMessage", { id: 1 }, 9_000)).toEqual({ status: "Accepted" });
    charger.crash();
    await charger.start();
    silent = false;
    await charger.clock.advance(70_000);
    expect(shown.size).toBe(0);
  });

  test("no CALL waits longer than 25 s for it, nor other CALLs at all", async () => {
    await start();
    await set(1);
    charger.crash();
    shown.clear();
    silent = true;
    await charger.start();
    await charger.clock.advance(9_000);
    charger.sendText(JSON.stringify([2, "set", "SetDisplayMessage", { message: message(2) }]));
    expect(await send("other", "GetLocalListVersion", {}, 1_200)).toEqual({ versionNumber: 0 });
    await charger.clock.advance(24_000);
    expect(charger.answers.some(({ messageId }) => messageId === "set")).toBe(true);
  });
});

describe("a full disk", () => {
  const fill = (isFull: boolean) => charger.core.database.run(`PRAGMA query_only = ${isFull ? "ON" : "OFF"}`);

  test("what cannot be stored is not Accepted, and not shown either", async () => {
    await start();
    await set(1);
    fill(true);
    expect(await set(2)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "OutOfStorage" } });
    expect((await set(1, { state: "Idle" })).status).toBe("Rejected");
    await charger.clock.advance(1_000);
    expect([...shown]).toEqual([[1, message(1)]]);
    expect((await charger.call("ClearDisplayMessage", { id: 1 })).kind).toBe("error");
    expect([...shown.keys()]).toEqual([1]);
    fill(false);
    expect(await clear(1)).toEqual({ status: "Accepted" });
  });

  test("an end or a silent display stops nothing", async () => {
    await start();
    await set(1, { endDateTime: in_(30) });
    await set(2);
    fill(true);
    await charger.clock.advance(31_000);
    expect(await get()).toEqual([2]);
    silent = true;
    charger.sendText(JSON.stringify([2, "s", "SetDisplayMessage", { message: message(3) }]));
    await charger.clock.advance(20_000);
    expect(charger.answers.find(({ messageId }) => messageId === "s")?.body).toMatchObject({ status: "Rejected" });
    silent = false;
    fill(false);
    await charger.clock.advance(70_000);
    expect([...shown.keys()]).toEqual([2]);
  });
});

describe("DisplayMessageCtrlr.Enabled", () => {
  const enable = (attributeValue: string) =>
    charger.call("SetVariables", {
      setVariableData: [{ component: { name: "DisplayMessageCtrlr" }, variable: { name: "Enabled" }, attributeValue }],
    });

  test("false takes the messages off the display, true puts them back", async () => {
    await start();
    await set(1);
    await enable("false");
    await charger.clock.advance(100);
    expect(shown.size).toBe(0);
    expect(await set(2)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } });
    expect(await get()).toEqual([1]);
    await enable("true");
    await charger.clock.advance(100);
    expect([...shown.keys()]).toEqual([1]);
  });
});

describe("which display (errata 2.56)", () => {
  const onDisplay = (display: Readonly<Record<string, unknown>>) => ({ display: { name: "Display", ...display } });

  test("the main one without a word, and the one that is meant if it is that one (O01.FR.20, FR.23)", async () => {
    await start();
    const { clock, directory, context } = charger;
    charger.deviceModel.addComponents(
      [
        { name: "Display", variables: [] },
        { name: "Display", instance: "roof", variables: [] },
      ],
      new DeviceModelStorage({ path: join(directory, "displays.db"), clock, logger: context.logger }),
      { source: "EVEREST" },
    );
    expect((await set(1)).status).toBe("Accepted");
    expect((await set(2, onDisplay({}))).status).toBe("Accepted");
    expect(await set(3, onDisplay({ instance: "roof" }))).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "UnsupportedRequest" },
    });
    expect([...shown.keys()]).toEqual([1, 2]);
  });
});
