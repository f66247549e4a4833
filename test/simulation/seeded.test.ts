import { expect, test } from "bun:test";
import { safeParse } from "valibot";
import { SeededRandom } from "../../src/lib/random.ts";
import { type Action, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import { defaultAnswer, InProcessCharger, type Payload, type Reaction } from "../support/in-process-charger.ts";

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 500);
const STEPS = 30;

interface Driver {
  sessionId: string | undefined;
  plugged: boolean;
  transaction: boolean;
  charging: boolean;
  energy: number;
}

const token = (random: SeededRandom) => ({
  idToken: { idToken: `CARD${random.below(3)}`, type: "ISO14443" as const },
  remote: false,
});

/** One thing that a driver, a car or the hardware may do next at an EVSE. */
function act(charger: InProcessCharger, evseId: number, driver: Driver, random: SeededRandom): void {
  const sessionId = driver.sessionId ?? "";
  if (driver.sessionId === undefined) {
    driver.sessionId = random.uuid();
    const cardFirst = random.next() < 0.4;
    driver.plugged = !cardFirst;
    charger.event(evseId, {
      kind: "SessionStarted",
      sessionId: driver.sessionId,
      reason: cardFirst ? "Authorized" : "EVConnected",
      ...(cardFirst && { token: token(random) }),
    });
  } else if (!driver.transaction && random.next() < 0.7) {
    driver.plugged = true;
    driver.transaction = true;
    charger.event(evseId, { kind: "TransactionStarted", sessionId, token: token(random) });
  } else if (driver.transaction && random.next() < 0.6) {
    driver.charging = !driver.charging;
    charger.event(
      evseId,
      driver.charging ? { kind: "ChargingStarted", sessionId } : { kind: "SuspendedEV", sessionId },
    );
  } else {
    if (driver.transaction)
      charger.event(evseId, {
        kind: "TransactionFinished",
        sessionId,
        stoppedReason: random.pick(["Local", "EVDisconnected", "Remote", "EmergencyStop"]),
      });
    charger.event(evseId, { kind: "SessionFinished", sessionId });
    Object.assign(driver, { sessionId: undefined, plugged: false, transaction: false, charging: false });
  }
}

function reaction(charger: InProcessCharger, random: SeededRandom, action: string): Reaction {
  const dice = random.next();
  if (action !== "BootNotification" && dice < 0.05) return "silence";
  if (action !== "BootNotification" && dice < 0.1) return { error: "InternalError" };
  return { answer: defaultAnswer(action, charger.clock) };
}

/** What must hold of everything that the CSMS ever saw. */
function checkInvariants(charger: InProcessCharger, finished: ReadonlySet<string>): void {
  const byTransaction = new Map<string, Payload[]>();
  for (const { action, payload } of charger.calls) {
    const parsed = safeParse(MESSAGE_SCHEMAS[action as Action].request, payload);
    if (!parsed.success) throw new Error(`${action} violates its schema: ${JSON.stringify(payload)}`);
    if (action !== "TransactionEvent") continue;
    const { transactionId } = payload.transactionInfo as { transactionId: string };
    byTransaction.set(transactionId, [...(byTransaction.get(transactionId) ?? []), payload]);
  }
  const discarded = charger.log.filter((line) => line.includes("discarded")).length;
  for (const [transactionId, events] of byTransaction) {
    const first = new Map<number, Payload>();
    let highest = -1;
    for (const event of events) {
      const seqNo = event.seqNo as number;
      const known = first.get(seqNo);
      // A repetition differs at most in `offline`.
      if (known !== undefined) expect({ ...event, offline: undefined }).toEqual({ ...known, offline: undefined });
      else {
        if (discarded === 0) expect([transactionId, seqNo]).toEqual([transactionId, highest + 1]);
        highest = seqNo;
        first.set(seqNo, event);
      }
    }
    if (discarded > 0) continue;
    const types = [...first.values()].map(({ eventType }) => eventType);
    expect(types.filter((type) => type === "Started")).toHaveLength(1);
    expect(types[0]).toBe("Started");
    expect(types.filter((type) => type === "Ended").length).toBeLessThanOrEqual(1);
    if (finished.has(transactionId)) expect(types.at(-1)).toBe("Ended");
  }
}

async function simulate(seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const points = random.pick([
    ["PowerPathClosed", "EVConnected,Authorized"],
    ["EVConnected", "EVConnected"],
    ["Authorized", "Authorized"],
    ["EnergyTransfer", "EVConnected"],
    ["EVConnected,Authorized", "PowerPathClosed"],
  ]);
  const charger = new InProcessCharger(seed, {
    "TxCtrlr.TxStartPoint": points[0] ?? "",
    "TxCtrlr.TxStopPoint": points[1] ?? "",
    "SampledDataCtrlr.TxUpdatedInterval": "20",
    "OCPPCommCtrlr.MessageAttempts": "20",
  });
  charger.react = ({ action }) => reaction(charger, random, action);
  await charger.start();
  const drivers: Driver[] = Array.from({ length: 2 }, () => ({
    sessionId: undefined,
    plugged: false,
    transaction: false,
    charging: false,
    energy: 0,
  }));
  const finished = new Set<string>();
  for (let step = 0; step < STEPS; step++) {
    const dice = random.next();
    if (dice < 0.08) charger.disconnect();
    else if (dice < 0.14) charger.reachable = !charger.reachable;
    else if (dice < 0.18) {
      charger.crash();
      await charger.start();
    } else {
      const evse = random.below(2);
      const driver = drivers[evse] as Driver;
      const before = driver.sessionId;
      act(charger, evse + 1, driver, random);
      if (before !== undefined && driver.sessionId === undefined) finished.add(before);
      driver.energy += 10;
      charger.meter(evse + 1, driver.energy);
    }
    await charger.clock.advance(random.below(40_000));
  }
  // In the end the CSMS is there and well: everything arrives.
  charger.reachable = true;
  charger.react = ({ action }) => ({ answer: defaultAnswer(action, charger.clock) });
  await charger.clock.advance(600_000);
  try {
    expect(charger.core.durableQueue.length).toBe(0);
    expect(charger.log.filter((line) => line.startsWith("critical"))).toEqual([]);
    checkInvariants(charger, finished);
  } catch (error) {
    throw new Error(`seed ${seed} (${points.join(" / ")}): ${(error as Error).message}`);
  } finally {
    charger.dispose();
  }
}

test(`${SEEDS} seeded lives of a charger: one Started, at most one Ended, contiguous numbers, nothing lost (E01, E04, E11.FR.07, E13)`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await simulate(seed);
}, 300_000);
