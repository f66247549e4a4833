import { InternalCtrlr, OCPPCommCtrlr, SampledDataCtrlr, TxCtrlr } from "../../src/device-model/variables.ts";
import type { PresentedToken } from "../../src/station/ports.ts";
import { defaultAnswer, InProcessCharger, type Reaction, type SeenCall } from "../support/in-process-charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { checkCourse, checkInvariants, recordOf } from "./invariants.ts";
import { SimulatedEvse } from "./simulated-evse.ts";

const STEPS = 24;
/** So many lives are lived by one charger before it is replaced: a start costs as much as a life. */
export const LIVES_OF_ONE_CHARGER = 20;
const SETTLING_MILLISECONDS = 300_000;

const START_POINTS = [
  "PowerPathClosed",
  "EVConnected",
  "Authorized",
  "EnergyTransfer",
  "EVConnected,Authorized",
] as const;
const STOP_POINTS = [
  "EVConnected,Authorized",
  "EVConnected",
  "Authorized",
  "PowerPathClosed",
  "EnergyTransfer",
] as const;

/** A seeded life of a charger: drivers, remote starts and stops, refused tokens, broken lines, crashes, power cuts. */
class Life {
  private readonly random: SeededRandom;
  private readonly evses: readonly SimulatedEvse[];
  private commandsSeen: number;
  private well = false;

  constructor(
    private readonly charger: InProcessCharger,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
    charger.random.reseed(~seed);
    this.evses = charger.model.evses.map(({ evseId }) => new SimulatedEvse(charger, evseId, this.random));
    this.commandsSeen = charger.hardwareCalls.length;
    this.configure();
    charger.react = (call) => this.react(call);
    const at = (evseId: unknown): SimulatedEvse | undefined => this.evses[Number(evseId) - 1];
    charger.hardwareAnswers = {
      stopTransaction: (evseId, reason) => at(evseId)?.stopTransaction(reason as "Remote") ?? false,
      pauseCharging: (evseId) => at(evseId)?.pauseCharging() ?? false,
      withdrawAuthorization: (evseId) => at(evseId)?.withdrawAuthorization(),
    };
  }

  private setPoints(): void {
    const { deviceModel } = this.charger;
    deviceModel.write(TxCtrlr.TxStartPoint, this.random.pick(START_POINTS).split(","), "internal");
    deviceModel.write(TxCtrlr.TxStopPoint, this.random.pick(STOP_POINTS).split(","), "internal");
  }

  private configure(): void {
    const { charger, random } = this;
    const { deviceModel } = charger;
    this.setPoints();
    deviceModel.write(SampledDataCtrlr.TxUpdatedInterval, random.pick([0, 20, 60]), "internal");
    deviceModel.write(SampledDataCtrlr.TxEndedInterval, random.pick([0, 30]), "internal");
    deviceModel.write(OCPPCommCtrlr.MessageAttempts_TransactionEvent, random.pick([3, 20]), "internal");
    deviceModel.write(OCPPCommCtrlr.MessageAttemptInterval_TransactionEvent, 1, "internal");
    deviceModel.write(InternalCtrlr.MessageQueueSizeThreshold, random.pick([12, 2_000]), "internal");
    deviceModel.write(TxCtrlr.StopTxOnInvalidId, random.next() < 0.6, "internal");
    deviceModel.write(TxCtrlr.MaxEnergyOnInvalidId, random.pick([0, 500]), "internal");
  }

  private react({ action, payload }: SeenCall): Reaction {
    const { charger, random, well } = this;
    const dice = well || action === "BootNotification" ? 1 : random.next();
    if (dice < 0.05) return "silence";
    if (dice < 0.1) return { error: "InternalError" };
    if (action === "TransactionEvent" && payload.idToken !== undefined)
      return { answer: { idTokenInfo: { status: dice < 0.2 ? "Invalid" : "Accepted" } } };
    return { answer: defaultAnswer(action, charger.clock) };
  }

  /** What EVerest's Auth does with the tokens of remote starts. */
  private handOverTokens(): void {
    for (const { name, args } of this.charger.hardwareCalls.slice(this.commandsSeen)) {
      if (name !== "provideToken") continue;
      const { idToken, remoteStartId, evseId } = args[0] as PresentedToken & { evseId: number };
      this.evses[evseId - 1]?.takeToken({
        idToken,
        remote: true,
        ...(remoteStartId !== undefined && { remoteStartId }),
      });
    }
    this.commandsSeen = this.charger.hardwareCalls.length;
  }

  private async crash(): Promise<void> {
    this.charger.crash();
    await this.charger.start();
  }

  private async step(): Promise<void> {
    const { charger, random } = this;
    const dice = random.next();
    const evse = this.evses[random.below(this.evses.length)] as SimulatedEvse;
    if (dice < 0.07) charger.disconnect();
    else if (dice < 0.12) charger.reachable = !charger.reachable;
    else if (dice < 0.135) {
      await this.crash();
      for (const one of this.evses) one.showLife();
    } else if (dice < 0.15) {
      await this.crash();
      for (const one of this.evses) one.restoreAfterPowerLoss();
    } else if (dice < 0.18) this.setPoints();
    else if (dice < 0.24) evse.misbehave();
    else evse.act();
    for (const one of this.evses) one.measure();
    await charger.clock.advance(random.below(30_000));
    this.handOverTokens();
  }

  async live(): Promise<void> {
    const { charger, evses } = this;
    for (let step = 0; step < STEPS; step++) await this.step();
    // In the end the CSMS is there and well, and everybody goes home or charges on.
    charger.reachable = true;
    this.well = true;
    await charger.clock.advance(30_000);
    this.handOverTokens();
    for (const evse of evses) if (this.random.next() < 0.7) evse.leave();
    await charger.clock.advance(SETTLING_MILLISECONDS);
    this.check(checkCourse);
    for (const evse of evses) evse.leave();
    await charger.clock.advance(1_000);
    this.check(checkInvariants);
  }

  private check(invariants: typeof checkInvariants): void {
    invariants(recordOf(this.charger), (evseId) => this.evses[evseId - 1]?.plugged === true);
  }
}

/**
 * The lives of `count` seeds, one after the other on few chargers; every invariant looks at all that a charger has ever said.
 * @throws Error that names the seed and what does not hold.
 */
export async function liveSeeds(firstSeed: number, count: number, onSeed = () => {}): Promise<void> {
  let charger: InProcessCharger | undefined;
  try {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      if (charger === undefined || (seed - firstSeed) % LIVES_OF_ONE_CHARGER === 0) {
        charger?.dispose();
        charger = new InProcessCharger(seed);
        charger.keepsDeviceModel = true;
        await charger.start();
        await charger.clock.advance(1_000);
      }
      try {
        await new Life(charger, seed).live();
        onSeed();
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`);
      }
    }
  } finally {
    charger?.dispose();
  }
}
