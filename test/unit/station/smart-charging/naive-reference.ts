/**
 * What a composite schedule says, found out second by second straight from the messages, without breakpoints, stacks or
 * columns: slow, and written without a look at the calculator.
 */
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";

export interface NaiveStation {
  readonly evses: readonly {
    readonly evseId: number;
    readonly isDirectCurrent: boolean;
    readonly transaction?: { readonly transactionId: string; readonly anchorSeconds: number | undefined };
  }[];
  readonly installed: readonly { readonly evseId: number; readonly profile: ChargingProfileType }[];
  readonly voltage: number;
  readonly defaultPhases: number;
  readonly defaultLimit: { readonly A: number; readonly W: number };
  readonly simulatesTransactions: boolean;
  readonly ignored: readonly string[];
}

export interface NaiveLimit {
  readonly limit: number;
  readonly phases: number | undefined;
}

interface Said {
  readonly unit: "A" | "W";
  readonly limit: number;
  readonly phases: number;
}

const toSeconds = (time: string): number => Math.floor(Date.parse(time) / 1000);

/** What one profile says at one second. */
function says(profile: ChargingProfileType, anchor: number, second: number): Said | undefined {
  if (profile.validFrom !== undefined && second < toSeconds(profile.validFrom)) return undefined;
  if (profile.validTo !== undefined && second >= toSeconds(profile.validTo)) return undefined;
  const schedule = profile.chargingSchedule[0];
  if (schedule === undefined) return undefined;
  let start = schedule.startSchedule === undefined ? anchor : toSeconds(schedule.startSchedule);
  if (second < start) return undefined;
  if (profile.chargingProfileKind === "Recurring") {
    const step = profile.recurrencyKind === "Daily" ? 86_400 : 604_800;
    while (start + step <= second) start += step;
  }
  const elapsed = second - start;
  if (schedule.duration !== undefined && elapsed >= schedule.duration) return undefined;
  let found: Said | undefined;
  for (const { startPeriod, limit, numberPhases } of schedule.chargingSchedulePeriod)
    if (startPeriod <= elapsed) found = { unit: schedule.chargingRateUnit, limit, phases: numberPhases ?? 3 };
  return found;
}

function leader(
  station: NaiveStation,
  chosen: (installed: { readonly evseId: number; readonly profile: ChargingProfileType }) => boolean,
  anchor: number,
  second: number,
): Said | undefined {
  let best: { level: number; said: Said } | undefined;
  for (const one of station.installed) {
    if (!chosen(one) || station.ignored.includes(one.profile.chargingProfilePurpose)) continue;
    const said = says(one.profile, anchor, second);
    if (said !== undefined && (best === undefined || one.profile.stackLevel > best.level))
      best = { level: one.profile.stackLevel, said };
  }
  return best?.said;
}

const inUnit = (said: Said, unit: "A" | "W", phases: number, voltage: number): number =>
  said.unit === unit ? said.limit : unit === "W" ? said.limit * voltage * phases : said.limit / (voltage * phases);

/** The lowest of what was said, in one unit and with the lowest number of phases; undefined when nothing was said. */
function lowestOf(
  station: NaiveStation,
  said: readonly Said[],
  phasesOf: readonly number[],
  unit: "A" | "W",
): NaiveLimit | undefined {
  if (said.length === 0) return undefined;
  const phases = phasesOf.length === 0 ? undefined : Math.min(...phasesOf);
  const limits = said.map((one) => inUnit(one, unit, phases ?? station.defaultPhases, station.voltage));
  return { limit: Math.min(...limits), phases };
}

export function naiveLimit(
  station: NaiveStation,
  evseId: number,
  unit: "A" | "W",
  windowStart: number,
  second: number,
): NaiveLimit {
  const known = (values: readonly (Said | undefined)[]): Said[] => values.filter((value) => value !== undefined);
  const caps = known(
    ["ChargingStationExternalConstraints", "ChargingStationMaxProfile"].map((purpose) =>
      leader(station, (one) => one.evseId === 0 && one.profile.chargingProfilePurpose === purpose, windowStart, second),
    ),
  );
  const ofEvse = (evse: NaiveStation["evses"][number]): Said[] => {
    const anchor = evse.transaction?.anchorSeconds ?? windowStart;
    const find = (chosen: Parameters<typeof leader>[1]) => leader(station, chosen, anchor, second);
    const external = find(
      (one) =>
        one.evseId === evse.evseId && one.profile.chargingProfilePurpose === "ChargingStationExternalConstraints",
    );
    const own = find(
      (one) =>
        one.evseId === evse.evseId &&
        one.profile.chargingProfilePurpose === "TxProfile" &&
        evse.transaction !== undefined &&
        one.profile.transactionId === evse.transaction.transactionId,
    );
    const usual =
      evse.transaction !== undefined || station.simulatesTransactions
        ? find(
            (one) =>
              (one.evseId === evse.evseId || one.evseId === 0) &&
              one.profile.chargingProfilePurpose === "TxDefaultProfile",
          )
        : undefined;
    return known([external, own ?? usual]);
  };
  const nobody: NaiveLimit = { limit: station.defaultLimit[unit], phases: undefined };
  const phasesIn = (said: readonly Said[], isDirectCurrent: boolean): number[] =>
    isDirectCurrent ? [] : said.map(({ phases }) => phases);

  const asked = station.evses.find((evse) => evse.evseId === evseId);
  if (asked !== undefined) {
    const said = [...ofEvse(asked), ...caps];
    return lowestOf(station, said, phasesIn(said, asked.isDirectCurrent), unit) ?? nobody;
  }

  const shares = station.evses.map((evse) => {
    const said = ofEvse(evse);
    if (said.length === 0) return nobody;
    const phases = phasesIn([...said, ...caps], evse.isDirectCurrent);
    return lowestOf(station, said, phases, unit) ?? nobody;
  });
  const sum = shares.reduce((total, { limit }) => total + limit, 0);
  // One alternating-current EVSE that nobody limits may use all phases, and then so may the station.
  const free = station.evses.some((evse, index) => !evse.isDirectCurrent && shares[index]?.phases === undefined);
  const used = free ? [] : shares.flatMap(({ phases }) => (phases === undefined ? [] : [phases]));
  const allDirect = station.evses.every(({ isDirectCurrent }) => isDirectCurrent);
  const phases = [...(used.length === 0 ? [] : [Math.max(...used)]), ...phasesIn(caps, allDirect)];
  const lowest = phases.length === 0 ? undefined : Math.min(...phases);
  const limits = caps.map((cap) => inUnit(cap, unit, lowest ?? station.defaultPhases, station.voltage));
  return { limit: Math.min(sum, ...limits), phases: lowest };
}
