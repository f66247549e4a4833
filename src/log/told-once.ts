import type { Logger } from "./logger.ts";

/** Kinds that are remembered; whoever makes up more of them is not listened to. */
const KIND_LIMIT = 200;

/** Warnings about what comes again and again: each kind is logged once. */
export class ToldOnce {
  private readonly kinds = new Set<string>();

  constructor(private readonly logger: Logger) {}

  warn(kind: string): void {
    if (this.kinds.has(kind) || this.kinds.size >= KIND_LIMIT) return;
    this.kinds.add(kind);
    this.logger.warn(
      `${kind} (told once${this.kinds.size === KIND_LIMIT ? "; other kinds are not told any more" : ""})`,
    );
  }
}
