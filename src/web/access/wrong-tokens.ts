import { isIPv6 } from "node:net";
import type { Clock } from "../../lib/clock.ts";

/** So many mistakes in a row cost nothing. */
const FREE_MISTAKES = 5;
const LONGEST_PAUSE_SECONDS = 300;
/** Addresses that are remembered; the oldest is forgotten. */
const ADDRESS_LIMIT = 1_000;

interface Mistakes {
  readonly count: number;
  readonly pausedUntil: number;
}

/** Whoever has an IPv6 address has 2^64 of them. */
function placeOf(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, "");
  if (!isIPv6(plain)) return plain;
  const [head = "", tail] = plain.split("::");
  const groups = head.split(":");
  const missing = tail === undefined ? 0 : 8 - groups.length - tail.split(":").length;
  const all = [...groups, ...Array<string>(Math.max(0, missing)).fill("0"), ...(tail ?? "").split(":")];
  return all.slice(0, 4).join(":");
}

/** Wrong tokens by where they come from: after some of them in a row each is followed by a pause that grows. */
export class WrongTokens {
  private readonly mistakes = new Map<string, Mistakes>();

  constructor(private readonly clock: Clock) {}

  /** Seconds for which no token of this address is looked at; 0: it may try. */
  pauseSeconds(address: string): number {
    const { pausedUntil = 0 } = this.mistakes.get(placeOf(address)) ?? {};
    return Math.max(0, Math.ceil((pausedUntil - this.clock.monotonicMilliseconds()) / 1000));
  }

  note(address: string): void {
    const place = placeOf(address);
    const count = (this.mistakes.get(place)?.count ?? 0) + 1;
    const pauseSeconds = count < FREE_MISTAKES ? 0 : Math.min(LONGEST_PAUSE_SECONDS, 2 ** (count - FREE_MISTAKES + 1));
    this.mistakes.delete(place);
    const [oldest] = this.mistakes.keys();
    if (this.mistakes.size >= ADDRESS_LIMIT && oldest !== undefined) this.mistakes.delete(oldest);
    this.mistakes.set(place, { count, pausedUntil: this.clock.monotonicMilliseconds() + pauseSeconds * 1000 });
  }

  forget(address: string): void {
    this.mistakes.delete(placeOf(address));
  }
}
