import { expect, test } from "bun:test";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const SEEDS = Number(process.env.KILL_SEEDS ?? 25);

type Report = {
  readonly requestId: number;
  readonly chargingProfile: readonly { readonly id: number }[];
  readonly tbc?: boolean;
};

/** Sends profiles until the process is killed; resolves to the ids that were answered Accepted, and to all that were sent. */
async function setUntilKilled(charger: Charger, random: SeededRandom, from: number) {
  const accepted: number[] = [];
  let sent = from;
  let isAlive = true;
  const killed = Bun.sleep(random.below(60)).then(async () => {
    await charger.end("SIGKILL");
    isAlive = false;
  });
  while (isAlive) {
    const id = sent++;
    const answer = charger.csms.send("SetChargingProfile", {
      evseId: 1 + (id % 2),
      chargingProfile: {
        id,
        stackLevel: id,
        chargingProfilePurpose: "TxDefaultProfile",
        chargingProfileKind: "Relative",
        chargingSchedule: [
          { id: 1, chargingRateUnit: "A", chargingSchedulePeriod: [{ startPeriod: 0, limit: 6 + (id % 20) }] },
        ],
      },
    });
    // What the station has sent before its end may still arrive.
    const outcome = await Promise.race([
      answer.catch(() => undefined),
      killed.then(() => Bun.sleep(200)).then(() => undefined),
    ]);
    if (outcome?.kind === "response" && (outcome.response as { status: string }).status === "Accepted")
      accepted.push(id);
  }
  await killed;
  return { accepted, sent };
}

test(`kill -9 at ${SEEDS} random instants of SetChargingProfile: nothing that was Accepted is lost, nothing else is in force unreported`, async () => {
  const charger = await Charger.start({
    patch: { SmartChargingCtrlr: { ProfileStackLevel: 100_000 }, InternalCtrlr: { MaxMessageSize: 200_000 } },
  });
  const reports = () =>
    charger.csms.calls
      .filter(({ action }) => action === "ReportChargingProfiles")
      .map(({ request }) => request as unknown as Report);
  const idsOf = (wanted: (report: Report) => boolean) =>
    new Set(
      reports()
        .filter(wanted)
        .flatMap(({ chargingProfile }) => chargingProfile.map(({ id }) => id)),
    );
  try {
    const random = new SeededRandom(2026);
    const accepted = new Set<number>();
    let next = 1;
    for (let seed = 0; seed < SEEDS; seed++) {
      const round = await setUntilKilled(charger, random, next);
      next = round.sent;
      for (const id of round.accepted) accepted.add(id);
      await charger.startStation();
    }
    await charger.csms.send("GetChargingProfiles", { requestId: 77, chargingProfile: {} });
    await charger.csms.waitFor(
      "ReportChargingProfiles",
      ({ requestId, tbc }) => requestId === 77 && tbc !== true,
      10_000,
    );
    const inForce = idsOf(({ requestId }) => requestId === 77);
    const reported = idsOf(({ requestId }) => requestId === 0);
    expect(accepted.size).toBeGreaterThan(SEEDS);
    expect([...accepted].filter((id) => !inForce.has(id))).toEqual([]);
    expect([...inForce].filter((id) => !accepted.has(id) && !reported.has(id))).toEqual([]);
    expect(charger.csms.violations).toEqual([]);
  } finally {
    await charger.stop();
  }
}, 240_000);
