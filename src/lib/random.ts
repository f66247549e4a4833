/** Chance, handed in so that a failing seed can be replayed. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A version 4 UUID. */
  uuid(): string;
}

export class SystemRandom implements Random {
  next(): number {
    return Math.random();
  }

  uuid(): string {
    return crypto.randomUUID();
  }
}
