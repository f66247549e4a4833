import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import * as v from "valibot";
import { reached, sideOf } from "../../../src/station/i-tariff-and-cost/meter-value-triggers.ts";
import type { ChargingPrice } from "../../../src/station/ports.ts";
import { defaultAnswer, type Payload } from "../../support/in-process-charger.ts";
import { energy, Rig } from "./transactions/support.ts";

const ON = {
  "TariffCostCtrlr.Available": "true",
  "TariffCostCtrlr.Enabled": "true",
  "TariffCostCtrlr.Currency": "EUR",
  "TariffCostCtrlr.NumberOfDecimalsForCostValues": "2",
  "CustomizationCtrlr.CustomImplementationEnabled": "true",
  "DisplayMessageCtrlr.QRCodeDisplayCapable": "true",
  "TxCtrlr.TxStopPoint": "EVConnected,Authorized",
};
const NO_TEXTS = {
  "TariffCostCtrlr.TariffFallbackMessage": "",
  "TariffCostCtrlr.OfflineTariffFallbackMessage": "",
  "TariffCostCtrlr.TotalCostFallbackMessage": "",
};
let rig: Rig;
let answerOf: (event: Payload) => Payload;
beforeEach(() => {
  answerOf = () => ({});
});
afterEach(() => rig.charger.dispose());

async function start(variables: Readonly<Record<string, string>> = {}): Promise<void> {
  rig = await Rig.start({ ...ON, ...NO_TEXTS, ...variables });
  rig.charger.react = ({ action, payload }) => ({
    answer: action === "TransactionEvent" ? answerOf(payload) : defaultAnswer(action, rig.charger.clock),
  });
}
const text = (content: string, language = "en") => ({ format: "UTF8", language, content });
const charge = async () => {
  await rig
    .reading([energy(1_000)])
    .plug()
    .begin()
    .pass();
};
const stop = async () => {
  await rig.finish("Local").pass();
  await rig.unplug().pass();
};
const costs = () => rig.commands("sessionCost").map(([cost]) => cost as Record<string, unknown>);
const texts = () => rig.commands("tariffMessage").map(([, messages]) => messages);
const prices = () => rig.commands("defaultPrice").map(([messages]) => messages);
const update = async (more: Payload = {}) =>
  (await rig.charger.call("CostUpdated", { transactionId: "s", totalCost: 1.5, ...more })).body;
const set = (variable: string, attributeValue: string, instance?: string) =>
  rig.charger.call("SetVariables", {
    setVariableData: [
      {
        component: { name: "TariffCostCtrlr" },
        variable: { name: variable, ...(instance !== undefined && { instance }) },
        attributeValue,
      },
    ],
  });

describe("running cost", () => {
  test("CostUpdated is answered and shown (I02.FR.02, FR.03)", async () => {
    await start();
    await charge();
    expect(await update()).toEqual({});
    expect(costs()).toEqual([{ transactionId: "s", currency: "EUR", decimals: 2, status: "Running", totalCost: 1.5 }]);
  });

  test("CostUpdated without the function is answered and not shown; a huge, a negative one and one for nobody do no harm", async () => {
    await start();
    for (const totalCost of [-1, 1e300, 0]) expect(await update({ totalCost, transactionId: "nobody" })).toEqual({});
    expect(costs().map(({ totalCost }) => totalCost)).toEqual([-1, 1e300, 0]);
    await set("Enabled", "false", "Cost");
    expect(await update()).toEqual({});
    expect(costs().length).toBe(3);
  });

  test("a total in the answer to an event is shown (I02.FR.04); 0 is free, no total says nothing (I03.FR.04)", async () => {
    await start();
    answerOf = ({ seqNo }) => (seqNo === 0 ? { totalCost: 0 } : {});
    await charge();
    await rig.charge().pass();
    expect(costs()).toMatchObject([{ status: "Running", totalCost: 0, energyWattHours: 1_000 }]);
  });

  test("the answer to an event that waited while offline tells no running cost of a transaction that is over", async () => {
    await start();
    rig.charger.reachable = false;
    rig.charger.disconnect();
    await charge();
    await stop();
    answerOf = () => ({ totalCost: 2, updatedPersonalMessage: text("late") });
    rig.charger.reachable = true;
    await rig.pass(200_000);
    expect(rig.events.at(-1)?.eventType).toBe("Ended");
    expect(costs()).toEqual([]);
    expect(texts()).toEqual([]);
  });
});

