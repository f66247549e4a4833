import type { COMMANDS } from "../../everest/interfaces/index.ts";
import { type Clock, SystemClock } from "../../lib/clock.ts";
import { type Random, SystemRandom } from "../../lib/random.ts";
import { SimulatedBus } from "./bus.ts";
import { DEFAULT_RELEASE, interfaceDefinition, type Release } from "./release.ts";
import { AGREEABLE_SECURITY } from "./security/agreeable-security.ts";
import { SimulatedSecurity } from "./security/simulated-security.ts";
import { SimulatedAuth, type SimulatedToken } from "./simulated-auth.ts";
import { SimulatedDisplay } from "./simulated-display.ts";
import { SimulatedEvse } from "./simulated-evse.ts";
import { SimulatedExtension } from "./simulated-extension.ts";
import { SimulatedReservations } from "./simulated-reservations.ts";

export interface EverestSideOptions {
  readonly broker: { readonly host: string; readonly port: number };
  /** Which EVerest is played. */
  readonly release?: Release;
  /** The module in whose place the station stands. */
  readonly slot?: "OCPP201" | "OCPPmulti";
  readonly evseCount?: number;
  /** Parameters of the station's module that differ from the manifest's defaults. */
  readonly parameters?: Readonly<Record<string, string | number | boolean>>;
  /** Connects the modules that a charger may do without: reservation, data transfer, display, energy sinks, ISO 15118. */
  readonly optionalModules?: boolean;
  /** Keeps real certificates there, instead of finding everything right; in one directory for CSMS and V2G leaves if wanted. */
  readonly certificates?: { readonly directory: string; readonly sharesLeaves?: boolean };
  /** False: the ISO 15118 extensions have no mapping to their EVSEs. */
  readonly mapsExtensions?: boolean;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Milliseconds between two powermeter values; 0: only on demand. */
  readonly powermeterIntervalMilliseconds?: number;
  /** How long a second of Auth's connection timeout takes; less for tests in a hurry. */
  readonly connectionTimeoutSecondMilliseconds?: number;
}

interface ConfigRequest {
  readonly origin: string;
  readonly type: string;
  readonly request: { readonly type?: string; readonly identifier?: unknown; readonly value?: string };
}

const STATION = "ocpp";
const INTERFACES = [
  "auth",
  "evse_manager",
  "evse_security",
  "external_energy_limits",
  "iso15118_extensions",
  "ocpp",
  "reservation",
  "system",
] as const satisfies readonly (keyof typeof COMMANDS)[];

/** What stands around the module OCPP201 in a charger: manager, EVSEs, auth, system and security (PROTOCOL, BEHAVIOUR 22). */
export class EverestSide {
  readonly evses: readonly SimulatedEvse[];
  /** One for each EVSE, connected with the optional modules. */
  readonly extensions: readonly SimulatedExtension[];
  readonly reservations: SimulatedReservations;
  private readonly auth: SimulatedAuth;
  readonly stationReady: Promise<void>;
  readonly display = new SimulatedDisplay();
  /** The store of certificates, if it is asked for. */
  readonly security: SimulatedSecurity | undefined;
  /** What the manager tells about the configuration of the modules: by module, implementation and parameter. */
  moduleParameters: Readonly<Record<string, Readonly<Record<string, readonly object[]>>>> = {};
  /** How the manager answers a changed parameter. */
  parameterStatus: "Accepted" | "Rejected" | "RebootRequired" = "RebootRequired";
  readonly changedParameters: { readonly identifier: unknown; readonly value: string }[] = [];
  /** What would have ended a real manager, or a module of EVerest. */
  readonly violations: string[] = [];
  private markReady: () => void = () => {};
  private readonly answers = new Map<string, (args: Readonly<Record<string, unknown>>) => unknown>();

