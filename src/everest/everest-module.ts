import { join } from "node:path";
import * as v from "valibot";
import { ActiveErrors } from "./active-errors.ts";
import { Bus } from "./bus.ts";
import type { ChannelStatus, MessageHandler } from "./channel.ts";
import type { ConfigService } from "./config-service.ts";
import type { Connected, ModuleConfiguration } from "./configuration.ts";
import {
  type ErrorMessage,
  openEnvelope,
  openError,
  openVariable,
  sealCommand,
  sealMetadata,
  sealReady,
  sealVariable,
} from "./envelope.ts";
import type { Features } from "./generation.ts";
import { InPart } from "./in-part.ts";
import { COMMANDS, ENUM_ARRAYS, VARIABLES } from "./interfaces/index.ts";
import { withPositions } from "./interfaces/sending.ts";
import { type ModuleOptions, type StartedModule, startModule } from "./module-start.ts";
import type {
  Args,
  CommandHandlers,
  CommandRefusals,
  Commands,
  InterfaceName,
  Result,
  Variables,
} from "./module-types.ts";
import { CommandError, Questions } from "./questions.ts";
import { describeIssue, serveCommand } from "./served-command.ts";

export type { CommandHandlers, CommandRefusals, Commands, InterfaceName, Variables } from "./module-types.ts";
export { CommandError } from "./questions.ts";

/** Stand-alone there may be nobody who releases the modules. */
const STANDALONE_RELEASE_MILLISECONDS = 2_000;
/** How long a silent broker may hold up what comes after the report that this module is ready. */
const REPORT_LIMIT_MILLISECONDS = 1_000;

/** A module that this one is connected to. */
export class Peer<I extends InterfaceName> {
  constructor(
    readonly connected: Connected,
    private readonly module: EverestModule,
    private readonly interfaceName: I,
  ) {}

  /** @throws CommandError */
  call<C extends keyof Commands<I> & string>(command: C, args: Args<I, C>): Promise<Result<I, C>> {
    return this.module.callCommand(this.connected, this.interfaceName, command, args) as Promise<Result<I, C>>;
  }

  /** To be called before `ready`. The value has been checked; what does not fit is logged and dropped. */
  onVariable<V extends keyof Variables<I> & string>(
    name: V,
    handler: (value: Variables<I>[V]) => void | Promise<void>,
    rest?: v.GenericSchema<unknown, Variables<I>[V]>,
  ): void {
    this.module.addVariableHandler(this.connected, this.interfaceName, name, handler as (value: unknown) => void, rest);
  }
}

/** An EVerest module: configuration fetched at `connect`, subscriptions collected, then `ready`. */
export class EverestModule {
  readonly errors = new ActiveErrors();
  private readonly subscriptions = new Map<string, MessageHandler>();
  private readonly inPart: InPart;
  private readonly questions: Questions;
  private readonly errorHandlers: ((error: ErrorMessage) => void)[] = [];
  private globalReady: () => void = () => {};
  private readonly isReleased = new Promise<void>((resolve) => {
    this.globalReady = resolve;
  });

  private constructor(
    private readonly options: ModuleOptions,
    private readonly started: StartedModule,
  ) {
    this.inPart = new InPart(options.logger);
    this.questions = new Questions({ ...options, inPart: this.inPart });
  }

  /** Connects and fetches the configuration. @throws when broker or manager do not answer, or speak unknown words. */
  static async connect(options: ModuleOptions): Promise<EverestModule> {
    const bus = await Bus.connect(options.arguments.broker, options.logger);
    try {
      return new EverestModule(options, await startModule(bus, options));
    } catch (error) {
      await bus.close();
      throw error;
    }
  }

  get configuration(): ModuleConfiguration {
    return this.started.configuration;
  }

  get configService(): ConfigService {
    return this.started.configService;
  }

  /** What this generation of EVerest has and wants. */
  get features(): Features {
    return this.started.features;
  }

  get busStatus(): ChannelStatus {
    return this.started.channel.status;
  }

  get moduleNames(): ReadonlyMap<string, string> {
    return this.started.moduleNames;
  }

  /** The directory with the shared data of a type of modules. */
  sharedDataOf(moduleName: string): string {
    return join(this.started.dataDirectory, "modules", moduleName);
  }

