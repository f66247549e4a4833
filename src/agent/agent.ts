import { unmappedSinks } from "../bridge/energy-sink.ts";
import { createHardware } from "../bridge/hardware.ts";
import { createNetworkPort } from "../bridge/network.ts";
import { provideInterfaces } from "../bridge/provided.ts";
import { askedOf } from "../bridge/question-limits.ts";
import type { RunningStation } from "../bridge/running-station.ts";
import { readErrorCodes } from "../config/error-codes.ts";
import { SHARED_DATA_OF, slotOf } from "../config/manifest.ts";
import { ConfigurationError, type ModuleParameters, readParameters } from "../config/parameters.ts";
import { DeviceModel } from "../device-model/device-model.ts";
import type { ModuleArguments, Origin } from "../everest/command-line.ts";
import type { ModuleConfiguration } from "../everest/configuration.ts";
import { EverestModule, type InterfaceName } from "../everest/everest-module.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { Emitter } from "../lib/events.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { MessageLog } from "../log/message-log/message-log.ts";
import type { ConnectionStatus } from "../ocpp/connection.ts";
import { CsmsLink } from "../ocpp/csms-link.ts";
import type { AssembledStation } from "../station/assembly.ts";
import type { StationContext } from "../station/context.ts";
import type { StationEvents } from "../station/events.ts";
import { answerOr } from "../station/model/answer-or.ts";
import { createStationModel, type StationModel } from "../station/model/station-model.ts";
import type { BootReason, EvseDescription, Hardware, NetworkPort } from "../station/ports.ts";
import { createStation } from "../station/station.ts";
import type { DatabaseLocks } from "../store/database-lock.ts";
import { reportConnection } from "./connection-report.ts";
import { linkSettings } from "./csms-connection.ts";
import { CsmsSwitch } from "./csms-switch.ts";
import { writeDiagnostics } from "./diagnostics.ts";
import { returnMemoryAfterBacklog } from "./drained-memory.ts";
import { addEverestComponents, fetchModuleConfigurations } from "./everest-store.ts";
import { describeEvses } from "./evses.ts";
import { HardwareInput } from "./hardware-input.ts";
import { followHardware } from "./hardware-variables.ts";
import { followIso15118 } from "./iso15118-variables.ts";
import { startMessageLog } from "./message-log.ts";
import type { ObservedStation } from "./observed-station.ts";
import { pushSettings } from "./pushed-settings.ts";
import { startWarnings } from "./start-warnings.ts";
import { type Stores, takeStores } from "./stores.ts";

export const PROVIDES: Readonly<Record<string, InterfaceName>> = {
  auth_validator: "auth_token_validator",
  auth_provider: "auth_token_provider",
  data_transfer: "ocpp_data_transfer",
  ocpp_generic: "ocpp",
  session_cost: "session_cost",
};
export const REQUIRES: Readonly<Record<string, InterfaceName>> = {
  evse_manager: "evse_manager",
  system: "system",
  security: "evse_security",
  data_transfer: "ocpp_data_transfer",
  auth: "auth",
  evse_energy_sink: "external_energy_limits",
  display_message: "display_message",
  reservation: "reservation",
  extensions_15118: "iso15118_extensions",
};

/** How long a silent broker may hold up the end; EVerest gives a second or two for all of it. */
const FAREWELL_LIMIT_MILLISECONDS = 300;

export interface AgentOptions {
  readonly arguments: ModuleArguments;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Stand-alone: what would otherwise come from the manager. */
  readonly configuration?: ModuleConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** The day on which this program was released. */
  readonly released: Date;
  /** Writes to the console what is not a line of the application log. */
  readonly print: (text: string) => void;
  /** The manager asks for a clean end. */
  readonly onShutdown?: () => void;
  /** Gets the station before it starts, to show it. */
  readonly observe?: (station: ObservedStation) => void;
}

export interface AgentStatus {
  readonly started: boolean;
  readonly connected: boolean;
  readonly connection: ConnectionStatus | undefined;
  readonly registration: string;
  readonly queuedMessages: number;
  readonly runningTransactions: number;
  /** What keeps the station from being idle, and who keeps EVSEs from new drivers. */
  readonly hindrances: readonly string[];
  /** What the blocks show, e.g. `evses`. */
  readonly [view: string]: unknown;
}

/** The composition root: builds the parts from the configuration, starts and stops them in order. */
export class Agent {
  private module: EverestModule | undefined;
  private station: AssembledStation | undefined;
  private csms: CsmsLink | undefined;
  private csmsSwitch: CsmsSwitch | undefined;
  private running: RunningStation | undefined;
  private model: StationModel | undefined;
  private locks: DatabaseLocks | undefined;
  private stores: Stores | undefined;
  private messageLog: MessageLog | undefined;

  constructor(private readonly options: AgentOptions) {}

