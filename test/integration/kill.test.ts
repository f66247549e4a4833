import { expect, test } from "bun:test";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const SEEDS = Number(process.env.KILL_SEEDS ?? 50);
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };

/** One session after the other on one charger; the process is killed at a random instant of each. */
async function playAndKill(charger: Charger, random: SeededRandom): Promise<void> {
  const evse = charger.everest.evse(1);
  const steps: (() => Promise<unknown>)[] = [
    () => evse.plugIn(),
    () => evse.authorize(TOKEN),
    () => evse.startCharging(),
    () => evse.pause("EV"),
    () => evse.startCharging(),
  ];
  const killBefore = random.below(steps.length + 1);
  for (const [index, step] of steps.entries()) {
    if (index === killBefore) await killAndRestart(charger, random);
    await step();
    await Bun.sleep(random.below(15));
  }
  if (killBefore === steps.length) await killAndRestart(charger, random);
  await Bun.sleep(20);
  await evse.unplug();
}

async function killAndRestart(charger: Charger, random: SeededRandom): Promise<void> {
  await Bun.sleep(random.below(10));
  await charger.end("SIGKILL");
  await charger.startStation();
}

test(`kill -9 at ${SEEDS} random instants: numbers contiguous, nothing missing, repetitions differ at most in offline`, async () => {
  const charger = await Charger.start({ patch: { SampledDataCtrlr: { TxUpdatedInterval: 1 } } });
  try {
    const random = new SeededRandom(2026);
    for (let seed = 0; seed < SEEDS; seed++) await playAndKill(charger, random);
    await Bun.sleep(1_000);
    const byTransaction = Map.groupBy(
      charger.transactionEvents(),
      ({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId,
    );
    for (const events of byTransaction.values()) {
      const first = new Map<number, unknown>();
      for (const { offline: _, ...event } of events) {
        const seqNo = event.seqNo as number;
        if (first.has(seqNo)) expect(event as unknown).toEqual(first.get(seqNo));
        else {
          expect(seqNo).toBe(first.size);
          first.set(seqNo, event);
        }
      }
      expect(events[0]?.eventType).toBe("Started");
      expect(events.at(-1)?.eventType).toBe("Ended");
    }
    expect(byTransaction.size).toBeGreaterThan(SEEDS / 2);
    expect(charger.csms.violations).toEqual([]);
  } finally {
    await charger.stop();
  }
}, 240_000);