  private constructor(
    readonly bus: SimulatedBus,
    private readonly options: EverestSideOptions,
    private readonly clock: Clock,
    random: Random,
  ) {
    this.stationReady = new Promise((resolve) => {
      this.markReady = resolve;
    });
    this.evses = Array.from(
      { length: options.evseCount ?? 2 },
      (_, index) => new SimulatedEvse(bus, index + 1, clock, random, options.powermeterIntervalMilliseconds ?? 1_000),
    );
    this.extensions = this.evses.map(({ evseId }) => new SimulatedExtension(bus, evseId));
    this.reservations = new SimulatedReservations(bus, this.evses, clock);
    this.auth = new SimulatedAuth(bus, STATION, this.evses, this.reservations);
    const { certificates } = options;
    this.security =
      certificates === undefined
        ? undefined
        : new SimulatedSecurity(bus, certificates.directory, clock, certificates.sharesLeaves);
  }

  static async start(options: EverestSideOptions): Promise<EverestSide> {
    const bus = await SimulatedBus.connect(options.broker, options.release);
    const side = new EverestSide(
      bus,
      options,
      options.clock ?? new SystemClock(),
      options.random ?? new SystemRandom(),
    );
    await side.serveEverything();
    return side;
  }

  evse(evseId: number): SimulatedEvse {
    const evse = this.evses[evseId - 1];
    if (evse === undefined) throw new Error(`no EVSE ${evseId}`);
    return evse;
  }

  extension(evseId: number): SimulatedExtension {
    const extension = this.extensions[evseId - 1];
    if (extension === undefined) throw new Error(`no EVSE ${evseId}`);
    return extension;
  }

  /** Replaces the answer to a command of system, security or auth, e.g. `system.is_reset_allowed`. */
  answer(command: string, answer: (args: Readonly<Record<string, unknown>>) => unknown): void {
    this.answers.set(command, answer);
  }

  recorded(command: string): readonly Readonly<Record<string, unknown>>[] {
    return this.bus.recorded.filter((one) => one.command === command).map(({ args }) => args);
  }

  /** A token is presented; resolves to what Auth makes of it. */
  presentToken(token: SimulatedToken, evseId = 1): Promise<string> {
    return this.auth.presentToken(token, evseId);
  }

  presentContract(
    emaid: string,
    contract: Parameters<SimulatedAuth["presentContract"]>[1],
    evseId = 1,
  ): Promise<string> {
    return this.auth.presentContract(emaid, contract, evseId);
  }

  private async serveEverything(): Promise<void> {
    const { bus } = this;
    await this.serveManager();
    for (const evse of this.evses) await evse.serve();
    const serve = async (module: string, commands: Readonly<Record<string, unknown>>): Promise<void> => {
      for (const [command, answer] of Object.entries(commands))
        await bus.serve(module, "main", command, (args) => this.answers.get(`${module}.${command}`)?.(args) ?? answer);
    };
    await bus.serve("auth", "main", "set_connection_timeout", ({ connection_timeout }) => {
      const second = this.options.connectionTimeoutSecondMilliseconds ?? 1_000;
      for (const evse of this.evses) evse.connectionTimeoutMilliseconds = Number(connection_timeout) * second;
      return null;
    });
    await serve("auth", { set_master_pass_group_id: null });
    await serve("system", {
      get_boot_reason: "PowerUp",
      set_system_time: true,
      is_reset_allowed: true,
      reset: null,
      update_firmware: "Accepted",
      allow_firmware_installation: null,
      upload_logs: { upload_logs_status: "Accepted", file_name: "diagnostics.tar.gz" },
      configure_network: { status: "NotSupported" },
    });
    await serve("security", AGREEABLE_SECURITY);
    for (const [command, answer] of Object.entries(this.security?.commands ?? {}))
      this.answers.set(`security.${command}`, answer);
    if (this.options.optionalModules === true) await this.serveOptionalModules(serve);
    await this.auth.serve();
  }

