import { SimulatedCsms } from "../../src/sim/csms.ts";
import { InProcessCharger } from "./in-process-charger.ts";
import { TcpProxy } from "./tcp-proxy.ts";

const PASSWORD = "password-of-the-test";

/** Looks every few milliseconds, since a real network moves without the fake clock. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = performance.now() + 5_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`not within 5 s: ${what}`);
    await Bun.sleep(2);
  }
}

/** A station in this process on a fake clock, a CSMS on a real socket, and a proxy that spoils the network between them. */
export class NetworkedStation {
  private constructor(
    readonly charger: InProcessCharger,
    readonly csms: SimulatedCsms,
    readonly proxy: TcpProxy,
  ) {}

  static async start(variables: Readonly<Record<string, string>> = {}): Promise<NetworkedStation> {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    const proxy = await TcpProxy.start(Number(new URL(csms.url).port));
    const charger = new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl: `ws://127.0.0.1:${proxy.port}`, securityProfile: 1 } },
      ]),
      "SecurityCtrlr.BasicAuthPassword": PASSWORD,
      "OCPPCommCtrlr.WebSocketPingInterval": "10",
      "InternalCtrlr.WebsocketPongTimeout": "5",
      "OCPPCommCtrlr.RetryBackOffWaitMinimum": "2",
      "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
      ...variables,
    });
    charger.usesNetwork = true;
    const station = new NetworkedStation(charger, csms, proxy);
    await charger.start();
    return station;
  }

  /** Started, connected, accepted, and everything said that there is to say. */
  static async accepted(variables: Readonly<Record<string, string>> = {}): Promise<NetworkedStation> {
    const station = await NetworkedStation.start(variables);
    await station.settled();
    return station;
  }

  async settled(): Promise<void> {
    const { charger, csms } = this;
    await until(() => charger.csms.connected, "connected");
    await until(() => charger.csms.registration === "Accepted", "accepted");
    await charger.clock.advance(1);
    await until(() => csms.calls.some(({ action }) => action === "StatusNotification"), "status told");
    await until(() => charger.csms.durableQueueLength === 0, "queue empty");
  }

  /** Moves the station's time in small steps, so that the real sockets keep up with it. */
  async pass(seconds: number): Promise<void> {
    for (let step = 0; step < seconds * 4; step++) {
      await this.charger.clock.advance(250);
      await Bun.sleep(1);
      // A handshake takes real time only, unless the network swallows it.
      const limit = performance.now() + 50;
      while (this.charger.csms.status.state === "connecting" && performance.now() < limit) await Bun.sleep(1);
    }
  }

  report(...types: readonly string[]): void {
    for (const type of types) this.charger.context.events.emit("securityEvent", { type, critical: true });
  }

  /** The reported events as the CSMS got them. */
  reported(prefix = "Event"): readonly string[] {
    return this.csms.calls
      .filter(({ action }) => action === "SecurityEventNotification")
      .map(({ request }) => String(request.type))
      .filter((type) => type.startsWith(prefix));
  }

  get log(): string {
    return this.charger.log.join("\n");
  }

  async stop(): Promise<void> {
    this.charger.dispose();
    this.proxy.stop();
    await this.csms.stop();
  }
}
