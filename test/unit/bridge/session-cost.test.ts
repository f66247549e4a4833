import { expect, test } from "bun:test";
import { toSessionCost } from "../../../src/bridge/session-cost.ts";
import type { RunningCost } from "../../../src/station/ports.ts";

const cost: RunningCost = { transactionId: "tx", currency: "EUR", decimals: 3, status: "Running", totalCost: 5.23 };

test("prices of now and of the next period, in the smallest unit (BEHAVIOUR 19.2)", () => {
  const currency = { code: "EUR" as const, decimals: 3 };
  const price = (value: number) => ({ value: { value }, currency });
  expect(
    toSessionCost({
      ...cost,
      status: "Idle",
      timestamp: "2026-03-01T13:30:00+01:00",
      energyWattHours: 15_230,
      chargingPrice: { hourPrice: 0.15, kWhPrice: 0.39, flatFee: 0.5 },
      idlePrice: { graceMinutes: 10, hourPrice: 1 },
      nextPeriod: { atTime: "2026-03-01T22:00:00Z", chargingPrice: { kWhPrice: 0.2901 }, idlePrice: { hourPrice: 0 } },
      messages: [{ format: "UTF8", language: "en", content: "…" }],
      qrCode: "https://x",
    }),
  ).toEqual({
    session_id: "tx",
    currency,
    status: "Idle",
    cost_chunks: [{ cost: { value: 5230 }, timestamp_to: "2026-03-01T12:30:00.000Z", metervalue_to: 15_230 }],
    charging_price: [
      { category: "Time", price: price(150) },
      { category: "Energy", price: price(390) },
      { category: "FlatFee", price: price(500) },
    ],
    idle_price: { grace_minutes: 10, hour_price: price(1000) },
    next_period: {
      timestamp_from: "2026-03-01T22:00:00.000Z",
      charging_price: [{ category: "Energy", price: price(290) }],
      idle_price: { hour_price: price(0) },
    },
    message: [{ format: "UTF8", language: "en", content: "…" }],
    qr_code: "https://x",
  });
});

test("an amount beyond EVerest's 32 bits is told with fewer decimals, all prices with it, or not at all", () => {
  const large = toSessionCost({ ...cost, totalCost: 3_000_000.5, chargingPrice: { kWhPrice: 0.399 } });
  expect(large?.currency).toEqual({ code: "EUR", decimals: 2 });
  expect(large?.cost_chunks?.[0]?.cost).toEqual({ value: 300_000_050 });
  expect(large?.charging_price?.[0]?.price?.value).toEqual({ value: 39 });
  expect(toSessionCost({ ...cost, totalCost: 2 ** 31 - 1 })?.currency.decimals).toBe(0);
  expect(toSessionCost({ ...cost, totalCost: 2 ** 31 })).toBeUndefined();
  expect(toSessionCost({ ...cost, totalCost: 1e300 })).toBeUndefined();
  expect(toSessionCost({ ...cost, totalCost: 1, idlePrice: { hourPrice: -1e12 } })).toBeUndefined();
});

test("what the CSMS gives back is negative, and rounded down as well", () => {
  expect(toSessionCost({ ...cost, decimals: 2, totalCost: -1.005 })?.cost_chunks?.[0]?.cost).toEqual({ value: -101 });
});
