import { AuthCtrlr, TxCtrlr } from "../../src/device-model/variables.ts";
import type { Reservation } from "../../src/station/h-reservation/reservation.ts";
import { defaultAnswer, InProcessCharger, type Payload } from "../support/in-process-charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { checkInvariants, recordOf } from "./invariants.ts";
import { SimulatedAuth } from "./simulated-auth.ts";

const STEPS = 30;
const EVSES = 3;
const LIVES_OF_ONE_CHARGER = 20;
const LONGEST_RESERVATION_SECONDS = 600;
const IDS_OF_ONE_LIFE = 100;

type Token = { readonly idToken: string; readonly type: "ISO14443" };

function require(condition: boolean, what: string, detail?: unknown): void {
  if (!condition) throw new Error(`${what}: ${JSON.stringify(detail)}`);
}

/** A seeded life of a charger whose EVSEs are reserved. */
class ReservedLife {
  private readonly random: SeededRandom;
  private readonly auth: SimulatedAuth;
  private commandsSeen: number;
  private isWell = false;
  private crashes = 0;

  constructor(
    private readonly charger: InProcessCharger,
    private readonly seed: number,
  ) {
    this.random = new SeededRandom(seed);
    charger.random.reseed(~seed);
    this.auth = new SimulatedAuth(charger, this.random);
    this.commandsSeen = charger.hardwareCalls.length;
    charger.deviceModel.write(
      TxCtrlr.TxStartPoint,
      this.random.pick([["Authorized"], ["PowerPathClosed"]]),
      "internal",
    );
    charger.deviceModel.write(AuthCtrlr.AuthorizeRemoteStart, this.random.next() < 0.5, "internal");
    charger.react = ({ action }) =>
      !this.isWell && action !== "BootNotification" && this.random.next() < 0.05
        ? "silence"
        : { answer: defaultAnswer(action, charger.clock) };
  }

  /** Often that of somebody who has reserved. */
  private token(): Token {
    const [reserver] = this.promised.filter(() => this.random.next() < 0.3);
    if (reserver !== undefined) return reserver.idToken as Token;
    return { idToken: `T${this.random.below(4)}`, type: "ISO14443" };
  }

  /** What the station has promised. */
  private get promised(): readonly Reservation[] {
    return this.charger.core.reservations.all() as readonly Reservation[];
  }

  private send(action: string, payload: unknown): void {
    this.charger.sendText(JSON.stringify([2, this.random.uuid(), action, payload]));
  }

  private reserve(): void {
    const { random, charger } = this;
    const seconds = 1 + random.below(LONGEST_RESERVATION_SECONDS);
    this.send("ReserveNow", {
      // Within a life ids come again: replaced, or used anew.
      id: this.seed * IDS_OF_ONE_LIFE + random.below(6),
      expiryDateTime: new Date(charger.clock.now().getTime() + seconds * 1000).toISOString(),
      idToken: this.token(),
      ...(random.next() < 0.6 && { evseId: 1 + random.below(EVSES) }),
    });
  }

  private async present(evseId: number): Promise<void> {
    const token = this.token();
    // Whoever has reserved no certain EVSE, too, may not have the one that is kept for somebody else.
    const ofOthers = () =>
      this.promised.filter((one) => one.evseId === evseId && one.idToken.idToken !== token.idToken);
    const before = ofOthers().map(({ placedAt }) => placedAt);
    const { crashes } = this;
    const { idTokenInfo } = await this.charger.services.authorization.authorize({ idToken: token, evseIds: [evseId] });
    // The process that has decided is gone, so nobody hears of it.
    if (crashes !== this.crashes) return;
    const isFree = this.auth.at(evseId).token === undefined;
    // What was made or ended while the CSMS was asked may have been so or not when it was decided.
    const others = ofOthers().filter(({ placedAt }) => before.includes(placedAt));
    if (isFree && idTokenInfo.status === "Accepted")
      require(others.length === 0, "an EVSE is handed to somebody for whom it is not reserved", others);
    if (idTokenInfo.status === "Accepted") this.auth.authorize(this.auth.at(evseId), token);
  }

  /** What Auth does with the tokens of remote starts. */
  private handOverTokens(): void {
    for (const { name, args } of this.charger.hardwareCalls.slice(this.commandsSeen)) {
      if (name !== "provideToken") continue;
      const { idToken, evseId, remoteStartId } = args[0] as { idToken: Token; evseId: number; remoteStartId: number };
      this.auth.authorize(this.auth.at(evseId), idToken, remoteStartId);
    }
    this.commandsSeen = this.charger.hardwareCalls.length;
  }