describe("total at the end", () => {
  const total = ({ eventType }: Payload): Payload => (eventType === "Ended" ? { totalCost: 4.35 } : {});

  test("shown when the station was online (I03.FR.01, FR.03)", async () => {
    await start();
    answerOf = total;
    await charge();
    await stop();
    expect(costs()).toMatchObject([{ status: "Finished", totalCost: 4.35, transactionId: "s" }]);
  });

  test("not shown where the driver must have left for the transaction to end (I03.FR.05)", async () => {
    for (const [points, shown] of [
      ["ParkingBayOccupancy", 0],
      ["ParkingBayOccupancy,EVConnected,Authorized", 1],
    ] as const) {
      await start({ "TxCtrlr.TxStopPoint": points });
      answerOf = total;
      await charge();
      await stop();
      expect([points, costs().length]).toEqual([points, shown]);
      if (shown === 0) rig.charger.dispose();
    }
  });

  test("the configured text when it ends offline, and no total later (I05.FR.02)", async () => {
    await start();
    await set("TotalCostFallbackMessage", "ask your provider");
    await set("TotalCostFallbackMessage", "ask them", "en-US");
    answerOf = total;
    await charge();
    rig.charger.reachable = false;
    rig.charger.disconnect();
    await stop();
    expect(texts()).toEqual([[{ format: "UTF8", content: "ask your provider" }, text("ask them", "en-US")]]);
    rig.charger.reachable = true;
    await rig.pass(200_000);
    expect(rig.events.at(-1)?.eventType).toBe("Ended");
    expect(costs()).toEqual([]);
  });

  test("the configured text when the connection is lost before the total comes, or it never comes", async () => {
    await start();
    await set("TotalCostFallbackMessage", "ask your provider");
    await charge();
    rig.charger.react = () => "silence";
    await stop();
    expect(texts()).toEqual([]);
    rig.charger.disconnect();
    await rig.pass(10);
    expect(texts().length).toBe(1);
  });

  test("the configured text when the last answer has no total", async () => {
    await start();
    await set("TotalCostFallbackMessage", "ask your provider");
    await charge();
    await stop();
    expect(texts()).toEqual([[{ format: "UTF8", content: "ask your provider" }]]);
  });
});

describe("tariff", () => {
  test("new texts in a transaction (I06.FR.03, errata 2.33), with those of known languages of the extension", async () => {
    await start();
    answerOf = () => ({
      updatedPersonalMessage: text("0.32"),
      totalCost: 1,
      customData: {
        vendorId: "org.openchargealliance.multilanguage",
        updatedPersonalMessageExtra: [text("0,32", "de"), text("0.32", "tlh"), { content: 7 }, text("0,32", "nl")],
        qrCodeText: "https://x",
      },
    });
    await charge();
    const told = [text("0.32"), text("0,32", "de"), text("0,32", "nl")];
    expect(texts()).toEqual([told]);
    expect(costs()).toMatchObject([{ messages: told, qrCode: "https://x" }]);
  });

  test("a token that nobody was asked about gets its tariff with the transaction (I01.FR.03)", async () => {
    await start();
    answerOf = () => ({ idTokenInfo: { status: "Accepted", personalMessage: text("yours: 0.20") } });
    await charge();
    expect(texts()).toEqual([[text("yours: 0.20")]]);
    await stop();
    expect(texts().length).toBe(1);
  });

  test("everybody's price at the start, online, offline and when it changes (I04.FR.01)", async () => {
    await start({ "TariffCostCtrlr.TariffFallbackMessage": "0.30" });
    const online = [{ format: "UTF8", content: "0.30" }, text("0.30", "en-US"), text("0.30", "de"), text("0.30", "nl")];
    expect(prices()).toEqual([online]);
    expect(rig.charger.services.tariff.fallback()).toEqual(online as never);
    await set("OfflineTariffFallbackMessage", "offline 0.35");
    expect(prices().length).toBe(1);
    rig.charger.reachable = false;
    rig.charger.disconnect();
    expect(prices().at(-1)).toEqual([{ format: "UTF8", content: "offline 0.35" }]);
    expect(rig.charger.services.tariff.fallback()).toEqual([{ format: "UTF8", content: "offline 0.35" }]);
    rig.charger.reachable = true;
    await rig.pass(200_000);
    expect(prices().at(-1)).toEqual(online);
    await set("TariffFallbackMessage", "0.31");
    expect(prices().at(-1)).toMatchObject([{ content: "0.31" }, { content: "0.30" }, {}, {}]);
    await set("Enabled", "false", "Tariff");
    expect(prices().at(-1)).toEqual([]);
    expect(rig.charger.services.tariff.fallback()).toEqual([]);
  });
});