  /** Nobody serves configurations then. */
  get isStandalone(): boolean {
    return this.options.configuration !== undefined;
  }

  /** The modules behind a requirement, in the order of the configuration. */
  peers<I extends InterfaceName>(requirement: string, interfaceName: I): readonly Peer<I>[] {
    return (this.configuration.connections.get(requirement) ?? []).map(
      (connected) => new Peer(connected, this, interfaceName),
    );
  }

  provide<I extends InterfaceName>(
    implementation: string,
    interfaceName: I,
    handlers: CommandHandlers<I>,
    refusals: CommandRefusals<I>,
    beside: readonly (keyof Commands<I>)[] = [],
  ): void {
    const { arguments: own, logger } = this.options;
    const { channel } = this.started;
    const schemas = COMMANDS[interfaceName] as Readonly<Record<string, { args: v.GenericSchema }>>;
    for (const [command, { args: schema }] of Object.entries(schemas)) {
      const topic = this.topic(own.moduleId, implementation, "cmd", command);
      const handler = handlers[command as keyof Commands<I>] as (args: unknown, origin: string) => unknown;
      const refuse = refusals[command as keyof Commands<I>];
      const publish = (to: string, message: string): void => void channel.publish(to, message);
      const handle = async (args: unknown, origin: string): Promise<unknown> =>
        this.inItsForm(`${interfaceName}.${command}.result`, await handler(args, origin));
      this.subscriptions.set(
        topic,
        serveCommand({
          topic,
          moduleId: own.moduleId,
          schema,
          handler: handle,
          refuse,
          publish,
          logger,
          isBeside: beside.includes(command as keyof Commands<I>),
        }),
      );
    }
  }

  publish<I extends InterfaceName, V extends keyof Variables<I> & string>(
    implementation: string,
    interfaceName: I,
    name: V,
    value: Variables<I>[V],
  ): void {
    const topic = this.topic(this.options.arguments.moduleId, implementation, "var", name);
    this.started.channel.publish(topic, sealVariable(this.inItsForm(`${interfaceName}.${name}`, value)));
  }

  onError(handler: (error: ErrorMessage) => void): void {
    this.errorHandlers.push(handler);
  }

  /** External MQTT (PROTOCOL 13): raw payloads on topics outside EVerest's prefix. */
  async subscribeExternal(topic: string, handler: (text: string) => void): Promise<void> {
    await this.started.channel.subscribe(new Map([[this.options.arguments.externalPrefix + topic, handler]]), 0);
  }

  /** Subscribes everything collected so far and reports ready; resolves when the broker has that, or is silent. */
  async reportReady(): Promise<void> {
    const { arguments: args, clock, provides } = this.options;
    const { channel, configService } = this.started;
    const prefix = args.everestPrefix;
    this.subscriptions.set(`${prefix}ready`, (text) => this.takeGlobalReady(text));
    // All errors of all modules; the origin stands in the message.
    this.subscriptions.set(`${prefix}modules/+/impl/+/error/#`, (text) => this.takeError(text));
    this.addResponseTopics();
    await channel.subscribe(this.subscriptions);
    const metadata = {
      module: this.configuration.moduleName,
      provides: Object.fromEntries(Object.entries(provides).map(([id, name]) => [id, { interface: name }])),
    };
    channel.publish(`${prefix}modules/${args.moduleId}/metadata`, sealMetadata(configService.dialect, metadata));
    channel.publish(`${prefix}modules/${args.moduleId}/ready`, sealReady());
    await new Promise<void>((resolve) => {
      const limit = clock.after(REPORT_LIMIT_MILLISECONDS, resolve);
      void channel.delivered().then(() => {
        limit.cancel();
        resolve();
      });
    });
  }

  /** The global ready: all modules are; stand-alone soon without it. */
  async released(): Promise<void> {
    if (!this.isStandalone) return this.isReleased;
    const { clock, logger } = this.options;
    const timer = clock.after(STANDALONE_RELEASE_MILLISECONDS, () => {
      logger.info("Nobody releases the modules: the station starts by itself");
      this.globalReady();
    });
    await this.isReleased;
    timer.cancel();
  }

  /** For whoever only asks and is no module of the manager: nothing is told, and nothing but answers is heard. */
  async listenForAnswers(): Promise<void> {
    this.addResponseTopics();
    await this.started.channel.subscribe(this.subscriptions);
  }

