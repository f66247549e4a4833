import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { checkTransactions, demandCleanLog, drained, memoryMegabytes, testimonyOf, until } from "./executable.ts";
import { HeardOnBus } from "./frame-parts.ts";
import type { RunningPart, SoakPart } from "./part.ts";

const FAULTS = ["killed", "stopped", "slow", "packet limit", "garbage"] as const;
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
const PACKET_LIMIT_BYTES = 150_000;
const STOPPED_MILLISECONDS = 30_000;
const STOPPED_SHORT_MILLISECONDS = 2_000;
/** A slow broker: it works for a moment, then it stands still. */
const SLOW_TURNS = 20;
const SLOW_WORK_MILLISECONDS = 10;
const SLOW_REST_MILLISECONDS = 90;
const GARBAGE_PER_TOPIC = 5;

class BrokerRun implements RunningPart {
  private readonly pid: number;

  constructor(
    private readonly charger: Charger,
    private readonly heard: HeardOnBus,
    private readonly seed: number,
    private readonly stoppedMilliseconds: number,
  ) {
    this.pid = charger.pid;
  }

  /** Transactions of which the CSMS has got this event. */
  countOf(type: "Started" | "Ended"): number {
    const ids = this.charger
      .transactionEvents()
      .flatMap(({ eventType, transactionInfo }) =>
        eventType === type ? [(transactionInfo as { transactionId: string }).transactionId] : [],
      );
    return new Set(ids).size;
  }

  private async pauseFor(milliseconds: number): Promise<void> {
    this.charger.broker.pause();
    await Bun.sleep(milliseconds);
    this.charger.broker.resume();
  }

  private async slowDown(): Promise<void> {
    for (let turn = 0; turn < SLOW_TURNS; turn++) {
      await this.pauseFor(SLOW_REST_MILLISECONDS);
      await Bun.sleep(SLOW_WORK_MILLISECONDS);
    }
  }

  private async sendGarbage(random: SeededRandom): Promise<void> {
    const topics = [...new Set(this.heard.messages.map(({ topic }) => topic))];
    for (const topic of topics)
      for (let count = 0; count < GARBAGE_PER_TOPIC; count++) {
        const garbage = Buffer.from(Array.from({ length: random.below(300) }, () => random.below(256)));
        await this.heard.client.publishAsync(topic, garbage, { qos: 0 });
      }
  }

  /** What the broker does not take must not cost the connection to it. */
  private async exceedPacketLimit(): Promise<void> {
    const data = "x".repeat(PACKET_LIMIT_BYTES);
    const answer = await Promise.race([
      this.charger.csms.send("DataTransfer", { vendorId: "soak", messageId: "large", data }),
      Bun.sleep(28_000),
    ]);
    if (answer === undefined) throw new Error("a DataTransfer beyond the broker's packet limit was not answered");
  }

  /** A broker that was killed has forgotten who listens, and both sides connect anew: an answer shows that they have. */
  private async untilHeard(): Promise<void> {
    await until("the station hears EVerest", async () => {
      const question = this.charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
        provided_token: { ...TOKEN, connectors: [1] },
      });
      return (await Promise.race([question, Bun.sleep(1_000)])) !== undefined;
    });
  }

  private async inflict(fault: (typeof FAULTS)[number], random: SeededRandom): Promise<void> {
    switch (fault) {
      case "killed":
        return this.charger.broker.restart();
      case "stopped":
        return this.pauseFor(this.stoppedMilliseconds);
      case "slow":
        return this.slowDown();
      case "packet limit":
        return this.exceedPacketLimit();
      case "garbage":
        return this.sendGarbage(random);
    }
  }

  async step(unit: number): Promise<void> {
    const { charger } = this;
    const random = new SeededRandom(this.seed * 1_000_003 + unit);
    const fault = FAULTS[unit % FAULTS.length] ?? "killed";
    const evse = charger.everest.evse((unit % charger.everest.evses.length) + 1);
    const before = this.countOf("Started");
    try {
      await evse.plugIn();
      await evse.authorize(TOKEN);
      await evse.startCharging();
      // What a broker has taken and not handed over when it is killed nobody hears.
      await until("the station has heard of the session", () => this.countOf("Started") === before + 1);
      await this.inflict(fault, random);
      await this.untilHeard();
      await evse.pause("EV");
      await evse.unplug();
      await drained(charger);
      await until("the transaction is over", () => this.countOf("Ended") === before + 1);
      checkTransactions(charger, true);
      demandCleanLog(charger);
      if (charger.pid !== this.pid || !charger.isRunning) throw new Error("the station has ended");
    } catch (error) {
      throw new Error(`broker ${fault}: ${(error as Error).message}`);
    }
  }

  testimony(): string {
    return testimonyOf(this.charger);
  }

  async finish() {
    const { charger, heard } = this;
    const memory = memoryMegabytes(charger).toFixed(0);
    await heard.client.endAsync(true);
    const transactions = checkTransactions(charger, true);
    await charger.stop();
    return { transactions, "RSS at the end, MB": memory };
  }
}

export const broker: SoakPart = {
  name: "broker",
  title:
    "Faults of the broker around a session: killed, stopped for 30 s, slow, a packet limit, garbage on every topic",
  unit: "faults",
  units: 100,
  start: async (seed, { isShort }) => {
    const charger = await Charger.start({
      optionalModules: true,
      brokerConfiguration: `max_packet_size ${PACKET_LIMIT_BYTES}`,
    });
    const heard = await HeardOnBus.of(charger);
    const run = new BrokerRun(charger, heard, seed, isShort ? STOPPED_SHORT_MILLISECONDS : STOPPED_MILLISECONDS);
    await until("the first sessions are over", () => run.countOf("Ended") === charger.everest.evses.length);
    return run;
  },
};
