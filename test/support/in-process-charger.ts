import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { linkSettings } from "../../src/agent/csms-connection.ts";
import { localAddressFor } from "../../src/agent/network-interface.ts";
import { hardwareComponents } from "../../src/bridge/device-model-components.ts";
import { readComponentConfig } from "../../src/device-model/component-config.ts";
import type { ComponentDefinition } from "../../src/device-model/definitions.ts";
import { type DeviceModel, openDeviceModel } from "../../src/device-model/device-model.ts";
import { DeviceModelStorage } from "../../src/device-model/storage.ts";
import { SecurityCtrlr } from "../../src/device-model/variables.ts";
import { Emitter } from "../../src/lib/events.ts";
import type { Logger } from "../../src/log/logger.ts";
import type { ConnectionProfile } from "../../src/ocpp/connection.ts";
import type { ConnectionFailure } from "../../src/ocpp/connection-failure.ts";
import { CsmsLink } from "../../src/ocpp/csms-link.ts";
import type { Transport, WebSocketListener } from "../../src/ocpp/websocket.ts";
import type { AssembledStation } from "../../src/station/assembly.ts";
import type { AnyBlock } from "../../src/station/block.ts";
import type { StationContext } from "../../src/station/context.ts";
import type { StationEvents } from "../../src/station/events.ts";
import { ownPasswordOf } from "../../src/station/model/network-profiles.ts";
import { createStationModel, type StationModel } from "../../src/station/model/station-model.ts";
import type {
  BootReason,
  EvseDescription,
  EvseEvent,
  Hardware,
  HardwareEvents,
  NetworkPort,
  SecurityPort,
} from "../../src/station/ports.ts";
import type { StationServices } from "../../src/station/services.ts";
import { BLOCKS, createStation } from "../../src/station/station.ts";
import { type CoreDatabase, openCoreDatabase } from "../../src/store/core-database.ts";
import { FakeClock } from "./fake-clock.ts";
import { SeededRandom } from "./seeded-random.ts";

const COMPONENTS = readComponentConfig(join(import.meta.dir, "../../component_config"));
const ROOT = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

export type Payload = Readonly<Record<string, unknown>>;
export interface SeenCall {
  readonly action: string;
  readonly payload: Payload;
  readonly messageId: string;
}
/** What the memory CSMS does with a CALL: an answer, a CALLERROR, or nothing at all. */
export type Reaction = { readonly answer: unknown } | { readonly error: string } | "silence";

export interface ShownCredentials {
  readonly profile: ConnectionProfile;
  readonly password: string;
  /** With security profile 3. */
  readonly certificatePath: string | undefined;
}

export interface HardwareCall {
  readonly name: string;
  readonly args: readonly unknown[];
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
export type EventInput = DistributiveOmit<EvseEvent, "timestamp" | "connectorId" | "evseId" | "sessionId"> & {
  sessionId?: string;
};

/** The whole station above the bridge, in this process: fake clock, seeded chance, memory CSMS, real SQLite files. */
export class InProcessCharger {
  readonly directory = mkdtempSync(join(ROOT, "charger-"));
  readonly calls: SeenCall[] = [];
  readonly hardwareCalls: HardwareCall[] = [];
  readonly attempts: ConnectionProfile[] = [];
  /** What the attempts were bound to. */
  readonly localAddresses: (string | undefined)[] = [];
  readonly answers: { readonly messageId: string; readonly kind: "response" | "error"; readonly body: unknown }[] = [];
  readonly log: string[] = [];
  readonly clock: FakeClock;
  readonly random: SeededRandom;
  csms!: CsmsLink;
  deviceModel!: DeviceModel;
  core!: CoreDatabase;
  context!: StationContext;
  model!: StationModel;
  reachable = true;
  /** Real sockets to the URLs of the network profiles instead of the memory CSMS; the clock stays the fake one. */
  usesNetwork = false;
  transport: Transport | undefined;
  /** Network profiles whose CSMS does not answer. */
  readonly unreachableSlots = new Set<number>();
  hasReservationModule = true;
  bootReason: BootReason = "PowerUp";
  /** Fingerprints of what the CSMS shows, from its certificate to the root. */
  serverChain: readonly string[] = [];
  serverValidity: Transport["serverValidity"];
  /** What the CSMS thinks of the credentials that an attempt shows; undefined: it lets the station in. */
  judge: (shown: ShownCredentials) => ConnectionFailure | undefined = () => undefined;
  react: (call: SeenCall) => Reaction = (call) => ({ answer: defaultAnswer(call.action, this.clock) });
  hardwareEvents = new Emitter<HardwareEvents>();
  events = new Emitter<StationEvents>();
  /** In another order than usual, where the test is about that. */
  blocks: readonly AnyBlock[] = BLOCKS;
  hasDisplay = true;
  /** There is an ISO 15118 extension. */
  tellsChargingNeeds = true;
  hardwareAnswers: Partial<Record<string, (...args: readonly unknown[]) => unknown>> = {};
  /** Undefined: the hardware side does not offer to set up networks. */
  network: NetworkPort | undefined;
  writeDiagnostics = async (): Promise<string> => join(this.directory, "diagnostics.json");
  /** There is an energy sink for EVSE 0. */
  keepsStationLimit = true;
  compositeScheduleIntervalSeconds = 30;
  /** EVSEs and connectors of component files, of which only the monitors count. */
  furtherComponents: readonly ComponentDefinition[] = [];
  /** A crash leaves the device model open, which makes the restart three times as fast. */
  keepsDeviceModel = false;
  private station!: AssembledStation;
  private listener: WebSocketListener | undefined;
  private everestStorage!: DeviceModelStorage;
  private nextMessage = 1;

