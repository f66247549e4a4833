import type { ErrorMessage } from "./envelope.ts";

/**
 * The errors that are active now. Overlapping subscriptions deliver one message twice, and clears may come without a
 * raise: only what changes this list is passed on (PROTOCOL 12.4).
 */
export class ActiveErrors {
  private readonly active = new Map<string, ErrorMessage>();

  /** True when the message changed the list. */
  take(error: ErrorMessage): boolean {
    const key = `${error.type}|${error.sub_type}|${error.origin.module_id}|${error.origin.implementation_id}`;
    if (error.state === "Active") {
      if (this.active.has(key)) return false;
      this.active.set(key, error);
      return true;
    }
    return this.active.delete(key);
  }

  list(): readonly ErrorMessage[] {
    return [...this.active.values()];
  }
}
