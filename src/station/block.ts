/** How a functional block declares itself: what it provides, what it needs and when it hears of what (ARCHITECTURE.md, "Blocks"). */
import type { LinkEvents } from "../ocpp/csms-link.ts";
import type { DatabaseView } from "../store/database-view.ts";
import type { StationContext } from "./context.ts";
import type { StationEvents } from "./events.ts";
import type { HardwareEvents } from "./ports.ts";
import type { ServiceName, StationServices } from "./services.ts";

/**
 * In this order the blocks hear of one event, whatever the order in which they were created:
 * `reading` what was measured or found out is noted, `status` connectors change (Occupied is told before the Started that it
 * causes), `transaction` sessions and transactions decide, `release` what their end sets free (Ended before Available),
 * `follow-up` everybody else.
 */
export const PHASES = ["reading", "status", "transaction", "release", "follow-up"] as const;
export type Phase = (typeof PHASES)[number];

/** Functional blocks of part 2. */
export type BlockLetter = "A" | "B" | "C" | "D" | "E" | "F" | "G" | "H" | "I" | "J" | "K" | "L" | "M" | "N" | "O" | "P";

type Prefixed<Prefix extends string, Events> = {
  [Name in keyof Events & string as `${Prefix}.${Name}`]: Events[Name];
};
/** Everything that a block can hear: of the hardware side, of the other blocks, of the line to the CSMS. */
export type HeardEvents = Prefixed<"hardware", HardwareEvents> &
  Prefixed<"station", StationEvents> &
  Prefixed<"link", LinkEvents>;
export type HeardName = keyof HeardEvents;
export type Listeners<Name extends HeardName> = { readonly [N in Name]: (payload: HeardEvents[N]) => void };

/** What a block is given: what all have, and the services that it has asked for. */
export type Given<Need extends ServiceName = never> = StationContext & Pick<StationServices, Need>;

interface Lifecycle {
  /** Timers and subscriptions of its own begin here; when a block is started all blocks hear already. */
  start?(): void | Promise<void>;
  /** Leaves nothing behind. */
  stop?(): void;
}

/** What a block consists of once it is created: just what it has declared. */
type BlockParts<Service extends ServiceName, Heard extends HeardName> = Lifecycle &
  ([Service] extends [never] ? { readonly provides?: never } : { readonly provides: Pick<StationServices, Service> }) &
  ([Heard] extends [never] ? { readonly hears?: never } : { readonly hears: Listeners<Heard> });

interface Description<Need extends ServiceName, Service extends ServiceName, Heard extends HeardName> {
  readonly needs: readonly Need[];
  readonly provides: readonly Service[];
  readonly hears: { readonly [Name in Heard]: Phase };
  /** What `inspect` shows of the block's durable state, by name: read from the database, without creating the block. */
  readonly views: Readonly<Record<string, DatabaseView>>;
  /** Likewise what it keeps in the files of the device model. */
  readonly deviceModelViews: Readonly<Record<string, DatabaseView>>;
}

interface Named {
  readonly name: string;
  readonly letter: BlockLetter;
}

interface Declared<Need extends ServiceName, Service extends ServiceName, Heard extends HeardName>
  extends Named,
    Partial<Description<Need, Service, Heard>> {
  /** Registers the handlers of its messages and reads what an earlier run left; nothing runs yet. */
  create(given: Given<NoInfer<Need>>): BlockParts<NoInfer<Service>, NoInfer<Heard>>;
}

export interface BlockDeclaration<Need extends ServiceName, Service extends ServiceName, Heard extends HeardName>
  extends Named,
    Description<Need, Service, Heard> {
  create(given: Given<Need>): BlockParts<Service, Heard>;
}

/** A service that is used without being needed, provided without being declared, or the other way round, does not compile. */
export function declareBlock<
  const Need extends ServiceName = never,
  const Service extends ServiceName = never,
  const Heard extends HeardName = never,
>(declared: Declared<Need, Service, Heard>): BlockDeclaration<Need, Service, Heard> {
  const { create, ...description } = declared;
  return {
    needs: [],
    provides: [],
    hears: {} as BlockDeclaration<Need, Service, Heard>["hears"],
    views: {},
    deviceModelViews: {},
    ...description,
    create,
  };
}

/** A declaration of any block, for those who only look at it or put it together. */
export interface AnyBlock extends Named, Omit<Description<ServiceName, ServiceName, HeardName>, "hears"> {
  readonly hears: { readonly [Name in HeardName]?: Phase };
  create(
    given: Given<ServiceName>,
  ): Lifecycle & { readonly provides?: Partial<StationServices>; readonly hears?: Partial<Listeners<HeardName>> };
}
