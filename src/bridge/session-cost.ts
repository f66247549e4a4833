import {
  type MoneyCurrency,
  type MoneyCurrencyCode,
  MoneyCurrencyCodeWords,
  type MoneyPrice,
  type SessionCostChargingPriceComponent,
  type SessionCostIdlePrice,
  type SessionCostSessionCost,
} from "../everest/interfaces/index.ts";
import { unitsOf } from "../lib/decimal.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { ChargingPrice, IdlePrice, RunningCost } from "../station/ports.ts";
import { toMessageContent } from "./tokens.ts";
import { toEverestTime } from "./words.ts";

/** Amounts of one message, in units of its currency's last decimal place: rounded down, as EVerest's own module does (BEHAVIOUR 19.2). */
interface Money {
  readonly currency: MoneyCurrency;
  units(amount: number): number;
}

function amountsOf({ totalCost, chargingPrice, idlePrice, nextPeriod }: RunningCost): readonly number[] {
  const prices = [chargingPrice, nextPeriod?.chargingPrice].flatMap((price) => Object.values(price ?? {}));
  const idle = [idlePrice?.hourPrice, nextPeriod?.idlePrice?.hourPrice];
  return [totalCost, ...prices, ...idle].filter((amount): amount is number => amount !== undefined);
}

/**
 * EVerest's integers have 32 bits: a large amount is told with fewer decimals, all of one message with the same. Undefined for one
 * that has no room without any.
 */
function moneyFor(cost: RunningCost): Money | undefined {
  const amounts = amountsOf(cost);
  for (let decimals = cost.decimals; decimals >= 0; decimals--) {
    const units = (amount: number): number => Number(unitsOf(amount, decimals));
    if (!amounts.every((amount) => isOcppInteger(units(amount)))) continue;
    // What EVerest does not know would end the module that listens.
    const isKnown = MoneyCurrencyCodeWords.has(cost.currency);
    return { currency: { ...(isKnown && { code: cost.currency as MoneyCurrencyCode }), decimals }, units };
  }
  return undefined;
}

function toPrice({ currency, units }: Money, amount: number): MoneyPrice {
  return { value: { value: units(amount) }, currency };
}

function toChargingPrice(money: Money, price: ChargingPrice): readonly SessionCostChargingPriceComponent[] {
  const { hourPrice, kWhPrice, flatFee } = price;
  const component = (category: "Time" | "Energy" | "FlatFee", amount: number | undefined) =>
    amount === undefined ? [] : [{ category, price: toPrice(money, amount) }];
  return [...component("Time", hourPrice), ...component("Energy", kWhPrice), ...component("FlatFee", flatFee)];
}

function toIdlePrice(money: Money, { graceMinutes, hourPrice }: IdlePrice): SessionCostIdlePrice {
  return {
    ...(graceMinutes !== undefined && { grace_minutes: graceMinutes }),
    ...(hourPrice !== undefined && { hour_price: toPrice(money, hourPrice) }),
  };
}

/** The variable `session_cost` (BEHAVIOUR 19.2); undefined for an amount that it has no room for. */
export function toSessionCost(cost: RunningCost): SessionCostSessionCost | undefined {
  const money = moneyFor(cost);
  if (money === undefined) return undefined;
  const { transactionId, status, totalCost, timestamp, energyWattHours, chargingPrice, idlePrice, nextPeriod } = cost;
  const { messages = [], qrCode } = cost;
  return {
    session_id: transactionId,
    currency: money.currency,
    status,
    cost_chunks: [
      {
        cost: { value: money.units(totalCost) },
        ...(timestamp !== undefined && { timestamp_to: toEverestTime(timestamp) }),
        ...(energyWattHours !== undefined && { metervalue_to: Math.floor(energyWattHours) }),
      },
    ],
    ...(chargingPrice !== undefined && { charging_price: toChargingPrice(money, chargingPrice) }),
    ...(idlePrice !== undefined && { idle_price: toIdlePrice(money, idlePrice) }),
    ...(nextPeriod !== undefined && {
      next_period: {
        timestamp_from: toEverestTime(nextPeriod.atTime),
        charging_price: toChargingPrice(money, nextPeriod.chargingPrice),
        ...(nextPeriod.idlePrice !== undefined && { idle_price: toIdlePrice(money, nextPeriod.idlePrice) }),
      },
    }),
    ...(messages.length > 0 && { message: messages.map(toMessageContent) }),
    ...(qrCode !== undefined && { qr_code: qrCode }),
  };
}
