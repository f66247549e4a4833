import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { CommandLineError } from "../../everest/command-line.ts";
import { withoutFloatNoise } from "../../lib/float-noise.ts";
import type { Logger } from "../../log/logger.ts";
import { transactionsView } from "../../station/e-transactions/transactions-view.ts";
import {
  type CompositeSchedule,
  compositeSchedule,
  type EvseState,
} from "../../station/k-smart-charging/calculator/composite-schedule.ts";
import {
  prepareProfile,
  type RateUnit,
  secondsOf,
} from "../../station/k-smart-charging/calculator/prepared-profile.ts";
import { ProfileIndex } from "../../station/k-smart-charging/calculator/profile-index.ts";
import type { InstalledProfile } from "../../station/k-smart-charging/installed-profile.ts";
import { storedProfiles } from "../../station/k-smart-charging/profile-store.ts";
import { ChargingProfileRepository } from "../../store/charging-profile-repository.ts";
import { rowsOf, type ViewRow } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";

/** What is asked: an EVSE, or with 0 the station, and how far ahead. */
export interface ScheduleQuestion {
  readonly evseId: number;
  readonly hours: number;
  readonly unit: RateUnit;
  readonly now: Date;
}

const QUIET: Logger = { debug() {}, info() {}, warn() {}, error() {}, critical() {} };

function actualValue(
  variables: readonly ViewRow[],
  component: string,
  variable: string,
  evse: number | null,
): string | undefined {
  const row = variables.find(
    (one) =>
      one.component === component && one.variable === variable && one.evse === evse && one.attribute === "Actual",
  );
  return row?.value === null || row?.value === undefined || row.value === "" ? undefined : String(row.value);
}

const Running = v.object({
  TRANSACTION_ID: v.string(),
  STATE: jsonColumn(v.object({ transaction: v.object({ readyAt: v.optional(v.string()) }) })),
});

/** When the transactions that this program has begun were ready for energy. */
function readyTimes(core: Database): ReadonlyMap<string, string> {
  return new Map(
    rowsOf(core, "STATION_TRANSACTION").flatMap((row) => {
      const parsed = v.safeParse(Running, row);
      const readyAt = parsed.success ? parsed.output.STATE.transaction.readyAt : undefined;
      return parsed.success && readyAt !== undefined ? [[parsed.output.TRANSACTION_ID, readyAt] as const] : [];
    }),
  );
}

/** Those of the device model, and those that profiles and transactions speak of. */
function evsesOf(
  core: Database,
  variables: readonly ViewRow[],
  installed: readonly InstalledProfile[],
): readonly EvseState[] {
  const transactions = transactionsView(core);
  const ready = readyTimes(core);

  const described = variables.filter(({ component, variable }) => component === "EVSE" && variable === "Available");
  const ids = [...described, ...transactions].flatMap(({ evse }) => (typeof evse === "number" ? [evse] : []));
  const known = new Set([...ids, ...installed.map(({ evseId }) => evseId)].filter((evseId) => evseId > 0));
  return [...known]
    .toSorted((one, other) => one - other)
    .map((evseId) => {
      const running = transactions.find(({ evse }) => evse === evseId);
      const since = running && (ready.get(String(running.transactionId)) ?? running.started);
      return {
        evseId,
        isDirectCurrent: actualValue(variables, "EVSE", "SupplyPhases", evseId) === "0",
        ...(running !== undefined && {
          transaction: {
            transactionId: String(running.transactionId),
            anchorSeconds: since === null || since === undefined ? undefined : secondsOf(String(since)),
          },
        }),
      };
    });
}

/** What the core database says about limits. */
export interface ChargingFacts {
  readonly evses: readonly EvseState[];
  readonly installed: readonly InstalledProfile[];
}

export function chargingFacts(core: Database, variables: readonly ViewRow[]): ChargingFacts {
  const hasProfiles = rowsOf(core, "CHARGING_PROFILES", "ID").length > 0;
  const installed = hasProfiles ? storedProfiles(new ChargingProfileRepository(core, QUIET), QUIET) : [];
  return { evses: evsesOf(core, variables, installed), installed };
}