describe("California pricing (BEHAVIOUR 19.3)", () => {
  const message = (more: Payload) => ({ customData: { vendorId: "org.openchargealliance.costmsg", ...more } });
  const meterValues = () => rig.charger.callsOf("MeterValues");
  const read = async (wattHours: number, watts = 0) => {
    const power = { value: watts, measurand: "Power.Active.Import", unitOfMeasure: { unit: "W" } } as const;
    await rig.reading([energy(wattHours), power]).pass();
  };

  test("prices, state, meter, texts and code", async () => {
    await start();
    await charge();
    const chargingPrice: ChargingPrice = { kWhPrice: 0.123, hourPrice: 2, flatFee: 0.5 };
    await update(
      message({
        timestamp: "2026-01-01T00:00:00Z",
        meterValue: 1234,
        state: "Idle",
        chargingPrice,
        idlePrice: { graceMinutes: 30, hourPrice: 1 },
        nextPeriod: { atTime: "2026-01-01T08:00:00Z", chargingPrice, idlePrice: { hourPrice: 2 } },
        priceText: "2.81",
        priceTextExtra: [text("2,81", "de")],
        qrCodeText: "https://x",
      }),
    );
    expect(costs()).toEqual([
      {
        transactionId: "s",
        currency: "EUR",
        decimals: 2,
        totalCost: 1.5,
        status: "Idle",
        timestamp: "2026-01-01T00:00:00Z",
        energyWattHours: 1234,
        chargingPrice,
        idlePrice: { graceMinutes: 30, hourPrice: 1 },
        nextPeriod: { atTime: "2026-01-01T08:00:00Z", chargingPrice, idlePrice: { hourPrice: 2 } },
        messages: [{ format: "UTF8", content: "2.81" }, text("2,81", "de")],
        qrCode: "https://x",
      },
    ]);
  });

  test("odd members and other vendors cost nothing but themselves", async () => {
    await start();
    await charge();
    await update(
      message({ timestamp: "yesterday", meterValue: "x", chargingPrice: { kWhPrice: "x", flatFee: 1 }, nextPeriod: 5 }),
    );
    await update({ customData: { vendorId: "somebody.else", state: "Idle" } });
    expect(costs()).toMatchObject([
      { totalCost: 1.5, status: "Running", chargingPrice: { flatFee: 1 } },
      { totalCost: 1.5, status: "Running" },
    ]);
    expect(costs()[0]).not.toHaveProperty("timestamp");
  });

  test("without the switch custom data say nothing", async () => {
    await start({ "CustomizationCtrlr.CustomImplementationEnabled": "false" });
    await charge();
    await update(message({ state: "Idle", triggerMeterValue: { atTime: "2026-01-01T00:00:00Z" } }));
    await read(2_000);
    expect(costs()).toMatchObject([{ status: "Running" }]);
    expect(meterValues()).toEqual([]);
  });

  test("a time, an energy and a status are told once each, the energy with the power", async () => {
    await start();
    await charge();
    const atTime = new Date(rig.charger.clock.now().getTime() + 120_000).toISOString();
    await update(message({ triggerMeterValue: { atTime, atEnergykWh: 2.5, atCPStatus: ["Available"] } }));
    await read(2_499);
    expect(meterValues()).toEqual([]);
    await read(2_500, 3_000);
    await read(2_600, 3_000);
    expect(meterValues()).toMatchObject([
      {
        evseId: 1,
        meterValue: [
          {
            sampledValue: [
              { value: 2_500, context: "Other", measurand: "Energy.Active.Import.Register" },
              { value: 3_000, context: "Other", measurand: "Power.Active.Import" },
            ],
          },
        ],
      },
    ]);
    await rig.pass(120_000);
    expect(meterValues().length).toBe(2);
    await stop();
    expect(meterValues().length).toBe(3);
    await read(2_700);
    await rig.pass(120_000);
    expect(meterValues().length).toBe(3);
  });

  test("they outlive a restart, are replaced by the next message and gone with the next driver", async () => {
    await start();
    await charge();
    await update(message({ triggerMeterValue: { atEnergykWh: 3, atCPStatus: "Faulted" } }));
    rig.charger.crash();
    await rig.charger.start();
    await rig.pass(100);
    await read(3_000);
    expect(meterValues().length).toBe(1);
    rig.charger.event(1, { kind: "SessionResumed", sessionId: "s" });
    await rig.pass();
    await update(message({}));
    await read(4_000);
    await update(message({ triggerMeterValue: { atCPStatus: "Reserved" } }));
    await stop();
    rig.plug("next").begin("next");
    await rig.pass();
    expect(rig.charger.core.keyValues.get("cost.triggers", v.record(v.string(), v.unknown()))).toEqual({});
  });

  test("power that comes and goes around the threshold is told at the crossing, then with 5 % of hysteresis", () => {
    const now = new Date(0);
    const at = (kilowatts: number) => ({
      timestamp: now,
      samples: [{ value: kilowatts * 1000, measurand: "Power.Active.Import" as const, unitOfMeasure: { unit: "W" } }],
    });
    let waiting: Parameters<typeof reached>[0] = {
      atTime: undefined,
      atEnergykWh: undefined,
      atPowerkW: 10,
      atCPStatus: undefined,
    };
    const told = [9, 9.9, 10, 9.9, 9.6, 9.49, 10, 10.4, 10.5, 3].map((kilowatts) => {
      const { left, measurands } = reached(waiting, { now, reading: at(kilowatts), statuses: [] });
      waiting = left;
      return measurands !== undefined;
    });
    expect(told).toEqual([false, false, true, false, false, true, false, false, true, true]);
    expect(sideOf(0, 0, undefined, false)).toBe(true);
  });
});
