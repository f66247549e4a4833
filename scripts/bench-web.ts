/** What the web page costs while somebody looks at it; part of scripts/bench, `bun scripts/bench-web.ts` alone. */
import { readFileSync } from "node:fs";
import { startBrowser } from "../test/support/browser.ts";
import { Charger } from "../test/support/charger.ts";
import { freeAddress } from "../test/support/free-address.ts";
import type { Figure } from "./bench-device-model.ts";

const EVSES = 16;
const WARM_UP_SECONDS = 15;
const MEASURED_SECONDS = 30;

interface Cost {
  /** Of a core, in percent. */
  readonly share: number;
  readonly megabytes: number;
}

function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

function anonymousMegabytes(pid: number): number {
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

/** What a charger of 16 EVSEs costs whose meters speak once a second, after `prepare` has opened what it may. */
async function costOf(commandLine: readonly string[], prepare: () => Promise<() => Promise<void>>): Promise<Cost> {
  const charger = await Charger.start({ evseCount: EVSES, powermeterIntervalMilliseconds: 1_000, commandLine });
  try {
    const end = await prepare();
    await Bun.sleep(WARM_UP_SECONDS * 1_000);
    const before = cpuSeconds(charger.pid);
    await Bun.sleep(MEASURED_SECONDS * 1_000);
    const share = ((cpuSeconds(charger.pid) - before) / MEASURED_SECONDS) * 100;
    const megabytes = anonymousMegabytes(charger.pid);
    await end();
    return { share, megabytes };
  } finally {
    await charger.stop();
  }
}

const nothing = async () => async () => {};

async function withPage(): Promise<Cost> {
  const address = freeAddress();
  return costOf(["--http", address], async () => {
    const browser = await startBrowser();
    const page = await browser.newPage();
    await page.goto(`http://${address}/evses`);
    await page.locator("#live", { hasText: /^live$/ }).waitFor();
    return () => browser.close();
  });
}

const difference = (one: Cost, other: Cost): string =>
  `${(one.share - other.share).toFixed(1)} % of a core, ${(one.megabytes - other.megabytes).toFixed(1)} MiB`;

export async function webFigures(): Promise<readonly Figure[]> {
  const off = await costOf([], nothing);
  const idle = await costOf(["--http", freeAddress()], nothing);
  const looked = await withPage();
  return [
    {
      figure: `--http, nobody looks, ${EVSES} EVSEs at 1 Hz: more than without`,
      value: difference(idle, off),
      aim: "≤ 0.5 %, 6 MiB",
      limit: "what is recorded",
    },
    {
      figure: `page of the EVSEs open, ${EVSES} EVSEs at 1 Hz: more than without --http`,
      value: `${difference(looked, off)} (${off.share.toFixed(1)} %, ${off.megabytes.toFixed(0)} MiB without)`,
      aim: "≤ 2 %, 8 MiB",
      limit: "rendering 16 EVSEs a second",
    },
  ];
}

if (import.meta.main)
  for (const { figure, value, aim } of await webFigures()) console.log(`${figure}: ${value} (${aim})`);