  private async serveOptionalModules(
    serve: (module: string, commands: Readonly<Record<string, unknown>>) => Promise<void>,
  ): Promise<void> {
    const { bus } = this;
    await this.reservations.serve((command) => this.answers.get(command));
    await serve("data_transfer", { data_transfer: { status: "Accepted" } });
    for (const [command, answer] of Object.entries(this.display.commands))
      await this.bus.serve("display", "main", command, (args) =>
        (this.answers.get(`display.${command}`) ?? answer)(args),
      );
    for (const { module } of this.extensions) await serve(module, { set_get_certificate_response: null });
    for (const evseId of this.sinkEvseIds)
      await bus.serve(`sink_${evseId}`, "main", "set_external_limits", (args) => {
        const limits = args.value as { schedule_import: Parameters<SimulatedEvse["applyLimits"]>[0] };
        const answer = this.answers.get(`sink_${evseId}.set_external_limits`);
        if (answer === undefined) this.evses[evseId - 1]?.applyLimits(limits.schedule_import);
        return answer?.(args) ?? null;
      });
  }

  /** The station as a whole and each of its EVSEs. */
  private get sinkEvseIds(): readonly number[] {
    return [0, ...this.evses.map(({ evseId }) => evseId)];
  }

  private get slot(): "OCPP201" | "OCPPmulti" {
    return this.options.slot ?? "OCPP201";
  }

  /** What the manager would fill in from the manifest, as far as the station must see it. */
  private get parameters(): Readonly<Record<string, string | number | boolean>> {
    return { ...(this.slot === "OCPPmulti" && { Mode: "Only2" }), ...this.options.parameters };
  }

  private connections(): Readonly<Record<string, readonly unknown[]>> {
    const optional = this.options.optionalModules === true;
    const connection = (module: string, implementation: string, requirement: string) => [
      { module_id: module, implementation_id: implementation, requirement: { id: requirement } },
    ];
    return {
      evse_manager: this.evses.flatMap((evse) => connection(evse.module, "evse", "evse_manager")),
      system: connection("system", "main", "system"),
      security: connection("security", "main", "security"),
      auth: connection("auth", "main", "auth"),
      ...(this.slot === "OCPPmulti" && {
        charger_information: connection("charger_information", "main", "charger_information"),
        grid_support: this.evses.flatMap((evse) => connection(`grid_${evse.evseId}`, "main", "grid_support")),
      }),
      ...(optional && {
        reservation: connection("reservation", "main", "reservation"),
        data_transfer: connection("data_transfer", "main", "data_transfer"),
        display_message: connection("display", "main", "display_message"),
        extensions_15118: this.extensions.flatMap(({ module }) => connection(module, "main", "extensions_15118")),
        evse_energy_sink: this.sinkEvseIds.flatMap((evseId) =>
          connection(`sink_${evseId}`, "main", "evse_energy_sink"),
        ),
      }),
    };
  }

  private moduleConfiguration(): unknown {
    const optional = this.options.optionalModules === true;
    const parameters = Object.entries(this.parameters).map(([name, value]) => ({
      name,
      value,
      characteristics: {
        datatype: typeof value === "boolean" ? "bool" : typeof value === "number" ? "integer" : "string",
        mutability: "ReadOnly",
      },
    }));
    return {
      module_config: {
        standalone: false,
        module_name: this.slot,
        module_id: STATION,
        configuration_parameters: { "!module": parameters },
        telemetry_enabled: false,
        connections: this.connections(),
        mapping: null,
        access: null,
      },
      mappings: {
        [STATION]: null,
        system: null,
        security: null,
        auth: null,
        ...(this.options.mapsExtensions !== false &&
          Object.fromEntries(this.extensions.map(({ module, evseId }) => [module, { module: { evse: evseId } }]))),
        ...(optional && Object.fromEntries(this.sinkEvseIds.map((evse) => [`sink_${evse}`, { module: { evse } }]))),
      },
    };
  }

