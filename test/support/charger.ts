import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CsmsOptions, SimulatedCsms } from "../../src/sim/csms.ts";
import { EverestSide } from "../../src/sim/everest/everest-side.ts";
import type { Release } from "../../src/sim/everest/release.ts";
import type { SimulatedSecurity } from "../../src/sim/everest/security/simulated-security.ts";
import { networkProfiles, patchComponentConfig } from "../../src/sim/simulate.ts";
import { type Mosquitto, startMosquitto } from "./mosquitto.ts";

const MODULES = join(import.meta.dir, "../../dist/everest/libexec/everest/modules");
export const EXECUTABLE = join(MODULES, "OCPP201/OCPP201");
/** How the station is started: the executable, or as STATION_COMMAND says (scripts/release: under qemu). */
const [COMMAND = EXECUTABLE, ...COMMAND_ARGUMENTS] = process.env.STATION_COMMAND?.split(" ") ?? [];
/** EVerest before and after August 2026, and the place of its newer module. */
export const SURROUNDINGS = [
  { release: "2026-05", slot: "OCPP201" },
  { release: "2026-08", slot: "OCPP201" },
  { release: "2026-08", slot: "OCPPmulti" },
] as const satisfies readonly Pick<ChargerOptions, "release" | "slot">[];

const PASSWORD = "DEADBEEFDEADBEEF";

type Patch = Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>;

export interface ChargerOptions {
  readonly patch?: Patch;
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  readonly release?: Release;
  readonly slot?: "OCPP201" | "OCPPmulti";
  readonly evseCount?: number;
  readonly optionalModules?: boolean;
  /** False: the ISO 15118 extensions are mapped to no EVSE. */
  readonly mapsExtensions?: boolean;
  readonly useSocket?: boolean;
  /** The broker's `set_tcp_nodelay`; on unless said otherwise. */
  readonly noDelay?: boolean;
  /** Further lines of the broker's configuration. */
  readonly brokerConfiguration?: string;
  readonly powermeterIntervalMilliseconds?: number;
  readonly connectionTimeoutSecondMilliseconds?: number;
  readonly componentConfig?: string;
  /** Other than one without TLS that wants the password. */
  readonly csms?: CsmsOptions;
  /** Further options of the command line, e.g. `--http`. */
  readonly commandLine?: readonly string[];
  /** Where the executables are, other than in dist/everest: a directory of modules. */
  readonly modules?: string;
  /** EVerest's security module keeps real certificates (`security`); "shared": CSMS and V2G leaves in one directory. */
  readonly certificates?: "separate" | "shared";
  /** Do not start the station's process yet. */
  readonly stopped?: boolean;
}

/** A whole charger for a test: mosquitto, EVerest side, CSMS and the compiled station as the manager starts it. */
export class Charger {
  log = "";
  private process: ChildProcess | undefined;

  private constructor(
    readonly directory: string,
    readonly broker: Mosquitto,
    readonly everest: EverestSide,
    readonly csms: SimulatedCsms,
    private readonly useSocket: boolean,
    private readonly commandLine: readonly string[],
    private readonly slot: "OCPP201" | "OCPPmulti",
    private readonly modules: string,
  ) {}

