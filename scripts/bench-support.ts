/** What the programs behind scripts/bench share. */
import { edenGC } from "bun:jsc";
import { readFileSync } from "node:fs";
import { Charger } from "../test/support/charger.ts";

const PAUSE_MILLISECONDS = 5;
const SAMPLES_PER_COLLECTION = 25;
/** A card as EVerest's Auth takes it. */
export const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** All threads, in milliseconds; finer than the ticks of /proc/PID/stat. */
export function cpuMilliseconds(pid: number): number {
  const tasks = new Bun.Glob("*/schedstat").scanSync({ cwd: `/proc/${pid}/task` });
  return [...tasks].reduce(
    (sum, path) => sum + Number(readFileSync(`/proc/${pid}/task/${path}`, "utf8").split(" ")[0]) / 1e6,
    0,
  );
}

/** In MB of 1,048,576 bytes. */
export function memory(pid: number): { readonly rss: number; readonly anonymous: number } {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const megabytes = (name: string): number => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
  return { rss: megabytes("VmRSS"), anonymous: megabytes("RssAnon") };
}

export async function withCharger<Result>(
  options: Parameters<typeof Charger.start>[0],
  work: (charger: Charger) => Promise<Result>,
): Promise<Result> {
  const charger = await Charger.start(options);
  try {
    return await work(charger);
  } finally {
    await charger.stop();
  }
}

/** Begins a transaction, loses the CSMS, and does so much at the EVSE that `count` further events wait. */
export async function queueOffline(charger: Charger, count: number): Promise<void> {
  const evse = charger.everest.evse(1);
  await evse.plugIn();
  await evse.authorize(TOKEN);
  await charger.csms.waitFor("TransactionEvent");
  charger.csms.refuseWith = 503;
  charger.csms.drop();
  for (let done = 0; done < count / 2; done++) {
    await evse.startCharging();
    await evse.pause("EV");
  }
}

/**
 * The pause behind a sample. What this process itself has thrown away goes in it: bus and CSMS of the bench are here, and a
 * collection in the midst of a sample, one in a hundred, would be told as the station's tail.
 */
export async function rest(sample: number): Promise<void> {
  await Bun.sleep(PAUSE_MILLISECONDS);
  if (sample % SAMPLES_PER_COLLECTION !== SAMPLES_PER_COLLECTION - 1) return;
  edenGC();
  await Bun.sleep(PAUSE_MILLISECONDS);
}

/** Times between an action at the hardware side and a CALL at the CSMS. */
export async function latencies(
  charger: Charger,
  count: number,
  act: (index: number) => Promise<unknown>,
  action: "TransactionEvent" | "Authorize",
): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const from = charger.csms.calls.length;
    const begun = performance.now();
    const seen = charger.csms.waitFor(action, undefined, 5_000, from).then(() => times.push(performance.now() - begun));
    await act(index);
    await seen;
    await rest(index);
  }
  return times;
}