  /** From now on nothing that comes in is heard, while what is to be said still leaves. */
  stopListening(): void {
    this.started.channel.stopListening();
  }

  async close(): Promise<void> {
    this.questions.close();
    await this.started.channel.close();
  }

  addVariableHandler(
    connected: Connected,
    interfaceName: InterfaceName,
    name: string,
    handler: (value: unknown) => void | Promise<void>,
    rest?: v.GenericSchema,
  ): void {
    const schema = (VARIABLES[interfaceName] as Readonly<Record<string, v.GenericSchema>>)[name] ?? v.unknown();
    const topic = this.topic(connected.moduleId, connected.implementationId, "var", name);
    this.subscriptions.set(topic, (text) => {
      const variable = openVariable(text);
      const parsed = variable === undefined ? undefined : v.safeParse(schema, variable.value);
      if (parsed?.success) return handler(parsed.output);
      if (variable !== undefined && rest === undefined) {
        const tolerant = this.inPart.read(schema, variable.value, topic);
        if (tolerant.success) return handler(tolerant.output);
      }
      const why = parsed === undefined ? "no variable in its envelope" : describeIssue(parsed.issues[0]);
      const remainder = rest === undefined || variable === undefined ? undefined : v.safeParse(rest, variable.value);
      this.options.logger.warn(`A message on ${topic} is ${remainder?.success ? "taken in part" : "dropped"}: ${why}`);
      return remainder?.success ? handler(remainder.output) : undefined;
    });
  }

  /** The one way out for questions to other modules; each has its limit. @throws CommandError */
  async callCommand(
    connected: Connected,
    interfaceName: InterfaceName,
    command: string,
    args: unknown,
  ): Promise<unknown> {
    const topic = this.topic(connected.moduleId, connected.implementationId, "cmd", command);
    // Nobody would answer.
    if (this.started.offersCommand(interfaceName, command) === false)
      throw new CommandError("NotOffered", `this generation of EVerest has no command ${interfaceName}.${command}`);
    const schemas = COMMANDS[interfaceName] as Readonly<Record<string, { result: v.GenericSchema }>>;
    const sent = this.inItsForm(`${interfaceName}.${command}.args`, args);
    const schema = schemas[command]?.result ?? v.unknown();
    const asked = this.options.askedOf(interfaceName, command);
    const isEmpty = typeof sent === "object" && sent !== null && Object.keys(sent).length === 0;
    return this.questions.ask({ ...asked, topic, schema }, (id) =>
      this.started.channel.publish(topic, sealCommand(id, this.options.arguments.moduleId, isEmpty ? null : sent)),
    );
  }

  /** What is sent, as this generation of EVerest reads it. */
  private inItsForm(what: string, value: unknown): unknown {
    return this.features.enumsInArrays === "names" ? value : withPositions(value, ENUM_ARRAYS[what]);
  }

  private topic(moduleId: string, implementation: string, kind: "cmd" | "var", name: string): string {
    return `${this.options.arguments.everestPrefix}modules/${moduleId}/impl/${implementation}/${kind}/${name}`;
  }

  /** Subscribed before the first call, since a command may be answered faster than a subscription is confirmed. */
  private addResponseTopics(): void {
    for (const [requirement, interfaceName] of Object.entries(this.options.requires))
      for (const { moduleId, implementationId } of this.configuration.connections.get(requirement) ?? [])
        for (const command of Object.keys(COMMANDS[interfaceName])) {
          const topic = this.topic(moduleId, implementationId, "cmd", command);
          this.subscriptions.set(`${topic}/response/${this.options.arguments.moduleId}`, (text) =>
            this.questions.takeResult(topic, text),
          );
        }
  }

  private takeError(text: string): void {
    const error = openError(text);
    if (error === undefined) {
      this.options.logger.warn("An error message is dropped: it cannot be read");
      return;
    }
    const change = this.errors.take(error);
    if (change !== undefined) for (const handler of this.errorHandlers) handler(change);
  }

  private takeGlobalReady(text: string): void {
    const envelope = openEnvelope(text);
    if (envelope?.msg_type === "GlobalReady" && envelope.data === true) this.globalReady();
  }
}
