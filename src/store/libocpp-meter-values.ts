import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { fromLibocppTime } from "./leap-seconds.ts";

/** Numbers stand for words in tables of the same file: their meaning differs between releases (STORES 1.2). */
const ITEMS = `
  SELECT m.ROWID AS id, m.TIMESTAMP AS time, c.READING_CONTEXT AS context, i.VALUE AS value,
    coalesce(q.MEASURAND, i.MEASURAND) AS measurand, p.PHASE AS phase, l.LOCATION AS location,
    i.UNIT_TEXT AS unit, i.UNIT_MULTIPLIER AS multiplier,
    i.SIGNED_METER_DATA AS signedMeterData, i.SIGNING_METHOD AS signingMethod,
    i.ENCODING_METHOD AS encodingMethod, i.PUBLIC_KEY AS publicKey
  FROM METER_VALUES m
  JOIN METER_VALUE_ITEMS i ON i.METER_VALUE_ID = m.ROWID
  LEFT JOIN READING_CONTEXT_ENUM c ON c.ID = m.READING_CONTEXT
  LEFT JOIN MEASURAND_ENUM q ON q.ID = i.MEASURAND
  LEFT JOIN PHASE_ENUM p ON p.ID = i.PHASE
  LEFT JOIN LOCATION_ENUM l ON l.ID = i.LOCATION
  WHERE m.TRANSACTION_ID = ?
  ORDER BY m.ROWID, i.rowid`;

const Text = v.nullable(v.string());
const Item = v.object({
  id: v.number(),
  time: v.number(),
  context: Text,
  value: v.number(),
  /** A number that the file does not explain stands for no measurand of OCPP 2.0.1; its sample cannot be told. */
  measurand: Text,
  phase: Text,
  location: Text,
  unit: Text,
  multiplier: v.nullable(v.number()),
  signedMeterData: Text,
  signingMethod: Text,
  encodingMethod: Text,
  publicKey: Text,
});
type Item = v.InferOutput<typeof Item>;

/** What a unit measures; libocpp may have left the unit of the sample before in a sample without one. */
const MEASURED_IN: Readonly<Record<string, readonly string[]>> = {
  Energy: ["Wh", "kWh", "varh", "kvarh", "VAh", "kVAh"],
  Power: ["W", "kW", "VA", "kVA", "var", "kvar", "Percent"],
  Current: ["A"],
  Voltage: ["V"],
  SoC: ["Percent"],
};

function unitOf({ measurand, unit, multiplier }: Item): { unitOfMeasure?: { unit: string; multiplier?: number } } {
  const quantity = measurand?.split(".")[0] ?? "Energy";
  if (unit === null || MEASURED_IN[quantity]?.includes(unit) === false) return {};
  return { unitOfMeasure: { unit, ...(multiplier !== null && { multiplier }) } };
}

function signatureOf(item: Item, previous: Item | undefined) {
  const { signedMeterData, signingMethod, encodingMethod, publicKey } = item;
  if (signedMeterData === null || signingMethod === null || encodingMethod === null || publicKey === null) return {};
  if (previous?.id === item.id && previous.signedMeterData === signedMeterData) return {};
  return { signedMeterValue: { signedMeterData, signingMethod, encodingMethod, publicKey } };
}

/** Numbers were of single precision: the shortest decimal that means the same. */
function shortened(value: number): number {
  if (Math.fround(value) !== value) return value;
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return value;
}

function toSample(item: Item, previous: Item | undefined) {
  const { context, measurand, phase, location } = item;
  return {
    value: shortened(item.value),
    ...(context !== null && { context }),
    ...(measurand !== null && { measurand }),
    ...(phase !== null && { phase }),
    ...(location !== null && { location }),
    ...unitOf(item),
    ...signatureOf(item, previous),
  };
}

/** The meter values that libocpp kept for the Ended event of a transaction, as OCPP writes them, in order. */
export function libocppMeterValues(database: Database, transactionId: string): readonly unknown[] {
  const items = database
    .query(ITEMS)
    .all(transactionId)
    .flatMap((row) => {
      const parsed = v.safeParse(Item, row);
      return parsed.success ? [parsed.output] : [];
    });
  const values = new Map<number, { timestamp: string; sampledValue: unknown[] }>();
  items.forEach((item, index) => {
    const value = values.get(item.id) ?? { timestamp: fromLibocppTime(item.time).toISOString(), sampledValue: [] };
    values.set(item.id, value);
    value.sampledValue.push(toSample(item, items[index - 1]));
  });
  return [...values.values()];
}

export function removeLibocppMeterValues(database: Database, transactionId: string): void {
  database
    .query(
      "DELETE FROM METER_VALUE_ITEMS WHERE METER_VALUE_ID IN (SELECT ROWID FROM METER_VALUES WHERE TRANSACTION_ID = ?)",
    )
    .run(transactionId);
  database.query("DELETE FROM METER_VALUES WHERE TRANSACTION_ID = ?").run(transactionId);
}
