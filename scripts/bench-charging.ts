/** Figures of charging under load: many meters, a long queue; part of scripts/bench, `bun scripts/bench-charging.ts` alone. */
import { readFileSync } from "node:fs";
import { Charger } from "../test/support/charger.ts";
import type { Figure } from "./bench-device-model.ts";
import { queueOffline } from "./bench-support.ts";

const EVSES = 128;
const METER_SECONDS = 20;
const QUEUED_EVENTS = 10_000;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function anonymousMegabytes(pid: number): number {
  const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}

/** Every EVSE's meter speaks once a second. */
async function manyMeters(): Promise<Figure> {
  const charger = await Charger.start({ evseCount: EVSES, powermeterIntervalMilliseconds: 1_000 });
  try {
    await Bun.sleep(5_000);
    const before = cpuSeconds(charger.pid);
    await Bun.sleep(METER_SECONDS * 1_000);
    const share = ((cpuSeconds(charger.pid) - before) / METER_SECONDS) * 100;
    return {
      figure: `CPU with ${EVSES} EVSEs at 1 Hz`,
      value: `${share.toFixed(1)} % of a core`,
      aim: "≤ 25 %",
      limit: "MQTT packets, QoS 2",
    };
  } finally {
    await charger.stop();
  }
}

/** A long time offline, then everything at once: in order, and without taking memory for it. */
async function longQueue(): Promise<Figure> {
  const charger = await Charger.start({
    powermeterIntervalMilliseconds: 3_600_000,
    patch: {
      SampledDataCtrlr: { TxUpdatedInterval: 0 },
      InternalCtrlr: { MessageQueueSizeThreshold: 2 * QUEUED_EVENTS },
    },
  });
  try {
    await queueOffline(charger, QUEUED_EVENTS);
    const from = charger.csms.calls.length;
    const numbers: number[] = [];
    const megabytes: number[] = [];
    let first = 0;
    charger.csms.events.on("call", ({ action, request }) => {
      if (action !== "TransactionEvent") return;
      first ||= performance.now();
      numbers.push(Number((request as { seqNo?: number }).seqNo));
      if (numbers.length % 500 === 0) megabytes.push(anonymousMegabytes(charger.pid));
    });
    charger.csms.refuseWith = undefined;
    await charger.csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === QUEUED_EVENTS, 120_000, from);
    const seconds = (performance.now() - first) / 1_000;
    const half = Math.floor(megabytes.length / 2);
    const growth = Math.max(...megabytes.slice(half)) - Math.max(...megabytes.slice(0, half));
    const inOrder = numbers.every((number, index) => number === index + 1);
    return {
      figure: `${QUEUED_EVENTS.toLocaleString("en")} events queued offline, drained`,
      value: `${Math.round(numbers.length / seconds)}/s, ${inOrder ? "in order" : "NOT IN ORDER"}, ${growth.toFixed(0)} MB more in the second half`,
      aim: "≥ 1,000/s, + 4 MB",
      limit: "round trips, deletions",
    };
  } finally {
    await charger.stop();
  }
}

export async function chargingFigures(): Promise<readonly Figure[]> {
  return [await manyMeters(), await longQueue()];
}

if (import.meta.main)
  for (const { figure, value, aim } of await chargingFigures()) console.log(`${figure}: ${value} (${aim})`);