  private fault(evseId: number, state: "raised" | "cleared"): void {
    this.charger.hardwareEvents.emit("error", {
      state,
      origin: `evse${evseId}`,
      type: "evse_manager/Inoperative",
      subType: "",
      description: "",
      message: "",
      severity: "High",
      timestamp: this.charger.clock.now(),
      evseId,
      inoperative: true,
      component: "EVSE",
      variable: "Problem",
    });
  }

  private async step(): Promise<void> {
    const { auth, charger, random } = this;
    const dice = random.next();
    const evseId = 1 + random.below(EVSES);
    const place = auth.at(evseId);
    if (dice < 0.3) this.reserve();
    else if (dice < 0.36)
      this.send("CancelReservation", { reservationId: this.seed * IDS_OF_ONE_LIFE + random.below(6) });
    else if (dice < 0.5) void this.present(evseId).catch((error) => this.fail(error as Error));
    else if (dice < 0.58)
      this.send("RequestStartTransaction", {
        remoteStartId: 1 + random.below(1_000),
        idToken: this.token(),
        ...(random.next() < 0.5 && { evseId }),
      });
    else if (dice < 0.7) auth.plugIn(place);
    else if (dice < 0.82) auth.leave(place);
    else if (dice < 0.86) this.fault(evseId, random.next() < 0.4 ? "raised" : "cleared");
    else if (dice < 0.9) charger.disconnect();
    else if (dice < 0.93) charger.reachable = !charger.reachable;
    else {
      this.crashes++;
      charger.crash();
      if (dice < 0.965) auth.losePower();
      await charger.clock.advance(random.below(60_000));
      await charger.start();
    }
    await charger.clock.advance(random.below(20_000));
    auth.expire();
    this.handOverTokens();
    if (this.failure !== undefined) throw this.failure;
  }

  private failure: Error | undefined;
  private fail(error: Error): void {
    this.failure ??= error;
  }

  /** Resolves to the number of reservations that drivers have used. */
  async live(): Promise<number> {
    const { auth, charger } = this;
    for (let step = 0; step < STEPS; step++) await this.step();
    // In the end everybody is well and goes home, and all reservations run out.
    this.isWell = auth.isWell = true;
    charger.reachable = true;
    for (let evseId = 1; evseId <= EVSES; evseId++) this.fault(evseId, "cleared");
    await charger.clock.advance(60_000);
    this.handOverTokens();
    for (const place of auth.places) auth.leave(place);
    for (let second = 0; second < LONGEST_RESERVATION_SECONDS + 60; second += 60) {
      await charger.clock.advance(60_000);
      auth.expire();
    }
    await charger.clock.advance(120_000);
    return this.check();
  }

  private check(): number {
    const { charger } = this;
    require(this.promised.length === 0, "reservations are left", this.promised);
    const record = recordOf(charger);
    // Nobody is Reserved, in the model, the device model and for the CSMS.
    checkInvariants(record, () => false);
    return this.checkReserved(record.created);
  }

  /** One driver for each reservation: its id is told with one transaction for each time that it was placed. */
  private checkReserved(created: readonly Payload[]): number {
    const placed = new Map<number, Set<string>>();
    for (const { name, args } of this.charger.hardwareCalls)
      if (name === "reserveNow") {
        // One that is made again keeps its time.
        const { reservationId, placedAt } = args[0] as Reservation;
        placed.set(reservationId, (placed.get(reservationId) ?? new Set()).add(placedAt));
      }
    const used = new Map<number, Set<string>>();
    // What the charger was asked for in earlier lives is theirs.
    for (const { reservationId, transactionInfo } of created)
      if (typeof reservationId === "number" && Math.floor(reservationId / IDS_OF_ONE_LIFE) === this.seed) {
        const { transactionId } = transactionInfo as { transactionId: string };
        used.set(reservationId, (used.get(reservationId) ?? new Set()).add(transactionId));
      }
    for (const [reservationId, transactions] of used)
      require(transactions.size <= (placed.get(reservationId)?.size ?? 0), "a reservation was given to two drivers", {
        reservationId,
        transactions: [...transactions],
      });
    return used.size;
  }
}

/** The lives of `count` seeds; says how many reservations were used. @throws Error that names the seed and what does not hold. */
export async function liveReservedSeeds(firstSeed: number, count: number, onSeed = () => {}): Promise<number> {
  let charger: InProcessCharger | undefined;
  let used = 0;
  try {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      if (charger === undefined || (seed - firstSeed) % LIVES_OF_ONE_CHARGER === 0) {
        charger?.dispose();
        charger = new InProcessCharger(seed, {}, EVSES);
        charger.keepsDeviceModel = true;
        await charger.start();
        await charger.clock.advance(1_000);
      }
      try {
        used += await new ReservedLife(charger, seed).live();
        onSeed();
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`);
      }
    }
  } finally {
    charger?.dispose();
  }
  return used;
}
