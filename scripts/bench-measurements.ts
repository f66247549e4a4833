/** What scripts/bench-compared.ts measures of one executable (STATION_COMMAND, else dist/everest), each in a charger of its own. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { $ } from "bun";
import { EXECUTABLE } from "../test/support/charger.ts";
import { report, settingTimes } from "./bench-device-model.ts";
import {
  cpuMilliseconds,
  latencies,
  memory,
  percentile,
  queueOffline,
  rest,
  TOKEN,
  withCharger,
} from "./bench-support.ts";

const WARM_UP = 100;
const EVENTS = 400;
const QUEUED_EVENTS = 1_000;
const SETTLING_MILLISECONDS = 3_000;
/** The start and its first messages are over. */
const STARTED_MILLISECONDS = 13_000;
const PAUSE_MILLISECONDS = 5;
const REPEATS = 100;
const MEASURED = process.env.STATION_COMMAND ?? EXECUTABLE;
const NO_READINGS = { SampledDataCtrlr: { TxUpdatedInterval: 0 } };

export type Measurement = () => Promise<Readonly<Record<string, number>>>;

const start =
  (noDelay: boolean, key: string): Measurement =>
  async () =>
    withCharger({ stopped: true, noDelay }, async (charger) => {
      let ready = Number.NaN;
      const begun = performance.now();
      const told = charger.everest.stationReady.then(() => {
        ready = performance.now() - begun;
      });
      charger.spawn();
      await charger.csms.waitFor("BootNotification");
      const booted = performance.now() - begun;
      await told;
      return { [key]: booted, [`${key}-ready`]: ready };
    });

const sessionEvents: Measurement = async () =>
  withCharger({ patch: NO_READINGS }, async (charger) => {
    const evse = charger.everest.evse(1);
    await evse.plugIn();
    await evse.authorize(TOKEN);
    const toggle = (index: number) => (index % 2 === 0 ? evse.startCharging() : evse.pause("EV"));
    await latencies(charger, WARM_UP, toggle, "TransactionEvent");
    const before = cpuMilliseconds(charger.pid);
    const times = await latencies(charger, EVENTS, toggle, "TransactionEvent");
    return {
      "event-p50": percentile(times, 0.5),
      "event-p95": percentile(times, 0.95),
      "event-p99": percentile(times, 0.99),
      "event-cpu": (cpuMilliseconds(charger.pid) - before) / EVENTS,
    };
  });

const calls: Measurement = async () =>
  withCharger({ patch: NO_READINGS }, async (charger) => {
    const getVariables = {
      getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
    } as const;
    for (let count = 0; count < WARM_UP; count++) await charger.csms.send("GetVariables", getVariables);
    const nowAndThen: number[] = [];
    for (let count = 0; count < EVENTS; count++) {
      const sentAt = performance.now();
      await charger.csms.send("GetVariables", getVariables);
      nowAndThen.push(performance.now() - sentAt);
      await rest(count);
    }
    const begun = performance.now();
    for (let count = 0; count < 2_000; count++) await charger.csms.send("GetVariables", getVariables);
    const rate = 2_000 / ((performance.now() - begun) / 1_000);
    const validate = (index: number) =>
      charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
        provided_token: { ...TOKEN, id_token: { value: `CARD${index}`, type: "ISO14443" } },
      });
    const tokens = await latencies(charger, 200, validate, "Authorize");
    return {
      "get-p50": percentile(nowAndThen, 0.5),
      "get-p99": percentile(nowAndThen, 0.99),
      "calls-rate": rate,
      "token-p50": percentile(tokens, 0.5),
      "token-p99": percentile(tokens, 0.99),
    };
  });

const queue: Measurement = async () =>
  withCharger({ patch: { ...NO_READINGS, InternalCtrlr: { MessageQueueSizeThreshold: 5_000 } } }, async (charger) => {
    await queueOffline(charger, QUEUED_EVENTS);
    // The last events are still being stored.
    await Bun.sleep(SETTLING_MILLISECONDS);
    const before = memory(charger.pid).anonymous;
    const from = charger.csms.calls.length;
    const arrivals: number[] = [];
    charger.csms.events.on("call", ({ action }) => {
      if (action === "TransactionEvent") arrivals.push(performance.now());
    });
    charger.csms.refuseWith = undefined;
    await charger.csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === QUEUED_EVENTS, 60_000, from);
    const seconds = ((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)) / 1_000;
    return { "queue-rate": arrivals.length / seconds, "queue-memory": memory(charger.pid).anonymous - before };
  });

const idle =
  (evseCount: number): Measurement =>
  async () =>
    withCharger({ evseCount, powermeterIntervalMilliseconds: 1_000 }, async (charger) => {
      await Bun.sleep(STARTED_MILLISECONDS);
      const before = cpuMilliseconds(charger.pid);
      await Bun.sleep(10_000);
      const { rss, anonymous } = memory(charger.pid);
      return {
        [`idle-cpu-${evseCount}`]: ((cpuMilliseconds(charger.pid) - before) * 6) / 1_000,
        ...(evseCount === 2 && { rss, anonymous }),
      };
    });

const fullInventory: Measurement = async () =>
  withCharger({}, async (charger) => {
    const times: number[] = [];
    for (let count = 0; count < REPEATS; count++) {
      times.push((await report(charger)).milliseconds);
      await Bun.sleep(PAUSE_MILLISECONDS);
    }
    return { report: percentile(times, 0.5) };
  });

const setVariables: Measurement = async () => ({ set: percentile(await settingTimes(REPEATS), 0.5) });

const megabytes = (bytes: number): number => bytes / 1e6;
const size: Measurement = async () => ({ size: megabytes(statSync(MEASURED).size) });
const compressed: Measurement = async () => ({
  compressed: megabytes((await $`xz -9e --x86 --lzma2=preset=9e -c ${MEASURED}`.quiet().arrayBuffer()).byteLength),
});

/** What the runtime needs for a program that does nothing. */
export async function emptyProgram(): Promise<Readonly<Record<string, number>>> {
  const directory = mkdtempSync(join(tmpdir(), "empty-"));
  try {
    const [source, executable] = [join(directory, "empty.ts"), join(directory, "empty")];
    writeFileSync(source, "setInterval(() => {}, 1_000);\n");
    await Bun.build({ entrypoints: [source], target: "bun", compile: { outfile: executable } });
    const empty = Bun.spawn([executable]);
    await Bun.sleep(1_000);
    const { rss, anonymous } = memory(empty.pid);
    empty.kill();
    return { rss, anonymous, size: megabytes(statSync(executable).size) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

export const MEASUREMENTS: Readonly<Record<string, Measurement>> = {
  start: start(false, "start"),
  "start-nodelay": start(true, "start-nodelay"),
  "session-events": sessionEvents,
  calls,
  queue,
  report: fullInventory,
  set: setVariables,
  "idle-2": idle(2),
  "idle-16": idle(16),
  size,
  compressed,
};

/** No second round is needed. */
export const ALWAYS_THE_SAME: ReadonlySet<string> = new Set(["size", "compressed"]);