  /** Runs until the process ends. @throws before ModuleReady when the configuration or what was left behind cannot work. */
  async start(): Promise<void> {
    const { clock, configuration, logger, onShutdown, random } = this.options;
    const module = await EverestModule.connect({
      arguments: this.options.arguments,
      provides: PROVIDES,
      requires: REQUIRES,
      askedOf,
      ...(configuration !== undefined && { configuration }),
      ...(onShutdown !== undefined && { onShutdown }),
      clock,
      random,
      logger,
    });
    this.module = module;
    const { parameters, origins } = this.readParameters(module);
    const errorCodes = readErrorCodes(parameters.CustomMrecErrorMapPath);
    const shareDirectory = module.sharedDataOf(SHARED_DATA_OF);
    const deviceModel = new DeviceModel(logger);
    const taken = await takeStores({ parameters, shareDirectory, deviceModel, clock, logger });
    this.locks = taken.locks;
    // A damaged one may take a minute, in which nobody would read what the other modules say.
    if (!taken.areNew) this.stores = taken.open();
    const input = new HardwareInput(module, clock, logger, errorCodes);
    input.subscribe();
    const network = createNetworkPort(module, clock, logger);
    provideInterfaces(module, clock, logger, deviceModel, () => this.running);
    const evseManagers = module.peers("evse_manager", "evse_manager");
    const moduleConfigurations = fetchModuleConfigurations(module, this.options.arguments.moduleId, clock, logger);
    await module.reportReady();
    // New ones are made while the other modules start.
    this.stores ??= taken.open();
    const { stores } = this;
    for (const warning of startWarnings(this.options.environment, module.configuration, deviceModel))
      logger.warn(warning);
    await module.released();
    logger.info("Module initialized; EVerest is ready");
    const questions = module.isStandalone ? evseManagers.map((peer) => () => peer.call("get_evse", {})) : [];
    await input.allEvsesReady(evseManagers.length, questions);
    const [evses, configurations] = await Promise.all([describeEvses(module, logger), moduleConfigurations]);
    addEverestComponents(stores, module, evses, input, configurations);
    await this.startStation(module, parameters, origins, stores, input, evses, network);
  }

  async stop(): Promise<void> {
    const { clock, logger } = this.options;
    // In this order: nobody may ask anything any more, then what is under way ends, and then the databases are closed.
    this.module?.stopListening();
    this.csmsSwitch?.stop("the station is stopped");
    this.station?.stop();
    await Promise.race([this.module?.close(), sleep(clock, FAREWELL_LIMIT_MILLISECONDS)]);
    for (const store of [this.stores?.core, this.stores?.deviceModel, this.messageLog])
      try {
        await store?.close();
      } catch (error) {
        logger.error(`Not everything could be brought to an end: ${(error as Error).message}`);
      }
    this.locks?.release();
  }

  status(): AgentStatus {
    return {
      started: this.running !== undefined,
      connected: this.csms?.connected ?? false,
      connection: this.csms?.status,
      registration: this.csms?.registration ?? "Unregistered",
      queuedMessages: this.csms?.durableQueueLength ?? 0,
      runningTransactions: this.model?.evses.filter(({ transaction }) => transaction !== undefined).length ?? 0,
      hindrances: this.station?.services.idleness.hindrances() ?? [],
      ...this.station?.services.statusViews.read(),
    };
  }

  private readParameters(module: EverestModule): Omit<ReturnType<typeof readParameters>, "warnings"> {
    const { parameters, warnings, origins } = readParameters({
      slot: slotOf(module.configuration.moduleName),
      moduleId: this.options.arguments.moduleId,
      delivered: module.configuration.parameters,
      options: this.options.arguments.own,
      environment: this.options.environment,
      shareDirectory: module.sharedDataOf(SHARED_DATA_OF),
    });
    for (const warning of warnings) this.options.logger.warn(warning);
    const unmapped = unmappedSinks(module);
    if (unmapped.length > 0)
      throw new ConfigurationError(
        `evse_energy_sink: the modules ${unmapped.join(", ")} need a mapping with an EVSE (0 for the whole station)`,
      );
    return { parameters, origins };
  }