/** The composite schedule that the station's databases mean, without asking the station. @throws for an unknown EVSE. */
export function scheduleOf(
  { evses, installed }: ChargingFacts,
  variables: readonly ViewRow[],
  { evseId, hours, unit, now }: ScheduleQuestion,
): CompositeSchedule {
  if (evseId !== 0 && !evses.some((evse) => evse.evseId === evseId))
    throw new CommandLineError(`there is no EVSE ${evseId}`);
  const number = (name: string, otherwise: number): number =>
    Number(actualValue(variables, "SmartChargingCtrlr", name, null) ?? otherwise) || otherwise;
  const isOff = ["Available", "Enabled"].some(
    (name) => actualValue(variables, "SmartChargingCtrlr", name, null)?.toLowerCase() === "false",
  );
  const startSeconds = secondsOf(now);
  return compositeSchedule(
    {
      evses,
      profiles: new ProfileIndex(
        installed.map(({ evseId: place, source, profile }) => prepareProfile(profile, place, source)),
      ),
      electrical: {
        voltage: number("SupplyVoltage", 230),
        defaultPhases: number("CompositeScheduleDefaultNumberPhases", 3),
        defaultLimit: {
          A: number("CompositeScheduleDefaultLimitAmps", 48),
          W: number("CompositeScheduleDefaultLimitWatts", 33_120),
        },
      },
      simulatesTransactions: true,
      ignoredPurposes: new Set(isOff ? (["ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"] as const) : []),
    },
    evseId,
    { startSeconds, endSeconds: startSeconds + Math.round(hours * 3600) },
    unit,
  );
}

const WIDTH = 72;
const HEIGHT = 8;
const EIGHTHS = [" ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

const clockTime = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(11, 16);

/** The limit over time as columns of blocks, with the highest limit and the hours (UTC) at its edges. */
export function plot({ startSeconds, durationSeconds, periods, unit, evseId }: CompositeSchedule): string {
  const highest = Math.max(1, ...periods.map(({ limit }) => limit));
  const columns = Array.from({ length: WIDTH }, (_, column) => {
    const at = (column / WIDTH) * durationSeconds;
    const limit = periods.findLast(({ startSeconds: start }) => start <= at)?.limit ?? 0;
    return Math.round((limit / highest) * HEIGHT * 8);
  });
  const margin = `${highest.toFixed(1)} ${unit}`.length;
  const rows = Array.from({ length: HEIGHT }, (_, row) => {
    const floor = (HEIGHT - 1 - row) * 8;
    const blocks = columns.map((height) => EIGHTHS[Math.max(0, Math.min(8, height - floor))]).join("");
    const label = row === 0 ? `${highest.toFixed(1)} ${unit}` : row === HEIGHT - 1 ? `0 ${unit}` : "";
    return `${label.padStart(margin)} │${blocks}`;
  });
  const [from, to] = [clockTime(startSeconds), clockTime(startSeconds + durationSeconds)];
  const axis = `${" ".repeat(margin)} └${"─".repeat(WIDTH)}`;
  const hours = `${" ".repeat(margin + 2)}${from}${to.padStart(WIDTH - from.length)}`;
  const title = evseId === 0 ? "the whole station" : `EVSE ${evseId}`;
  return [`Limit of ${title} (UTC)`, ...rows, axis, hours].map((line) => `${line.trimEnd()}\n`).join("");
}

/** The periods as rows of a table. */
export function scheduleRows({ startSeconds, periods, unit }: CompositeSchedule): readonly ViewRow[] {
  return periods.map((period) => ({
    from: new Date((startSeconds + period.startSeconds) * 1000).toISOString(),
    limit: withoutFloatNoise(period.limit),
    unit,
    phases: period.numberPhases ?? null,
    phaseToUse: period.phaseToUse ?? null,
  }));
}
