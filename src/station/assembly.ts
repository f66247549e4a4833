import type { Emitter, Unsubscribe } from "../lib/events.ts";
import type { LinkEvents } from "../ocpp/csms-link.ts";
import { type AnyBlock, type Given, type HeardName, type Listeners, PHASES } from "./block.ts";
import type { StationContext } from "./context.ts";
import type { StationEvents } from "./events.ts";
import type { HardwareEvents } from "./ports.ts";
import { createRegistries, type Registries, type ServiceName, type StationServices } from "./services.ts";

type NeedOf<Block> = Block extends { readonly needs: readonly (infer Need)[] } ? Need : never;
type ServiceOf<Block> = Block extends { readonly provides: readonly (infer Service)[] } ? Service : never;
type ProvidedTwice<Blocks, Before = keyof Registries> = Blocks extends readonly [infer First, ...infer Rest]
  ? (ServiceOf<First> & Before) | ProvidedTwice<Rest, Before | ServiceOf<First>>
  : never;
type NotProvided<Blocks extends readonly AnyBlock[]> = Exclude<
  ServiceName | NeedOf<Blocks[number]>,
  keyof Registries | ServiceOf<Blocks[number]>
>;

/** The list itself when every service is provided by just one of its blocks; a type that nothing fits otherwise. */
export type Complete<Blocks extends readonly AnyBlock[]> = [NotProvided<Blocks>] extends [never]
  ? [ProvidedTwice<Blocks>] extends [never]
    ? Blocks
    : { readonly providedTwice: ProvidedTwice<Blocks> }
  : { readonly notProvided: NotProvided<Blocks> };

/**
 * The blocks in an order in which each comes behind those that it needs, otherwise as they are listed.
 * @throws when blocks need each other, with the path.
 */
export function creationOrder<Block extends Pick<AnyBlock, "name" | "needs" | "provides">>(
  blocks: readonly Block[],
): readonly Block[] {
  const owners = new Map(blocks.flatMap((block) => block.provides.map((service) => [service, block] as const)));
  const ordered = new Set<Block>();
  const visit = (block: Block, path: readonly Block[]): void => {
    if (ordered.has(block)) return;
    const seen = path.indexOf(block);
    if (seen >= 0)
      throw new Error(`blocks need each other: ${[...path.slice(seen), block].map(({ name }) => name).join(" → ")}`);
    for (const need of block.needs) {
      const owner = owners.get(need);
      if (owner !== undefined) visit(owner, [...path, block]);
    }
    ordered.add(block);
  };
  for (const block of blocks) visit(block, []);
  return [...ordered];
}

/** Where the events come from that blocks hear. */
export interface EventSources {
  readonly hardware: Emitter<HardwareEvents>;
  readonly station: Emitter<StationEvents>;
  readonly link: Emitter<LinkEvents>;
}

/** Each listener at its source, in the order of the phases. */
function subscribe(block: AnyBlock, listeners: Partial<Listeners<HeardName>>, sources: EventSources): Unsubscribe[] {
  return Object.entries(block.hears).flatMap(([heard, phase]) => {
    const [source, name] = heard.split(".", 2);
    const listener = listeners[heard as HeardName];
    if (listener === undefined) throw new Error(`${block.name} hears ${heard}, but does not listen`);
    // The declaration has bound names, payloads and listeners together; here only their places are looked up.
    const emitter = sources[source as keyof EventSources] as unknown as Emitter<Record<string, unknown>>;
    return emitter.on(name ?? "", listener as (payload: unknown) => void, PHASES.indexOf(phase) + 1);
  });
}

export interface AssembledStation {
  readonly services: StationServices;
  start(): Promise<void>;
  stop(): void;
}

/** Creates the blocks in the order of their needs; once started they hear what they declared, phase by phase. */
export function assemble(
  blocks: readonly AnyBlock[],
  context: StationContext,
  sources: EventSources,
): AssembledStation {
  // Complete for each block in its turn, by the order and by `Complete`, which the list of blocks has passed.
  const given = { ...context, ...createRegistries() } as Given<ServiceName>;
  const created = creationOrder(blocks).map((block) => {
    const parts = block.create(given);
    Object.assign(given, parts.provides);
    return { block, parts };
  });
  const unsubscribes: Unsubscribe[] = [];
  return {
    services: given,
    async start() {
      for (const { block, parts } of created) unsubscribes.push(...subscribe(block, parts.hears ?? {}, sources));
      for (const { parts } of created) await parts.start?.();
    },
    stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
      for (const { parts } of [...created].reverse()) parts.stop?.();
    },
  };
}
