import type { ErrorMessage } from "./envelope.ts";

/**
 * The errors that are active now. Overlapping subscriptions deliver one message twice, and clears may come without a
 * raise: only what changes this list is passed on (PROTOCOL 12.4).
 */
export class ActiveErrors {
  private readonly active = new Map<string, ErrorMessage>();

  /** The message when it changed the list, a clear with the place for which the error was raised; else undefined. */
  take(error: ErrorMessage): ErrorMessage | undefined {
    const key = `${error.type}|${error.sub_type}|${error.origin.module_id}|${error.origin.implementation_id}`;
    const before = this.active.get(key);
    if (error.state === "Active") {
      if (before !== undefined) return undefined;
      this.active.set(key, error);
      return error;
    }
    this.active.delete(key);
    return before && { ...error, origin: before.origin };
  }
}
