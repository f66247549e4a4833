import { COMMANDS, VARIABLES } from "../../everest/interfaces/index.ts";

/** The releases of EVerest that can be played. */
export const RELEASES = ["2025-02", "2025-10", "2026-05", "2026-08"] as const;
export type Release = (typeof RELEASES)[number];

export const DEFAULT_RELEASE: Release = "2026-05";

/** How a release speaks and behaves, written down by hand (PROTOCOL 17, CHANGES a to c). */
export interface Traits {
  /** Words of the envelope for questions about the configuration and their answers; undefined: no envelope at all. */
  readonly words: { readonly request: string; readonly response: string } | undefined;
  readonly hasConfigurationService: boolean;
  /** Enums in arrays inside a type travel as names, before as positions. */
  readonly sendsNames: boolean;
  /** An EVSE that is disabled while it charges ends its transaction and its session first. */
  readonly disablingEndsSession: boolean;
  readonly connectionVariable: "is_connected" | "connection_status";
}

const MAY: Traits = {
  words: { request: "GetConfig", response: "GetConfigResponse" },
  hasConfigurationService: true,
  sendsNames: false,
  disablingEndsSession: false,
  connectionVariable: "is_connected",
};

export const TRAITS: Readonly<Record<Release, Traits>> = {
  "2025-02": { ...MAY, words: undefined, hasConfigurationService: false },
  "2025-10": { ...MAY, words: undefined },
  "2026-05": MAY,
  "2026-08": {
    words: { request: "ConfigurationRequest", response: "ConfigurationResponse" },
    hasConfigurationService: true,
    sendsNames: true,
    disablingEndsSession: true,
    connectionVariable: "connection_status",
  },
};

/** Members of interfaces that came with August 2026, and the one that went. */
const NEW: ReadonlySet<string> = new Set([
  "connection_status",
  "configure_network",
  "configure_network_status",
  "set_der_available",
  "capabilities",
]);
const GONE: ReadonlySet<string> = new Set(["is_connected"]);

/** What the manager distributes of an interface, without its schemas. */
export function interfaceDefinition(release: Release, name: keyof typeof COMMANDS): unknown {
  const others = release === "2026-08" ? GONE : NEW;
  const membersOf = (table: object): Readonly<Record<string, object>> =>
    Object.fromEntries(
      Object.keys(table)
        .filter((member) => !others.has(member))
        .map((member) => [member, {}]),
    );
  return { cmds: membersOf(COMMANDS[name]), vars: membersOf(VARIABLES[name]), errors: {} };
}
