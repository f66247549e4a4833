/** OCA certification test cases of block O and one for each requirement of I that is the station's, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import type { MessageContentType, MessageInfoType } from "../../src/ocpp/v201/index.ts";
import { type Facts, onCharger, type TestSystem, type TestSystemOptions } from "../support/test-system.ts";

const WITH_DISPLAY: TestSystemOptions = {
  optionalModules: true,
  patch: {
    DisplayMessageCtrlr: { Available: true, SupportedPriorities: "AlwaysFront,InFront,NormalCycle" },
  },
};

const message = (id: number, more: Partial<MessageInfoType> = {}): MessageInfoType => ({
  id,
  priority: "NormalCycle",
  message: { format: "UTF8", content: `message ${id} 😀 שלום`, language: "en" },
  ...more,
});
const shown = (system: TestSystem) => [...system.charger.everest.display.messages.keys()];
const set = (system: TestSystem, id: number, more: Partial<MessageInfoType> = {}, status = "Accepted") =>
  system.send("SetDisplayMessage", { message: message(id, more) }, { status });
const soon = (seconds: number) => new Date(Date.now() + seconds * 1000).toISOString();
const until = async (holds: () => boolean) => {
  for (let attempt = 0; attempt < 250 && !holds(); attempt++) await Bun.sleep(20);
  expect(holds()).toBe(true);
};

/** The messages that the CSMS is told; none when the status is Unknown. */
async function get(
  system: TestSystem,
  wanted: Partial<{ id: number[]; priority: MessageInfoType["priority"]; state: MessageInfoType["state"] }>,
): Promise<readonly MessageInfoType[]> {
  system.skip();
  const { status } = await system.send("GetDisplayMessages", { requestId: 12, ...wanted } as never);
  if (status === "Unknown") return [];
  const told: MessageInfoType[] = [];
  for (;;) {
    const part = await system.receive("NotifyDisplayMessages", { requestId: 12 });
    told.push(...(part.messageInfo as MessageInfoType[]));
    if (part.tbc !== true) return told;
  }
}
const ids = async (...args: Parameters<typeof get>) => (await get(...args)).map(({ id }) => id);

