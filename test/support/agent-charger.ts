import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Agent } from "../../src/agent/agent.ts";
import { SystemClock } from "../../src/lib/clock.ts";
import { SystemRandom } from "../../src/lib/random.ts";
import { createLineLogger } from "../../src/log/logger.ts";
import { type SimulatedBroker, startBroker } from "../../src/sim/broker.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { EverestSide, type EverestSideOptions } from "../../src/sim/everest/everest-side.ts";
import { networkProfiles, patchComponentConfig } from "../../src/sim/simulate.ts";

const PASSWORD = "DEADBEEFDEADBEEF";

export interface AgentChargerOptions extends Pick<EverestSideOptions, "release" | "slot" | "parameters" | "evseCount"> {
  readonly patch?: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;
  /** Puts databases in place before the first start: of an older version, of libocpp, … */
  readonly prepare?: (directory: string) => void;
  /** Parameters that depend on where the charger lies. */
  readonly parametersIn?: (directory: string) => Readonly<Record<string, string>>;
  /** EVerest's security module keeps real certificates (`everest.security`), see Charger. */
  readonly certificates?: "separate" | "shared";
  /** Install prefix; its interface files stand in for a manager that distributes nothing. */
  readonly prefix?: string;
}

/** A whole charger in this process: broker, EVerest side, CSMS and the station's agent, on real sockets and files. */
export class AgentCharger {
  readonly log: string[] = [];
  agent: Agent | undefined;
  shutdowns = 0;

  private constructor(
    readonly directory: string,
    readonly broker: SimulatedBroker,
    readonly everest: EverestSide,
    readonly csms: SimulatedCsms,
    private readonly prefix: string,
  ) {}

  /** Everything but the station. */
  static async prepare(options: AgentChargerOptions = {}): Promise<AgentCharger> {
    const directory = mkdtempSync(join(tmpdir(), "agent-charger-"));
    const broker = await startBroker();
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    const config = join(directory, "component_config");
    patchComponentConfig(join(import.meta.dir, "../../component_config"), config, {
      ...options.patch,
      InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(csms.url), ...options.patch?.InternalCtrlr },
      OCPPCommCtrlr: { RetryBackOffWaitMinimum: 0, RetryBackOffRandomRange: 0, ...options.patch?.OCPPCommCtrlr },
    });
    options.prepare?.(directory);
    const { release, slot, evseCount = 1 } = options;
    const everest = await EverestSide.start({
      broker: { host: "127.0.0.1", port: broker.port },
      ...(release !== undefined && { release }),
      ...(slot !== undefined && { slot }),
      evseCount,
      powermeterIntervalMilliseconds: 100,
      ...(options.certificates !== undefined && {
        certificates: { directory: join(directory, "certs"), sharesLeaves: options.certificates === "shared" },
      }),
      parameters: {
        CoreDatabasePath: join(directory, "core"),
        DeviceModelDatabasePath: join(directory, "device_model.db"),
        EverestDeviceModelDatabasePath: join(directory, "everest_device_model.db"),
        DeviceModelConfigPath: config,
        MessageLogPath: join(directory, "logs"),
        ...options.parametersIn?.(directory),
        ...options.parameters,
      },
    });
    return new AgentCharger(directory, broker, everest, csms, options.prefix ?? directory);
  }

  static async start(options: AgentChargerOptions = {}): Promise<AgentCharger> {
    const charger = await AgentCharger.prepare(options);
    await charger.startStation();
    return charger;
  }

  /** Resolves when the station has told all its connectors; rejects when it does not come up. */
  async startStation(): Promise<void> {
    const from = this.csms.calls.length;
    await this.everest.distribute();
    const clock = new SystemClock();
    this.agent = new Agent({
      arguments: {
        moduleId: "ocpp",
        prefix: this.prefix,
        logConfigPath: undefined,
        everestPrefix: "everest/",
        externalPrefix: "",
        broker: { host: "127.0.0.1", port: this.broker.port },
        own: new Map(),
        unknown: [],
        origins: new Map(),
      },
      environment: {},
      clock,
      random: new SystemRandom(),
      logger: createLineLogger({
        processName: "ocpp",
        minimumSeverity: "info",
        now: () => clock.now(),
        write: (line) => void this.log.push(line),
      }),
      released: new Date("2026-01-01"),
      print: () => {},
      onShutdown: () => void this.shutdowns++,
    });
    await this.agent.start();
    const { length } = this.everest.evses;
    await this.csms.waitFor("StatusNotification", ({ evseId }) => evseId === length, 10_000, from);
  }

  async stopStation(): Promise<void> {
    await this.agent?.stop();
    this.agent = undefined;
  }

  async stop(): Promise<void> {
    await this.stopStation();
    await Promise.all([this.everest.stop(), this.csms.stop()]);
    await this.broker.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