  static async start(options: ChargerOptions = {}): Promise<Charger> {
    if (COMMAND === EXECUTABLE && !existsSync(EXECUTABLE))
      throw new Error("dist/everest is missing: run scripts/build first");
    const directory = mkdtempSync(join(tmpdir(), "charger-"));
    const broker = await startMosquitto(
      `${options.noDelay === false ? "" : "set_tcp_nodelay true"}\n${options.brokerConfiguration ?? ""}`,
    );
    const csms = await SimulatedCsms.start(options.csms ?? { password: PASSWORD });
    const config = join(directory, "component_config");
    patchComponentConfig(options.componentConfig ?? join(import.meta.dir, "../../component_config"), config, {
      ...options.patch,
      InternalCtrlr: {
        NetworkConnectionProfiles: networkProfiles(csms.url),
        ...options.patch?.InternalCtrlr,
      },
      OCPPCommCtrlr: { RetryBackOffWaitMinimum: 0, RetryBackOffRandomRange: 0, ...options.patch?.OCPPCommCtrlr },
    });
    const everest = await EverestSide.start({
      broker: { host: "127.0.0.1", port: broker.port },
      ...(options.release !== undefined && { release: options.release }),
      ...(options.slot !== undefined && { slot: options.slot }),
      evseCount: options.evseCount ?? 2,
      optionalModules: options.optionalModules === true,
      mapsExtensions: options.mapsExtensions !== false,
      ...(options.certificates !== undefined && {
        certificates: { directory: join(directory, "certs"), sharesLeaves: options.certificates === "shared" },
      }),
      powermeterIntervalMilliseconds: options.powermeterIntervalMilliseconds ?? 200,
      connectionTimeoutSecondMilliseconds: options.connectionTimeoutSecondMilliseconds ?? 1_000,
      parameters: {
        CoreDatabasePath: join(directory, "core"),
        DeviceModelDatabasePath: join(directory, "device_model.db"),
        EverestDeviceModelDatabasePath: join(directory, "everest_device_model.db"),
        DeviceModelConfigPath: config,
        MessageLogPath: join(directory, "logs"),
        ...options.parameters,
      },
    });
    const charger = new Charger(
      directory,
      broker,
      everest,
      csms,
      options.useSocket === true,
      options.commandLine ?? [],
      options.slot ?? "OCPP201",
      options.modules ?? MODULES,
    );
    if (options.stopped !== true) await charger.startStation();
    return charger;
  }

  /** Started as the manager does it (PROTOCOL 3.1); resolves when the station has told all its connectors. */
  async startStation(): Promise<void> {
    const from = this.csms.calls.length;
    this.spawn();
    const { length } = this.everest.evses;
    await this.csms.waitFor("StatusNotification", ({ evseId }) => evseId === length, 15_000, from);
  }

  /** A real manager starts all modules anew: what it distributes lies there again. */
  spawn(): ChildProcess {
    void this.everest.distribute();
    const broker = this.useSocket
      ? ["--mqtt_broker_socket_path", this.broker.socketPath]
      : ["--mqtt_broker_host", "127.0.0.1", "--mqtt_broker_port", String(this.broker.port)];
    const isExecutable = COMMAND === EXECUTABLE;
    const station = spawn(
      isExecutable ? join(this.modules, this.slot, this.slot) : COMMAND,
      [
        ...COMMAND_ARGUMENTS,
        "--prefix",
        this.directory,
        "--module",
        "ocpp",
        "--log_config",
        join(this.directory, "none.cfg"),
        "--mqtt_everest_prefix",
        "everest/",
        "--mqtt_external_prefix",
        "",
        ...broker,
        ...this.commandLine,
      ],
      { ...(isExecutable && { argv0: `ocpp:${this.slot}` }), stdio: ["ignore", "pipe", "pipe"] },
    );
    station.stdout?.on("data", (data: Buffer) => {
      this.log += data.toString();
    });
    station.stderr?.on("data", (data: Buffer) => {
      this.log += data.toString();
    });
    this.process = station;
    return station;
  }

  /** The store of certificates that `certificates` has asked for. */
  get security(): SimulatedSecurity {
    const { security } = this.everest;
    if (security === undefined) throw new Error("this charger keeps no certificates");
    return security;
  }

  get spawned(): ChildProcess | undefined {
    return this.process;
  }

  get pid(): number {
    return this.process?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.process?.exitCode === null && this.process.signalCode === null;
  }

  /** Ends the process; resolves to its exit code, null for a signal. */
  async end(signal: "SIGKILL" | "SIGTERM"): Promise<number | null> {
    const { process: station } = this;
    if (station === undefined || station.exitCode !== null) return station?.exitCode ?? null;
    const ended = new Promise<number | null>((resolve) => station.once("exit", (code) => resolve(code)));
    station.kill(signal);
    return ended;
  }

  /** The events of a transaction in the order in which they came, repetitions included. */
  transactionEvents(transactionId?: string): readonly Readonly<Record<string, unknown>>[] {
    return this.csms.calls
      .filter(({ action }) => action === "TransactionEvent")
      .map(({ request }) => request)
      .filter(
        ({ transactionInfo }) =>
          transactionId === undefined || (transactionInfo as { transactionId: string }).transactionId === transactionId,
      );
  }

  async stop(): Promise<void> {
    await this.end("SIGKILL");
    await Promise.all([this.everest.stop(), this.csms.stop()]);
    await this.broker.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
