/** Figures of monitors (N04–N08) on the compiled executable; part of scripts/bench, `bun scripts/bench-monitoring.ts` alone. */
import { readFileSync, rmSync } from "node:fs";
import { Charger } from "../test/support/charger.ts";
import { configurationWith, type Figure } from "./bench-device-model.ts";

const EVSES = 128;
const METER_SECONDS = 15;
const ROUNDS = 3;
const VARIABLES = 2_000;
const ITEMS_PER_MESSAGE = 250;
const TYPES = ["UpperThreshold", "LowerThreshold", "Delta", "Periodic"] as const;

type Item = Readonly<Record<string, unknown>>;

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function anonymousMegabytes(pid: number): number {
  const kilobytes = /RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}

/** Resolves to the ids of the monitors; all must be accepted. */
async function setMonitors(charger: Charger, items: readonly Item[]): Promise<readonly number[]> {
  const ids: number[] = [];
  for (let from = 0; from < items.length; from += ITEMS_PER_MESSAGE) {
    const setMonitoringData = items.slice(from, from + ITEMS_PER_MESSAGE);
    const answer = await charger.csms.sendRaw("SetVariableMonitoring", { setMonitoringData });
    const { setMonitoringResult: results = [] } = (answer.kind === "response" ? answer.response : {}) as {
      setMonitoringResult?: readonly { id?: number }[];
    };
    ids.push(...results.flatMap(({ id }) => (id === undefined ? [] : [id])));
  }
  if (ids.length !== items.length) throw new Error(`${items.length} monitors, ${ids.length} accepted`);
  return ids;
}

/** The meter of every EVSE tells another power each second, as while cars charge. */
async function speakingMeters(charger: Charger, seconds: number): Promise<void> {
  for (let second = 0; second < seconds; second++) {
    const next = Bun.sleep(1_000);
    for (let evseId = 1; evseId <= EVSES; evseId++)
      await charger.everest.bus.variable(`evse_manager_${evseId}`, "evse", "powermeter", {
        timestamp: new Date().toISOString(),
        meter_id: `meter_${evseId}`,
        energy_Wh_import: { total: second },
        power_W: { total: 11_000 + Math.round(Math.sin(second + evseId) * 50) },
      });
    await next;
  }
}

async function share(charger: Charger): Promise<number> {
  const before = cpuSeconds(charger.pid);
  await speakingMeters(charger, METER_SECONDS);
  return ((cpuSeconds(charger.pid) - before) / METER_SECONDS) * 100;
}

function median(values: readonly number[]): number {
  return values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** In turns with and without monitors, of which none has anything to tell. */
async function monitoredMeters(): Promise<Figure> {
  const patch = { MonitoringCtrlr: { Enabled: true } };
  const charger = await Charger.start({ evseCount: EVSES, powermeterIntervalMilliseconds: 0, patch });
  const items = Array.from({ length: EVSES }, (_, index) =>
    TYPES.map((type) => ({
      component: { name: "EVSE", evse: { id: index + 1 } },
      variable: { name: "Power" },
      type,
      value: { UpperThreshold: 22_000, LowerThreshold: 0, Delta: 5_000, Periodic: 3_600 }[type],
      severity: 5,
    })),
  ).flat();
  try {
    await speakingMeters(charger, 10);
    const [without, withMonitors]: [number[], number[]] = [[], []];
    for (let round = 0; round < ROUNDS; round++) {
      without.push(await share(charger));
      const id = await setMonitors(charger, items);
      withMonitors.push(await share(charger));
      await charger.csms.send("ClearVariableMonitoring", { id });
    }
    const more = median(withMonitors) - median(without);
    return {
      figure: `CPU with ${EVSES} meters at 1 Hz and ${TYPES.length} monitors each, above that without monitors`,
      value: `${more.toFixed(1)} % of a core (${median(withMonitors).toFixed(1)} against ${median(without).toFixed(1)})`,
      aim: "≤ 1 %",
      limit: "comparisons",
    };
  } finally {
    await charger.stop();
  }
}

async function manyMonitors(): Promise<readonly Figure[]> {
  const directory = configurationWith(VARIABLES, true);
  const patch = { MonitoringCtrlr: { Enabled: true } };
  const charger = await Charger.start({ componentConfig: directory, patch, powermeterIntervalMilliseconds: 0 });
  const items = Array.from({ length: VARIABLES }, (_, index) =>
    [...TYPES, "PeriodicClockAligned"].map((type) => ({
      component: { name: "BenchCtrlr" },
      variable: { name: `Variable${index}` },
      type,
      value: type === "LowerThreshold" ? 0 : 3_600,
      severity: 5,
    })),
  ).flat();
  try {
    const before = anonymousMegabytes(charger.pid);
    const begun = performance.now();
    await setMonitors(charger, items);
    const seconds = (performance.now() - begun) / 1_000;
    await Bun.sleep(1_000);
    const after = anonymousMegabytes(charger.pid);
    const from = charger.csms.calls.length;
    const asked = performance.now();
    await charger.csms.send("GetMonitoringReport", { requestId: 1 });
    await charger.csms.waitFor("NotifyMonitoringReport", ({ tbc }) => tbc === false, 30_000, from);
    const reported = performance.now() - asked;
    await charger.end("SIGKILL");
    const started = performance.now();
    await charger.startStation();
    return [
      {
        figure: `${items.length.toLocaleString("en")} monitors on ${VARIABLES.toLocaleString("en")} variables: set / all reported / start with them`,
        value: `${seconds.toFixed(1)} s, memory ${before.toFixed(0)} → ${after.toFixed(0)} MB / ${reported.toFixed(0)} ms / ${((performance.now() - started) / 1_000).toFixed(1)} s`,
        aim: "≤ 5 s, + 60 MB / 1,000 ms / 3 s",
        limit: "fsync of each message, schema check",
      },
    ];
  } finally {
    await charger.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

export async function monitoringFigures(): Promise<readonly Figure[]> {
  return [await monitoredMeters(), ...(await manyMonitors())];
}

if (import.meta.main)
  for (const { figure, value, aim } of await monitoringFigures()) console.log(`${figure}: ${value} (${aim})`);