  /** The whole configuration as framework 0.20 gives it, in the form of the YAML file (PROTOCOL 17.3). */
  private yamlConfiguration(): unknown {
    const { mappings } = this.moduleConfiguration() as { mappings: unknown };
    return {
      module_config: {
        [STATION]: { module: this.slot, config_module: this.parameters, connections: this.connections() },
      },
      mappings,
    };
  }

  private get definitions(): ReadonlyMap<string, unknown> {
    const release = this.options.release ?? DEFAULT_RELEASE;
    return new Map<string, unknown>([
      ...INTERFACES.map((name) => [`interface_definitions/${name}`, interfaceDefinition(release, name)] as const),
      ["interfaces", INTERFACES],
      ["settings", { data_dir: "/nonexistent/share/everest", prefix: "/nonexistent" }],
      [
        "module_names",
        {
          [STATION]: this.slot,
          system: "System",
          security: "EvseSecurity",
          auth: "Auth",
          ...Object.fromEntries(this.evses.map(({ module }) => [module, "EvseManager"])),
        },
      ],
    ]);
  }

  /** What lies on the broker while modules start, before each start anew (PROTOCOL 7.3). */
  async distribute(): Promise<void> {
    for (const [topic, content] of this.definitions) await this.bus.sendConfiguration(topic, content, true);
  }

  private async serveManager(): Promise<void> {
    const { bus } = this;
    await this.distribute();
    if (bus.traits.hasConfigurationService)
      await bus.listen("config/request", (payload) => this.takeConfigRequest(payload));
    else
      await bus.listen(`modules/${STATION}/get_config`, () => {
        void bus.sendRaw(`modules/${STATION}/config`, this.yamlConfiguration());
      });
    await bus.listen(`modules/${STATION}/metadata`, (payload) => this.checkWord("metadata", payload, "response"));
    await bus.listen(`modules/${STATION}/ready`, () => void this.releaseStation());
  }

  /** A word that the generation does not know ends the manager: it answers nothing any more. */
  private checkWord(topic: string, payload: unknown, kind: "request" | "response"): boolean {
    const expected = this.bus.traits.words?.[kind];
    const { msg_type: word } = payload as { msg_type?: string };
    if (word === expected) return true;
    this.violations.push(`${topic}: ${word}`);
    return false;
  }

  private takeConfigRequest(payload: unknown): void {
    if (!this.checkWord("config/request", payload, "request")) return;
    const { origin, type, request } = this.bus.contentOf(payload) as ConfigRequest;
    void this.bus.sendConfiguration(`modules/${origin}/response`, {
      status: "Ok",
      status_info: "",
      type,
      response: this.answerConfigRequest(request),
    });
  }

  private answerConfigRequest({ type, identifier, value = "" }: ConfigRequest["request"]): unknown {
    if (identifier !== undefined) {
      this.changedParameters.push({ identifier, value });
      return { status: this.parameterStatus, status_info: "" };
    }
    if (type === "Module") return { type, data: this.moduleConfiguration() };
    if (type === "All") return { type, data: this.moduleParameters };
    const evses = Object.fromEntries(this.evses.map(({ module }, index) => [module, { module: { evse: index + 1 } }]));
    return type === "AllMappings" ? { type, data: evses } : null;
  }

  /** The global ready, then the EVSEs' own readiness, as often as the station starts. */
  private async releaseStation(): Promise<void> {
    for (const topic of this.definitions.keys()) await this.bus.clear(topic);
    await this.bus.send("ready", "GlobalReady", true);
    for (const evse of this.evses) await evse.reportWaiting();
    this.markReady();
  }

  /** The manager asks all modules to end (PROTOCOL 17.4). */
  shutDown(): Promise<void> {
    return this.bus.sendRaw("shutdown", true);
  }

  async stop(): Promise<void> {
    for (const evse of this.evses) evse.stop();
    await this.bus.close();
  }

  get now(): Date {
    return this.clock.now();
  }
}
