import { isDeepStrictEqual } from "node:util";
import { safeParse } from "valibot";
import { type ChargingNeedsType, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import { InProcessCharger, type Reaction } from "../support/in-process-charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const STEPS = 60;
const EVSES = [1, 2] as const;
const CARD = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };
const REACTIONS: readonly [Reaction, ...Reaction[]] = [
  { answer: { status: "Accepted" } },
  { answer: { status: "Processing" } },
  { answer: { status: "Rejected" } },
  { answer: {} },
  { error: "InternalError" },
  "silence",
];

/** So long a message may wait for the answer to another one. */
const TURN_MILLISECONDS = 31_000;

/** What the CSMS is to learn of the EV at one EVSE. */
interface Truth {
  session: string | undefined;
  leftAt: number;
  newest: ChargingNeedsType | undefined;
  /** A crash may have lost needs that were not five seconds old. */
  isCertain: boolean;
}

/** EVs that come, renegotiate and leave, a CSMS with moods, a bad network and kill -9, all by chance. */
class Scene {
  readonly charger: InProcessCharger;
  private readonly random: SeededRandom;
  private readonly truths = new Map<number, Truth>();
  private reaction: Reaction = REACTIONS[0];
  private sessions = 0;
  private readonly now = () => this.charger.clock.monotonicMilliseconds();
  private readonly ofNobody: object[] = [];

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.charger = new InProcessCharger(seed, { "TxCtrlr.TxStartPoint": "PowerPathClosed" });
    const { react } = this.charger;
    this.charger.react = (call) => {
      if (call.action !== "NotifyEVChargingNeeds") return react(call);
      const truth = this.truths.get(Number(call.payload.evseId));
      const isGone = truth?.session === undefined && this.now() - (truth?.leftAt ?? 0) > TURN_MILLISECONDS;
      if (isGone) this.ofNobody.push(call.payload);
      return this.reaction;
    };
    for (const evseId of EVSES)
      this.truths.set(evseId, { session: undefined, leftAt: 0, newest: undefined, isCertain: true });
  }

  async play(): Promise<void> {
    const { charger, random } = this;
    await charger.start();
    for (let step = 0; step < STEPS; step++) {
      const dice = random.next();
      if (dice < 0.8) this.act(random.pick(EVSES));
      else if (dice < 0.88) this.reaction = random.pick(REACTIONS);
      else if (dice < 0.92) this.loseConnection();
      else if (dice < 0.95) charger.reachable = true;
      else await this.crash();
      await charger.clock.advance(random.pick([10, 200, 3_000, 20_000]));
    }
    this.reaction = REACTIONS[0];
    charger.reachable = true;
    await charger.clock.advance(400_000);
  }

  private act(evseId: number): void {
    const truth = this.truths.get(evseId);
    if (truth === undefined) return;
    const dice = this.random.next();
    if (truth.session === undefined) {
      truth.session = `s${++this.sessions}`;
      const session = { sessionId: truth.session };
      this.charger.event(evseId, { kind: "SessionStarted", reason: "EVConnected", ...session });
      this.charger.event(evseId, { kind: "TransactionStarted", token: CARD, ...session });
    } else if (dice < 0.85) this.tellNeeds(evseId, truth);
    else this.leave(evseId, truth.session);
  }

  private tellNeeds(evseId: number, truth: Truth): void {
    const isFlood = this.random.next() < 0.1;
    for (let count = 0; count < (isFlood ? 100 : 1); count++) {
      truth.newest = {
        requestedEnergyTransfer: "AC_three_phase",
        acChargingParameters: {
          energyAmount: this.random.below(4) * 1_000,
          evMinCurrent: 6,
          evMaxCurrent: 32,
          evMaxVoltage: 400,
        },
      };
      truth.isCertain = true;
      this.charger.hardwareEvents.emit("chargingNeeds", { evseId, needs: truth.newest });
    }
  }

  private leave(evseId: number, sessionId: string): void {
    this.charger.event(evseId, { kind: "TransactionFinished", stoppedReason: "EVDisconnected", sessionId });
    this.charger.event(evseId, { kind: "SessionFinished", sessionId });
    this.truths.set(evseId, { session: undefined, leftAt: this.now(), newest: undefined, isCertain: true });
  }

  private loseConnection(): void {
    this.charger.reachable = this.random.next() < 0.5;
    this.charger.disconnect();
  }

  private async crash(): Promise<void> {
    const { charger } = this;
    charger.crash();
    await charger.start();
    for (const [evseId, truth] of this.truths) {
      truth.isCertain = false;
      if (truth.session !== undefined) charger.event(evseId, { kind: "SessionResumed", sessionId: truth.session });
    }
  }

  /** What is wrong with what the CSMS has seen; empty if nothing. */
  defects(): readonly string[] {
    const told = this.charger.callsOf("NotifyEVChargingNeeds");
    const odd = told.filter((request) => !safeParse(MESSAGE_SCHEMAS.NotifyEVChargingNeeds.request, request).success);
    const missing = [...this.truths].flatMap(([evseId, { session, newest, isCertain }]) => {
      const last = told.findLast((request) => request.evseId === evseId)?.chargingNeeds;
      if (session === undefined || newest === undefined || !isCertain || isDeepStrictEqual(last, newest)) return [];
      return [`EVSE ${evseId} needs ${JSON.stringify(newest)}, the CSMS knows ${JSON.stringify(last)}`];
    });
    const complaints = this.charger.log.filter((line) => line.startsWith("critical") || line.includes("cannot be"));
    return [
      ...this.ofNobody.map((request) => `nobody is there: ${JSON.stringify(request)}`),
      ...odd.map((request) => `odd: ${JSON.stringify(request)}`),
      ...missing,
      ...complaints,
    ];
  }
}

/** The lives of `count` seeds. @throws Error that names the seed and what does not hold. */
export async function liveNeedsSeeds(firstSeed: number, count: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const scene = new Scene(seed);
    try {
      await scene.play();
      const [defect] = scene.defects();
      if (defect !== undefined) throw new Error(`seed ${seed}: ${defect}`);
    } finally {
      scene.charger.dispose();
    }
  }
}
