import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { Channel } from "./channel.ts";
import type { ModuleArguments } from "./command-line.ts";
import { ConfigService } from "./config-service.ts";
import { type ModuleConfiguration, ModuleConfigurationSchema, toModuleConfiguration } from "./configuration.ts";
import { Definitions } from "./definitions.ts";
import {
  detectGeneration,
  type Features,
  type Generation,
  refuseTooOld,
  withConfigurationService,
} from "./generation.ts";
import type { InterfaceName } from "./module-types.ts";
import type { Asked } from "./questions.ts";
import { UnwrappedChannel } from "./unwrapped-channel.ts";

export interface ModuleOptions {
  readonly arguments: ModuleArguments;
  /** Implementation ids and their interfaces, as in the manifest. */
  readonly provides: Readonly<Record<string, InterfaceName>>;
  readonly requires: Readonly<Record<string, InterfaceName>>;
  /** What is known of a question to another module before it is asked. */
  readonly askedOf: (interfaceName: InterfaceName, command: string) => Asked;
  /** Stand-alone: taken from a file instead of the manager's configuration service. */
  readonly configuration?: ModuleConfiguration;
  /** Newer managers ask for a clean end (PROTOCOL 17.4), possibly more than once. */
  readonly onShutdown?: () => void;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** What the start has found out. */
export interface StartedModule {
  readonly channel: Channel;
  readonly configService: ConfigService;
  readonly configuration: ModuleConfiguration;
  readonly features: Features;
  /** Module types by module id, as far as the manager has told. */
  readonly moduleNames: ReadonlyMap<string, string>;
  /** EVerest's shared data. */
  readonly dataDirectory: string;
  /** Does the generation have this command? Undefined when nobody says. */
  readonly offersCommand: (interfaceName: string, command: string) => boolean | undefined;
}

/** Stand-alone there may be no manager that distributes anything. */
const STANDALONE_WAIT_MILLISECONDS = 1_000;

/**
 * Finds out how this EVerest speaks before a word is sent, then fetches the configuration.
 * @throws UnknownGenerationError; an Error when the manager does not answer.
 */
export async function startModule(bus: Channel, options: ModuleOptions): Promise<StartedModule> {
  const { arguments: args, clock, logger, provides, requires } = options;
  const isStandalone = options.configuration !== undefined;
  const wanted = [...new Set([...Object.values(provides), ...Object.values(requires)])];
  const definitions = new Definitions(args.everestPrefix, args.prefix, wanted);
  await definitions.receive(bus, clock, isStandalone ? STANDALONE_WAIT_MILLISECONDS : undefined);
  let generation = detectGeneration(definitions, !isStandalone);
  const unwrapped = new UnwrappedChannel(bus, {
    everestPrefix: args.everestPrefix,
    moduleId: args.moduleId,
    logger,
  });
  const { envelope } = generation.features;
  const channel = envelope === undefined ? unwrapped : bus;
  const configService = new ConfigService(channel, clock, args.everestPrefix, args.moduleId, envelope);
  const shutdown = (): void => options.onShutdown?.();
  await channel.subscribe(
    new Map([...configService.subscriptions(), [`${args.everestPrefix}shutdown`, shutdown] as const]),
  );
  // What shows an old manager may have come behind everything else; the answer to another subscription is later still.
  refuseTooOld(definitions);
  const configuration = options.configuration ?? (await fetchConfiguration(configService, args.moduleId));
  if (unwrapped.configurationSource === "service") generation = withConfigurationService(generation);
  logger.info(describe(generation));
  return {
    channel,
    configService,
    configuration,
    features: generation.features,
    moduleNames: definitions.moduleNames,
    dataDirectory: definitions.directory,
    offersCommand: (interfaceName, command) => definitions.offers(interfaceName, "cmds", command),
  };
}

function describe({ releases, features }: Generation): string {
  const words = features.envelope === undefined ? "no envelope" : `words of the envelope: ${features.envelope}`;
  return `EVerest ${releases} (${words})`;
}

/** @throws when the manager does not answer */
async function fetchConfiguration(configService: ConfigService, moduleId: string): Promise<ModuleConfiguration> {
  return toModuleConfiguration(await configService.get({ type: "Module" }, ModuleConfigurationSchema), moduleId);
}