describe("display messages", () => {
  test("TC_O_01_CS, TC_O_02_CS, TC_O_04_CS to TC_O_12_CS set, get, clear, replace", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      expect(await ids(system, {})).toEqual([]); // TC_O_03_CS
      await system.send("ClearDisplayMessage", { id: 1 }, { status: "Unknown" }); // TC_O_05_CS
      await set(system, 1);
      await set(system, 2, { priority: "InFront", state: "Idle" });
      expect(shown(system)).toEqual([1, 2]);
      expect(await get(system, {})).toEqual([message(1), message(2, { priority: "InFront", state: "Idle" })]);
      expect(await ids(system, { id: [2] })).toEqual([2]);
      expect(await ids(system, { priority: "InFront" })).toEqual([2]);
      expect(await ids(system, { state: "Idle" })).toEqual([2]);
      expect(await ids(system, { id: [1], state: "Idle" })).toEqual([]);
      expect(await ids(system, { id: [77] })).toEqual([]);
      const other: MessageContentType = { format: "ASCII", content: "another one" };
      await set(system, 1, { message: other }); // TC_O_12_CS
      expect(await get(system, { id: [1] })).toEqual([message(1, { message: other })]);
      await system.send("ClearDisplayMessage", { id: 1 }, { status: "Accepted" });
      expect(shown(system)).toEqual([2]);
      expect(await ids(system, {})).toEqual([2]);
    }));

  test("TC_O_13_CS, TC_O_14_CS start and end time", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      const [startDateTime, endDateTime] = [soon(1), soon(2)];
      await set(system, 1, { startDateTime, endDateTime });
      expect(await get(system, { id: [1] })).toEqual([message(1, { startDateTime, endDateTime })]);
      expect(system.charger.everest.display.messages.get(1)).toMatchObject({
        timestamp_from: startDateTime,
        timestamp_to: endDateTime,
      });
      await until(() => shown(system).length === 0);
      expect(await ids(system, { id: [1] })).toEqual([]);
    }));

  test("TC_O_17_CS, TC_O_18_CS, TC_O_19_CS, TC_O_26_CS refused priority, state and format", () =>
    onCharger(
      {
        optionalModules: true,
        patch: { DisplayMessageCtrlr: { Available: true, SupportedPriorities: "InFront", SupportedStates: "Idle" } },
      },
      async (system) => {
        await set(system, 1, {}, "NotSupportedPriority");
        await set(system, 1, { priority: "InFront", state: "Faulted" }, "NotSupportedState");
        const html: MessageContentType = { format: "HTML", content: "<b>x</b>" };
        await set(system, 1, { priority: "InFront", message: html }, "NotSupportedMessageFormat");
        await set(system, 1, { priority: "InFront", transactionId: "unknown" }, "UnknownTransaction");
        expect(shown(system)).toEqual([]);
      },
    ));

  test("TC_O_20_CS, TC_O_22_CS, TC_O_24_CS in front, always in front, and the second of these (O01.FR.13, FR.15, FR.16)", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      await set(system, 1, { priority: "InFront" });
      await set(system, 2, { priority: "AlwaysFront" });
      await set(system, 3, { priority: "AlwaysFront" });
      await until(() => !shown(system).includes(2));
      expect(shown(system)).toEqual([1, 3]);
      expect(await ids(system, { id: [2] })).toEqual([]);
      expect(await ids(system, { id: [3] })).toEqual([3]);
    }));

  test("TC_O_27_CS, TC_O_28_CS, TC_O_30_CS, TC_O_32_CS of a transaction: until its own end or until that of the transaction", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      await system.charge();
      const { transactionId } = system;
      await set(system, 1, { transactionId, priority: "AlwaysFront" });
      await set(system, 2, { transactionId, priority: "AlwaysFront" });
      await set(system, 3, { transactionId, endDateTime: soon(1) });
      await until(() => shown(system).join() === "2");
      expect(await ids(system, { id: [1] })).toEqual([]);
      expect(await ids(system, { id: [2] })).toEqual([2]);
      system.skip();
      await system.stopAuthorizedLocally();
      await system.evDisconnected();
      await until(() => shown(system).length === 0);
      expect(await ids(system, { id: [2] })).toEqual([]);
    }));

  test("TC_O_34_CS to TC_O_39_CS states, which the display is told", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      for (const [id, state] of (["Charging", "Faulted", "Idle", "Unavailable"] as const).entries()) {
        await set(system, id, { state });
        expect(system.charger.everest.display.messages.get(id)).toMatchObject({ state });
        expect(await ids(system, { state })).toEqual([id]);
      }
    }));

  test("O01.FR.10, O02.FR.10: over a power cut, also where the display has forgotten everything", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      for (const id of [9, 4]) await set(system, id);
      await system.charger.end("SIGKILL");
      system.charger.everest.display.messages.clear();
      await system.charger.startStation();
      await until(() => shown(system).length === 2);
      expect(shown(system)).toEqual([9, 4]);
      expect(await ids(system, {})).toEqual([9, 4]);
    }));

  test("O01.FR.11, O02.FR.11: one message too many, and how many there are", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      for (let id = 0; id < 100; id++) await set(system, id);
      await set(system, 100, {}, "Rejected");
      expect(await system.getVariable("DisplayMessageCtrlr", "DisplayMessages")).toBe("100");
      expect((await ids(system, {})).length).toBe(100);
    }));

  test("O01.FR.20–23 the display that there is, and one that is not", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      expect(await system.getVariable("Display", "Available")).toBe("true");
      await set(system, 1, { display: { name: "Display" } });
      await set(system, 2, { display: { name: "Display", instance: "second" } }, "Rejected");
      expect(await get(system, {})).toEqual([message(1, { display: { name: "Display" } })]);
      await system.send("GetBaseReport", { requestId: 1, reportBase: "FullInventory" }, { status: "Accepted" });
      const told: string[] = [];
      for (let more = true; more; ) {
        const part = await system.receive("NotifyReport");
        told.push(...(part.reportData as { component: { name: string } }[]).map(({ component }) => component.name));
        more = part.tbc === true;
      }
      expect(told).toContain("Display");
    }));

  test("no display: Rejected, Unknown, Unknown", () =>
    onCharger({ patch: { DisplayMessageCtrlr: { Available: true } } }, async (system) => {
      await set(system, 1, {}, "Rejected");
      expect(await ids(system, {})).toEqual([]);
      await system.send("ClearDisplayMessage", { id: 1 }, { status: "Unknown" });
    }));

  test("bad input: an unknown format, a text of 513 characters, an id beyond 32 bits", () =>
    onCharger(WITH_DISPLAY, async (system) => {
      const content = "x".repeat(513);
      const format = { message: { ...message(1), message: { format: "QRCODE", content: "x" } } };
      await system.sendForError("SetDisplayMessage", format, "PropertyConstraintViolation");
      const long = { message: { ...message(1), message: { format: "UTF8", content } } };
      await system.sendForError("SetDisplayMessage", long, "PropertyConstraintViolation");
      await system.sendForError("SetDisplayMessage", { message: message(2 ** 31) }, "TypeConstraintViolation");
      await set(system, 2 ** 31 - 1, { message: { format: "UTF8", content: "😀".repeat(512), language: "tlh" } });
      expect(shown(system)).toEqual([2 ** 31 - 1]);
    }));
});