  constructor(
    seed = 1,
    private readonly variables: Readonly<Record<string, string>> = {},
    public evseCount = 2,
    private readonly connectorsPerEvse = 1,
  ) {
    this.clock = new FakeClock();
    this.random = new SeededRandom(seed);
  }

  get services(): StationServices {
    return this.station.services;
  }

  /** Starts the station (again) on what is in the directory. */
  async start(): Promise<this> {
    const { clock, random } = this;
    const logger = this.createLogger();
    this.core = openCoreDatabase({ directory: this.directory, clock, logger });
    const evses: EvseDescription[] = Array.from({ length: this.evseCount }, (_, index) => ({
      evseId: index + 1,
      connectors: Array.from({ length: this.connectorsPerEvse }, (_, connector) => ({
        connectorId: connector + 1,
        connectorType: "cType2",
      })),
    }));
    if (this.deviceModel === undefined || !this.keepsDeviceModel) this.openDeviceModel(evses, logger);
    const hardware = this.createHardware(evses);
    const settings = linkSettings({
      deviceModel: this.deviceModel,
      security: hardware.security,
      clientCertificate: () => this.services.clientCertificate.choose(),
      network: this.network,
      core: this.core,
      clock,
      logger,
      resumeDelaySeconds: 0,
    });
    this.csms = new CsmsLink({
      clock,
      random,
      logger,
      unitOfWork: this.core.unitOfWork,
      durableQueue: this.core.durableQueue,
      normalQueue: this.core.normalQueue,
      settings: {
        ...settings,
        open: async (profile, listener) => {
          this.attempts.push(profile);
          if (this.usesNetwork) {
            this.transport = await settings.open(profile, listener);
            return this.transport;
          }
          this.localAddresses.push(
            await localAddressFor({ deviceModel: this.deviceModel, network: this.network }, profile, profile.url),
          );
          const client = profile.securityProfile === 3 ? await this.services.clientCertificate.choose() : undefined;
          const failure = this.judge({
            profile,
            password:
              ownPasswordOf(this.deviceModel, profile.slot) ??
              this.deviceModel.read(SecurityCtrlr.BasicAuthPassword) ??
              "",
            certificatePath: client?.certificatePath,
          });
          return this.open(listener, profile.slot, failure);
        },
      },
    });
    this.hardwareEvents = new Emitter();
    this.events = new Emitter();
    this.model = createStationModel(evses);
    this.context = {
      clock,
      random,
      logger,
      deviceModel: this.deviceModel,
      csms: this.csms,
      core: this.core,
      hardware,
      events: this.events,
      model: this.model,
      settings: {
        resetStopDelaySeconds: 0,
        bootReason: this.bootReason,
        released: new Date("2025-09-01"),
        messageLogDirectory: join(this.directory, "logs"),
        compositeSchedule: { intervalSeconds: this.compositeScheduleIntervalSeconds, durationSeconds: 600, unit: "A" },
      },
      writeDiagnostics: () => this.writeDiagnostics(),
    };
    this.station = createStation(this.context, this.hardwareEvents, this.events, this.blocks);
    await this.station.start();
    this.csms.start();
    await clock.advance(10);
    return this;
  }

