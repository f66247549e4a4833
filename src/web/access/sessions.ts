import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../../lib/clock.ts";

export const SESSION_SECONDS = 12 * 3_600;
/** Browsers that are logged in at a time; the one that has been here longest goes. */
const SESSION_LIMIT = 32;

function keyOf(id: string): string {
  return createHash("sha256").update(id).digest("base64");
}

/** Browsers that have shown the token; forgotten at a restart. The key is a digest, so that looking it up tells nothing of it. */
export class Sessions {
  private readonly endsAt = new Map<string, number>();

  constructor(private readonly clock: Clock) {}

  /** The value of a cookie. */
  open(): string {
    const id = randomBytes(32).toString("base64url");
    const [oldest] = this.endsAt.keys();
    if (this.endsAt.size >= SESSION_LIMIT && oldest !== undefined) this.endsAt.delete(oldest);
    this.endsAt.set(keyOf(id), this.clock.monotonicMilliseconds() + SESSION_SECONDS * 1000);
    return id;
  }

  has(id: string): boolean {
    const key = keyOf(id);
    const end = this.endsAt.get(key);
    if (end !== undefined && end > this.clock.monotonicMilliseconds()) return true;
    this.endsAt.delete(key);
    return false;
  }

  close(id: string): void {
    this.endsAt.delete(keyOf(id));
  }
}