const WITH_COST: TestSystemOptions = {
  txStopPoint: "EVConnected,Authorized",
  patch: {
    TariffCostCtrlr: {
      Available: true,
      Enabled: true,
      NumberOfDecimalsForCostValues: 2,
      TariffFallbackMessage: "0.30 per kWh",
      OfflineTariffFallbackMessage: "0.35 per kWh",
      TotalCostFallbackMessage: "ask your provider",
    },
  },
};

async function heardBy(system: TestSystem): Promise<Record<string, Facts[]>> {
  const heard: Record<string, Facts[]> = { session_cost: [], tariff_message: [], default_price: [] };
  for (const [name, values] of Object.entries(heard))
    await system.charger.everest.bus.listen(`modules/ocpp/impl/session_cost/var/${name}`, (payload) =>
      values.push((payload as { data: { data: Facts } }).data.data),
    );
  return heard;
}

describe("tariff and cost", () => {
  test("I01.FR.03 the driver's own tariff, I04.FR.01 the configured one", () =>
    onCharger(WITH_COST, async (system) => {
      const heard = await heardBy(system);
      await system.charger.everest.presentToken({ value: "CARD", type: "ISO14443" });
      await until(() => heard.tariff_message?.length === 1);
      expect(heard.tariff_message?.[0]).toMatchObject({
        identifier_id: "CARD",
        identifier_type: "IdToken",
        messages: [{ content: "0.30 per kWh" }, {}, {}, {}],
      });
      const personalMessage: MessageContentType = { format: "UTF8", content: "yours: 0.20 per kWh" };
      system.answerTokensWith({ status: "Accepted", personalMessage });
      await system.charger.everest.presentToken({ value: "OTHER", type: "ISO14443" }, 2);
      await until(() => heard.tariff_message?.length === 2);
      expect(heard.tariff_message?.[1]).toMatchObject({ messages: [{ content: "yours: 0.20 per kWh" }] });
    }));

  test("I02.FR.02–04, I03.FR.01, FR.03, FR.04, I06.FR.03 cost and tariff while it runs and at the end", () =>
    onCharger(WITH_COST, async (system) => {
      const heard = await heardBy(system);
      const updatedPersonalMessage: MessageContentType = { format: "UTF8", content: "now 0.32 per kWh" };
      system.charger.csms.on("TransactionEvent", ({ eventType }) =>
        eventType === "Ended"
          ? { totalCost: 4.35 }
          : eventType === "Started"
            ? { totalCost: 0 }
            : { updatedPersonalMessage },
      );
      await system.charge();
      await until(() => heard.tariff_message?.at(-1)?.ocpp_transaction_id === system.transactionId);
      expect(heard.tariff_message?.at(-1)).toMatchObject({ messages: [{ content: "now 0.32 per kWh" }] });
      await system.send("CostUpdated", { transactionId: system.transactionId, totalCost: 8.61 }, {});
      await system.stopAuthorizedLocally();
      await until(() => heard.session_cost?.at(-1)?.status === "Finished");
      const told = heard.session_cost?.map(({ status, currency, cost_chunks }) => [
        status,
        currency,
        (cost_chunks as { cost: unknown }[])[0]?.cost,
      ]);
      const currency = { code: "EUR", decimals: 2 };
      expect(told).toEqual([
        ["Running", currency, { value: 0 }],
        ["Running", currency, { value: 861 }],
        ["Finished", currency, { value: 435 }],
      ]);
    }));

  test("I05.FR.02 the total of a transaction that ends offline", () =>
    onCharger(WITH_COST, async (system) => {
      const heard = await heardBy(system);
      system.charger.csms.on("TransactionEvent", ({ eventType }) => (eventType === "Ended" ? { totalCost: 4.35 } : {}));
      await system.charge();
      system.charger.csms.refuseWith = 503;
      system.charger.csms.drop();
      await until(() => heard.default_price?.length === 1);
      expect(heard.default_price?.[0]).toMatchObject({ messages: [{ content: "0.35 per kWh" }] });
      await system.charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" });
      const fallback = () => heard.tariff_message?.find(({ identifier_type }) => identifier_type === "TransactionId");
      await until(() => fallback() !== undefined);
      expect(fallback()).toMatchObject({
        identifier_id: system.transactionId,
        messages: [{ content: "ask your provider" }, {}],
      });
      system.charger.csms.refuseWith = undefined;
      await system.receive("TransactionEvent", { eventType: "Ended", offline: true }, 20_000);
      await Bun.sleep(300);
      expect(heard.session_cost).toEqual([]);
    }));
});
