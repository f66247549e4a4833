import type { Interfaces } from "./interfaces/index.ts";

export type InterfaceName = keyof Interfaces;
export type Commands<I extends InterfaceName> = Interfaces[I]["cmds"];
export type Variables<I extends InterfaceName> = Interfaces[I]["vars"];
export type Args<I extends InterfaceName, C extends keyof Commands<I>> = Commands<I>[C] extends { args: infer A }
  ? A
  : never;
export type Result<I extends InterfaceName, C extends keyof Commands<I>> = Commands<I>[C] extends { result: infer R }
  ? R
  : never;

/** One handler for each command of an interface. */
export type CommandHandlers<I extends InterfaceName> = {
  readonly [C in keyof Commands<I>]: (args: Args<I, C>, origin: string) => Result<I, C> | Promise<Result<I, C>>;
};

/**
 * The regular negative result of each command: the answer when its arguments cannot be read (they may be anything then),
 * hold a word that nobody knows, or when its handler throws.
 */
export type CommandRefusals<I extends InterfaceName> = {
  readonly [C in keyof Commands<I>]: (args: unknown) => Result<I, C>;
};
