import { ExplainedError } from "../lib/explained-error.ts";
import type { Definitions, Form } from "./definitions.ts";
import type { Dialect } from "./envelope.ts";

/** What differs between the generations of EVerest, asked by name wherever it matters (PROTOCOL 17). */
export interface Features {
  /** Words of the envelope; undefined: there is none, and an implementation has one topic for all it says. */
  readonly envelope: Dialect | undefined;
  /** The manager answers questions about other modules and writes parameters; without it a module learns its own only. */
  readonly configurationService: boolean;
  /** How an array of an enum inside a type is sent; both are read. */
  readonly enumsInArrays: "positions" | "names";
  /** Variables of `ocpp` that tell of the connection: a boolean, an object, or both. */
  readonly isConnected: boolean;
  readonly connectionStatus: boolean;
  /** The system module can be asked to bring up a network. */
  readonly configureNetwork: boolean;
}

export interface Generation {
  /** Releases of EVerest, for people. */
  readonly releases: string;
  readonly features: Features;
}

const NEWEST: Features = {
  envelope: "Configuration",
  configurationService: true,
  enumsInArrays: "names",
  isConnected: false,
  connectionStatus: true,
  configureNetwork: false,
};
const BEFORE_AUGUST: Features = {
  ...NEWEST,
  envelope: "GetConfig",
  enumsInArrays: "positions",
  isConnected: true,
  connectionStatus: false,
};

/** The generations that are served, newest first. SIGINT, `shutdown` and telemetry need no word: what may come is taken. */
export const GENERATIONS = {
  "2026.08": { releases: "2026.08 and newer", features: NEWEST },
  "2025.12": { releases: "2025.12 to 2026.07", features: BEFORE_AUGUST },
  "2025.6": { releases: "2025.6 to 2025.10", features: { ...BEFORE_AUGUST, envelope: undefined } },
  "2025.1": {
    releases: "2025.1 to 2025.5",
    features: { ...BEFORE_AUGUST, envelope: undefined, configurationService: false },
  },
} as const satisfies Readonly<Record<string, Generation>>;

const SERVED = "served are EVerest 2025.1 to 2026.08 and what speaks like them";

/** A manager that cannot be served, or of which nothing is known. */
export class UnknownGenerationError extends ExplainedError {}

const OF_DIALECT: Readonly<Record<Dialect, Generation>> = {
  Configuration: GENERATIONS["2026.08"],
  GetConfig: GENERATIONS["2025.12"],
};

function generationOf(topic: string, form: Form): Generation {
  if (form.kind === "raw") return GENERATIONS["2025.1"];
  if (form.kind === "enveloped") return OF_DIALECT[form.dialect];
  const what = form.word === undefined ? "a message of an unknown form" : `the unknown word "${form.word}"`;
  throw new UnknownGenerationError(`this generation of EVerest is not known: ${what} on ${topic}; ${SERVED}`);
}

/** Where nothing was distributed (stand-alone, or started late) the installed interface files tell. */
function installedGeneration(definitions: Definitions, mustBeKnown: boolean): Generation {
  if (definitions.offers("ocpp", "vars", "connection_status") === true) return GENERATIONS["2026.08"];
  if (mustBeKnown && definitions.offers("ocpp", "vars", "is_connected") !== true)
    throw new UnknownGenerationError(
      `the generation of EVerest cannot be told: nothing is distributed on ${definitions.topics.join(", ")}, and there is no definition of "ocpp" in ${definitions.directory}/interfaces; nothing is sent, since a wrong word would end the manager`,
    );
  return GENERATIONS["2025.12"];
}

/** @throws UnknownGenerationError for a manager that distributes what only older ones do. */
export function refuseTooOld({ isTooOld }: Definitions): void {
  if (isTooOld)
    throw new UnknownGenerationError(`EVerest before 2025.1 (framework 0.19 and older) is not served; ${SERVED}`);
}

/**
 * The generation that the manager's definitions show; what they say of single features counts more than its row.
 * @throws UnknownGenerationError
 */
export function detectGeneration(definitions: Definitions, mustBeKnown: boolean): Generation {
  refuseTooOld(definitions);
  const [shown] = [...definitions.forms].map(([topic, form]) => generationOf(topic, form));
  const { releases, features } = shown ?? installedGeneration(definitions, mustBeKnown);
  const offersDer = definitions.offers("evse_manager", "cmds", "set_der_available") === true;
  const sendsNames = features.envelope !== undefined && (offersDer || definitions.hasTypes("grid_support"));
  return {
    releases,
    features: {
      ...features,
      enumsInArrays: sendsNames ? "names" : features.enumsInArrays,
      isConnected: definitions.offers("ocpp", "vars", "is_connected") ?? features.isConnected,
      connectionStatus: definitions.offers("ocpp", "vars", "connection_status") ?? features.connectionStatus,
      configureNetwork: definitions.offers("system", "cmds", "configure_network") ?? features.configureNetwork,
    },
  };
}

/** A manager without envelope that has one: only its answer shows it. */
export function withConfigurationService({ features }: Generation): Generation {
  return { releases: GENERATIONS["2025.6"].releases, features: { ...features, configurationService: true } };
}