  private openDeviceModel(evses: readonly EvseDescription[], logger: Logger): void {
    const { clock } = this;
    const components = COMPONENTS.map((component) => ({
      ...component,
      variables: component.variables.map((variable) => {
        const value = this.variables[`${component.name}.${variable.name}`];
        return value === undefined
          ? variable
          : { ...variable, attributes: variable.attributes.map((attribute) => ({ ...attribute, value })) };
      }),
    }));
    this.deviceModel = openDeviceModel({ path: join(this.directory, "dm.db"), components, clock, logger }).deviceModel;
    this.deviceModel.watchLater(this.furtherComponents);
    this.everestStorage = new DeviceModelStorage({ path: join(this.directory, "edm.db"), clock, logger });
    this.deviceModel.addComponents(hardwareComponents(evses, { capabilitiesOf: () => ({}) }), this.everestStorage, {
      source: "EVEREST",
    });
  }

  /** As after kill -9: nothing is stopped in order, the files stay as they are. */
  crash(): void {
    this.listener = undefined;
    this.station.stop();
    this.csms.stop("crash");
    this.core.database.close();
    if (!this.keepsDeviceModel) this.deviceModel.close();
  }

  dispose(): void {
    this.crash();
    if (this.keepsDeviceModel) this.deviceModel.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  event(evseId: number, event: EventInput): void {
    this.hardwareEvents.emit("evse", {
      sessionId: "",
      ...event,
      evseId,
      connectorId: 1,
      timestamp: this.clock.now(),
    } as EvseEvent);
  }

  meter(evseId: number, wattHours: number): void {
    this.hardwareEvents.emit("meter", {
      evseId,
      reading: {
        timestamp: this.clock.now(),
        samples: [
          {
            value: wattHours,
            measurand: "Energy.Active.Import.Register",
            location: "Outlet",
            unitOfMeasure: { unit: "Wh" },
          },
          { value: 16, measurand: "Current.Import", phase: "L1", location: "Outlet", unitOfMeasure: { unit: "A" } },
        ],
      },
    });
  }

  /** A CALL of the CSMS; resolves to the answer after time has passed for it to be made. */
  async call(
    action: string,
    payload: unknown,
  ): Promise<{ readonly kind: "response" | "error"; readonly body: unknown }> {
    const messageId = `csms-${this.nextMessage++}`;
    this.listener?.message(JSON.stringify([2, messageId, action, payload]));
    await this.clock.advance(5);
    const found = this.answers.find((answer) => answer.messageId === messageId);
    if (found === undefined) throw new Error(`${action} got no answer`);
    return found;
  }

  sendText(text: string): void {
    this.listener?.message(text);
  }

  disconnect(): void {
    const { listener } = this;
    this.listener = undefined;
    listener?.closed("code 1006", undefined);
  }

  callsOf(action: string): readonly Payload[] {
    return this.calls.filter((call) => call.action === action).map(({ payload }) => payload);
  }

  private open(listener: WebSocketListener, slot: number, judgement: ConnectionFailure | undefined) {
    const isReachable = this.reachable && !this.unreachableSlots.has(slot);
    const failure = isReachable ? judgement : { kind: "network" as const, text: "refused" };
    if (failure !== undefined) {
      this.clock.after(1, () => listener.closed("refused", failure));
      return { send: () => {}, close: () => {} };
    }
    this.clock.after(1, () => {
      this.listener = listener;
      listener.opened();
    });
    return {
      serverChain: this.serverChain,
      ...(this.serverValidity !== undefined && { serverValidity: this.serverValidity }),
      send: (text: string) => {
        if (this.listener === listener) this.receive(listener, text);
      },
      close: () => {
        if (this.listener === listener) this.listener = undefined;
      },
    };
  }

  private receive(listener: WebSocketListener, text: string): void {
    const [type, messageId, ...rest] = JSON.parse(text) as [number, string, ...unknown[]];
    if (type === 3) this.answers.push({ messageId, kind: "response", body: rest[0] });
    if (type === 4) this.answers.push({ messageId, kind: "error", body: rest[0] });
    if (type !== 2) return;
    const call = { action: String(rest[0]), payload: rest[1] as Payload, messageId };
    this.calls.push(call);
    const reaction = this.react(call);
    if (reaction === "silence") return;
    const frame = "answer" in reaction ? [3, messageId, reaction.answer] : [4, messageId, reaction.error, "", {}];
    this.clock.after(1, () => {
      if (this.listener === listener) listener.message(JSON.stringify(frame));
    });
  }

  private createLogger(): Logger {
    const write = (severity: string) => (message: string) => {
      this.log.push(`${severity} ${message}`);
    };
    return {
      debug: () => {},
      info: write("info"),
      warn: write("warn"),
      error: write("error"),
      critical: write("critical"),
    };
  }

  /** Every command of the hardware side is recorded and answered with success, unless the test says otherwise. */
  private createHardware(evses: readonly EvseDescription[]): Hardware {
    const port = (defaults: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(
        Object.entries(defaults).map(([name, value]) => [
          name,
          async (...args: unknown[]) => {
            this.hardwareCalls.push({ name, args });
            const answer = this.hardwareAnswers[name];
            return answer === undefined
              ? typeof value === "function"
                ? (value as (...given: unknown[]) => unknown)(...args)
                : value
              : answer(...args);
          },
        ]),
      );
    const note =
      (name: string) =>
      (...args: unknown[]) => {
        this.hardwareCalls.push({ name, args });
      };
    return {
      network: this.network,
      evses,
      evse: port({
        enableConnector: (_evse: unknown, _connector: unknown, operative: unknown) => operative,
        stopTransaction: true,
        withdrawAuthorization: undefined,
        pauseCharging: true,
        forceUnlock: true,
        setPlugAndCharge: undefined,
      }),
      authorization: {
        ...port({ setConnectionTimeout: undefined, setMasterPassGroupId: undefined }),
        connectionTimeoutRangeSeconds: { minimum: 10, maximum: 300 },
        provideToken: note("provideToken"),
        publishValidationUpdate: note("publishValidationUpdate"),
      },
      system: port({
        bootReason: "PowerUp",
        isResetAllowed: true,
        reset: undefined,
        setSystemTime: true,
        updateFirmware: "Accepted",
        allowFirmwareInstallation: undefined,
        uploadLogs: { status: "Accepted", fileName: "log.tar.gz" },
      }),
      security: port({
        installCaCertificate: "Accepted",
        deleteCertificate: "Accepted",
        installedCertificates: [],
        generateSigningRequest: { csr: "CSR" },
        updateLeafCertificate: { accepted: true },
        verifyCertificate: "Valid",
        leafCertificateFiles: undefined,
        newestLeaves: [],
        verifyLocation: undefined,
        verifyFile: undefined,
        caCertificates: [],
        leafExpiryDays: 365,
        isCaInstalled: false,
        v2gOcspRequestData: [],
        moOcspRequestData: [],
        updateOcspCache: undefined,
      }) as unknown as SecurityPort,
      reservation: {
        available: this.hasReservationModule,
        ...port({
          isReservedForOther: false,
          isReserved: false,
          isPlaced: true,
          reserveNow: "Accepted",
          cancelReservation: true,
        }),
      },
      dataTransfer: { deliver: undefined },
      display: {
        available: this.hasDisplay,
        ...port({ setMessage: { status: "Accepted" }, clearMessage: undefined, keptMessages: [] }),
      },
      energy: {
        keepsStationLimit: this.keepsStationLimit,
        publishSchedules: note("publishSchedules"),
        ...port({ setLimits: undefined }),
      },
      vehicle: { tellsChargingNeeds: this.tellsChargingNeeds, ...port({ answerContractCertificate: undefined }) },
      observer: {
        connection: () => {},
        bootNotificationResponse: () => {},
        securityEvent: note("securityEvent"),
        transactionEvent: note("transactionEvent"),
        transactionEventResponse: note("transactionEventResponse"),
        sessionCost: note("sessionCost"),
        tariffMessage: note("tariffMessage"),
        defaultPrice: note("defaultPrice"),
      },
    } as unknown as Hardware;
  }
}

export function defaultAnswer(action: string, clock: FakeClock): unknown {
  const currentTime = clock.now().toISOString();
  if (action === "BootNotification") return { currentTime, interval: 300, status: "Accepted" };
  if (action === "Heartbeat") return { currentTime };
  if (action === "Authorize") return { idTokenInfo: { status: "Accepted" } };
  if (action === "SignCertificate") return { status: "Accepted" };
  return {};
}