  private async startStation(
    module: EverestModule,
    parameters: ModuleParameters,
    origins: ReadonlyMap<string, Origin>,
    stores: Stores,
    input: HardwareInput,
    evses: readonly EvseDescription[],
    network: NetworkPort | undefined,
  ): Promise<void> {
    const { clock, logger } = this.options;
    const hardware = createHardware(module, this.options.arguments.moduleId, evses, network, clock, logger);
    const bootReason = askBootReason(hardware, logger);
    pushSettings({ clock, deviceModel: stores.deviceModel, hardware, logger }, input.events);
    const csms = this.createLink(stores, hardware, parameters);
    const events = new Emitter<StationEvents>();
    const context = this.createContext(stores, hardware, csms, events, parameters, await bootReason);
    const station = createStation(context, input.events, events);
    const csmsSwitch = new CsmsSwitch(csms, clock);
    this.csms = csms;
    this.csmsSwitch = csmsSwitch;
    this.model = context.model;
    this.station = station;
    this.messageLog = startMessageLog(context, events, module, this.options.print);
    returnMemoryAfterBacklog(csms, clock);
    reportConnection(csms, stores.deviceModel, hardware.observer);
    followHardware(context, input.events);
    followIso15118(context, input.events);
    this.options.observe?.({
      context,
      station,
      stationEvents: events,
      hardwareEvents: input.events,
      csmsSwitch,
      module,
      arguments: this.options.arguments,
      parameters,
      origins,
    });
    await station.start();
    for (const techInfo of stores.losses) events.emit("securityEvent", { type: "MemoryExhaustion", techInfo });
    stores.forgetLosses();
    this.running = createRunningStation(context, station, csmsSwitch);
    input.release();
    const evseManagers = module.peers("evse_manager", "evse_manager");
    const letServe = (peer: (typeof evseManagers)[number] | undefined): void =>
      void peer?.call("external_ready_to_start_charging", {}).catch((error: Error) => logger.warn(error.message));
    evseManagers.forEach(letServe);
    input.events.on("evseRestarted", ({ evseId }) => letServe(evseManagers[evseId - 1]));
    if (parameters.EnableExternalWebsocketControl) await this.listenToExternalControl(module, csmsSwitch);
    csmsSwitch.startAfter(parameters.DelayOcppStart);
  }

  private createLink(
    { core, deviceModel }: Stores,
    { security, network }: Hardware,
    parameters: ModuleParameters,
  ): CsmsLink {
    const { clock, logger, random } = this.options;
    return new CsmsLink({
      clock,
      random,
      logger,
      unitOfWork: core.unitOfWork,
      durableQueue: core.durableQueue,
      normalQueue: core.normalQueue,
      settings: linkSettings({
        deviceModel,
        security,
        // The link is there before the station, but opens a connection only when it is started behind it.
        clientCertificate: () => this.requireStation().services.clientCertificate.choose(),
        network,
        core,
        clock,
        logger,
        resumeDelaySeconds: parameters.MessageQueueResumeDelay,
      }),
    });
  }

  private requireStation(): AssembledStation {
    if (this.station === undefined) throw new Error("the station is not created yet");
    return this.station;
  }

  private createContext(
    { core, deviceModel }: Stores,
    hardware: Hardware,
    csms: CsmsLink,
    events: Emitter<StationEvents>,
    parameters: ModuleParameters,
    bootReason: BootReason,
  ): StationContext {
    const { clock, logger, random, released } = this.options;
    return {
      clock,
      random,
      logger,
      deviceModel,
      csms,
      core,
      hardware,
      events,
      model: createStationModel(hardware.evses),
      settings: {
        resetStopDelaySeconds: parameters.ResetStopDelay,
        bootReason,
        released,
        messageLogDirectory: parameters.MessageLogPath,
        compositeSchedule: {
          intervalSeconds: parameters.CompositeScheduleIntervalS,
          durationSeconds: parameters.RequestCompositeScheduleDurationS,
          unit: parameters.RequestCompositeScheduleUnit === "W" ? "W" : "A",
        },
      },
      writeDiagnostics: () =>
        writeDiagnostics({
          directory: parameters.MessageLogPath,
          core,
          deviceModel,
          status: () => this.status(),
          clock,
        }),
    };
  }

  /** Two topics that take the websocket down and up, for tests of being offline (BEHAVIOUR 20). */
  private async listenToExternalControl(module: EverestModule, csmsSwitch: CsmsSwitch): Promise<void> {
    await module.subscribeExternal("everest_api/ocpp/cmd/connect", () => csmsSwitch.start());
    await module.subscribeExternal("everest_api/ocpp/cmd/disconnect", () =>
      csmsSwitch.stop("disconnected by external control"),
    );
  }
}

/** What the hardware side says of this start. */
function askBootReason({ system }: Hardware, logger: Logger): Promise<BootReason> {
  return answerOr(logger, "Why the station was started is not known", system.bootReason(), "Unknown");
}

/** The running station as the provided interfaces see it. */
function createRunningStation(
  { csms, deviceModel, events }: StationContext,
  { services }: AssembledStation,
  csmsSwitch: CsmsSwitch,
): RunningStation {
  return {
    deviceModel,
    csms,
    services,
    stop: () => {
      csmsSwitch.stop("stopped by another module");
      return true;
    },
    restart: () => {
      csmsSwitch.stop("restarted by another module");
      services.bootReason.replace("ApplicationReset");
      services.registration.forget();
      csmsSwitch.start();
      return true;
    },
    securityEvent: (event) => events.emit("securityEvent", event),
  };
}
