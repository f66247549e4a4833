/** Figures of smart charging; part of scripts/bench, `bun scripts/bench-smart-charging.ts` alone. */
import { readFileSync } from "node:fs";
import type { ChargingProfileType } from "../src/ocpp/v201/index.ts";
import { Charger } from "../test/support/charger.ts";
import type { Figure } from "./bench-device-model.ts";

const CALLS = 500;
const PROFILES = 30;
const PERIODS = 24;
const DAY_SECONDS = 86_400;
const MANY_EVSES = 128;
const MANY_PROFILES = 1_000;
const REDISTRIBUTIONS = 40;

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

function cpuMilliseconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function profile(
  id: number,
  purpose: string,
  stackLevel: number,
  limit: number,
  periods = PERIODS,
): ChargingProfileType {
  return {
    id,
    stackLevel,
    chargingProfilePurpose: purpose,
    chargingProfileKind: "Recurring",
    recurrencyKind: "Daily",
    chargingSchedule: [
      {
        id: 1,
        startSchedule: "2026-01-01T00:00:00Z",
        duration: DAY_SECONDS,
        chargingRateUnit: "A",
        chargingSchedulePeriod: Array.from({ length: periods }, (_, index) => ({
          // Each profile has periods of its own: nothing falls together.
          startPeriod: index === 0 ? 0 : index * 3_600 + id * 7,
          limit: limit + ((id + index) % 10),
        })),
      },
    ],
  } as unknown as ChargingProfileType;
}

async function setProfile(charger: Charger, evseId: number, chargingProfile: ChargingProfileType): Promise<number> {
  const begun = performance.now();
  const answer = await charger.csms.send("SetChargingProfile", { evseId, chargingProfile });
  const milliseconds = performance.now() - begun;
  if (answer.kind !== "response" || (answer.response as { status: string }).status !== "Accepted")
    throw new Error(`profile ${chargingProfile.id} is refused: ${JSON.stringify(answer)}`);
  return milliseconds;
}

async function compositeSchedule(): Promise<readonly Figure[]> {
  const charger = await Charger.start({ optionalModules: true });
  try {
    const set: number[] = [];
    for (let id = 1; id <= PROFILES; id++)
      set.push(await setProfile(charger, 1 + (id % 2), profile(id, "TxDefaultProfile", id, 6)));
    for (let count = 0; count < CALLS; count++)
      set.push(await setProfile(charger, 1 + (1 % 2), profile(1, "TxDefaultProfile", 1, 6 + (count % 5))));
    const times: number[] = [];
    for (let count = 0; count < CALLS; count++) {
      const begun = performance.now();
      await charger.csms.send("GetCompositeSchedule", { evseId: 0, duration: DAY_SECONDS, chargingRateUnit: "A" });
      times.push(performance.now() - begun);
    }
    return [
      {
        figure: `GetCompositeSchedule of a day, ${PROFILES} defaults of ${PERIODS} periods on 2 EVSEs`,
        value: `p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms`,
        aim: "≤ 1.9 / 2.4 ms",
        limit: "breakpoints, JSON",
      },
      {
        figure: "SetChargingProfile, durable",
        value: `p50 ${percentile(set, 0.5).toFixed(2)} ms, p99 ${percentile(set, 0.99).toFixed(2)} ms`,
        aim: "≤ 5 ms",
        limit: "one commit",
      },
    ];
  } finally {
    await charger.stop();
  }
}

async function redistribution(): Promise<readonly Figure[]> {
  const charger = await Charger.start({
    evseCount: MANY_EVSES,
    optionalModules: true,
    powermeterIntervalMilliseconds: 3_600_000,
    parameters: { CompositeScheduleIntervalS: 0 },
  });
  try {
    for (let id = 1; id <= MANY_PROFILES - 1; id++)
      await setProfile(
        charger,
        1 + (id % MANY_EVSES),
        profile(id, "TxDefaultProfile", Math.ceil(id / MANY_EVSES), 6, 8),
      );
    await Bun.sleep(3_000);
    const answers: number[] = [];
    const before = cpuMilliseconds(charger.pid);
    for (let count = 0; count < REDISTRIBUTIONS; count++) {
      // Below every EVSE's own limit, so that each of them gets another one.
      answers.push(await setProfile(charger, 0, profile(MANY_PROFILES, "ChargingStationMaxProfile", 0, count % 2, 1)));
      await Bun.sleep(200);
    }
    const cpu = (cpuMilliseconds(charger.pid) - before) / REDISTRIBUTIONS;
    return [
      {
        figure: `redistribution to ${MANY_EVSES} EVSEs with ${MANY_PROFILES.toLocaleString("en")} profiles`,
        value: `${cpu.toFixed(0)} ms of CPU, answered within ${Math.max(...answers).toFixed(0)} ms`,
        aim: "≤ 50 ms, no pause above 20 ms",
        limit: "MQTT packets, QoS 2",
      },
    ];
  } finally {
    await charger.stop();
  }
}

export async function smartChargingFigures(): Promise<readonly Figure[]> {
  return [...(await compositeSchedule()), ...(await redistribution())];
}

if (import.meta.main)
  for (const { figure, value, aim } of await smartChargingFigures()) console.log(`${figure}: ${value} (${aim})`);
