/** Figures of the device model (B05, B07): reports and settings on the compiled executable; part of scripts/bench. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charger } from "../test/support/charger.ts";

const RUNS = 30;
const SET_ITEMS = 50;
const SHIPPED = join(import.meta.dir, "../component_config");
/** Compares with what the C++ module did with its 366 variables. */
const REFERENCE_VARIABLES = 366;
const MANY_VARIABLES = 2_000;

export interface Figure {
  readonly figure: string;
  readonly value: string;
  readonly aim: string;
  readonly limit: string;
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** A copy of the shipped configuration with a component of so many further variables that can be set. */
export function configurationWith(variables: number, supportsMonitoring = false): string {
  const directory = mkdtempSync(join(tmpdir(), "bench-config-"));
  cpSync(SHIPPED, directory, { recursive: true });
  const properties = Object.fromEntries(
    Array.from({ length: variables }, (_, index) => [
      `Variable${index}`,
      {
        variable_name: `Variable${index}`,
        characteristics: { dataType: "integer", unit: "s", minLimit: 0, supportsMonitoring },
        attributes: [{ type: "Actual", mutability: "ReadWrite", value: index }],
      },
    ]),
  );
  writeFileSync(join(directory, "custom/BenchCtrlr.json"), JSON.stringify({ name: "BenchCtrlr", properties }));
  return directory;
}

async function withVariables<Result>(count: number, work: (charger: Charger) => Promise<Result>): Promise<Result> {
  const directory = configurationWith(count);
  const charger = await Charger.start({ componentConfig: directory });
  try {
    return await work(charger);
  } finally {
    await charger.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Resolves to the milliseconds from the request to the last part, and how many variables it told. */
export async function report(charger: Charger): Promise<{ readonly milliseconds: number; readonly variables: number }> {
  const from = charger.csms.calls.length;
  const begun = performance.now();
  const last = charger.csms.waitFor("NotifyReport", ({ tbc }) => tbc === false, 10_000, from);
  await charger.csms.send("GetBaseReport", { requestId: from, reportBase: "FullInventory" });
  await last;
  const milliseconds = performance.now() - begun;
  const parts = charger.csms.calls.slice(from).filter(({ action }) => action === "NotifyReport");
  const variables = parts.reduce((sum, { request }) => sum + (request.reportData as unknown[]).length, 0);
  return { milliseconds, variables };
}

function memoryMebibytes(pid: number, field: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
}

async function reportFigures(further: number, aim: string): Promise<Figure[]> {
  return withVariables(further, async (charger) => {
    const { variables } = await report(charger);
    const times: number[] = [];
    const extra: number[] = [];
    for (let run = 0; run < RUNS; run++) {
      await Bun.sleep(300);
      const before = memoryMebibytes(charger.pid, "VmRSS");
      // Forgets the peak so far.
      writeFileSync(`/proc/${charger.pid}/clear_refs`, "5");
      times.push((await report(charger)).milliseconds);
      extra.push(memoryMebibytes(charger.pid, "VmHWM") - before);
    }
    return [
      {
        figure: `GetBaseReport FullInventory, ${variables} variables, p50: time / peak of RSS above the state before`,
        value: `${median(times).toFixed(1)} ms / ${median(extra).toFixed(1)} MiB`,
        aim,
        limit: "schema check of both sides, message log",
      },
    ];
  });
}

/** Of so many SetVariables, each with `SET_ITEMS` values that have all changed, in milliseconds. */
export async function settingTimes(count: number): Promise<readonly number[]> {
  return withVariables(SET_ITEMS, async (charger) => {
    const times: number[] = [];
    for (let run = 0; run < count; run++) {
      const setVariableData = Array.from({ length: SET_ITEMS }, (_, index) => ({
        component: { name: "BenchCtrlr" },
        variable: { name: `Variable${index}` },
        attributeValue: String(1_000 + run * SET_ITEMS + index),
      }));
      const begun = performance.now();
      await charger.csms.send("SetVariables", { setVariableData });
      times.push(performance.now() - begun);
    }
    return times;
  });
}

async function setFigures(): Promise<Figure[]> {
  return [
    {
      figure: `SetVariables of ${SET_ITEMS} items, all changed, durable, p50`,
      value: `${median(await settingTimes(RUNS * 5)).toFixed(1)} ms`,
      aim: "≤ 10 ms",
      limit: "one fsync",
    },
  ];
}

export async function deviceModelFigures(): Promise<readonly Figure[]> {
  const shipped = await withVariables(0, report);
  return [
    ...(await reportFigures(Math.max(0, REFERENCE_VARIABLES - shipped.variables), "≤ 25 ms")),
    ...(await reportFigures(MANY_VARIABLES - shipped.variables, "≤ 150 ms / < 10 MiB")),
    ...(await setFigures()),
  ];
}
