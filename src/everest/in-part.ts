import * as v from "valibot";
import { withoutOddMembers } from "../lib/tolerant-reading.ts";
import type { Logger } from "../log/logger.ts";
import { ToldOnce } from "../log/told-once.ts";

/** Reads what other modules send although an optional member of it cannot be read: that does not lose what is required. */
export class InPart {
  private readonly oddities: ToldOnce;

  constructor(logger: Logger) {
    this.oddities = new ToldOnce(logger);
  }

  read(schema: v.GenericSchema, value: unknown, topic: string): v.SafeParseResult<v.GenericSchema> {
    const odd: string[] = [];
    const readable = withoutOddMembers(schema, value, (path, defect) => odd.push(`${path}: ${defect}`), true);
    const parsed = v.safeParse(schema, readable);
    if (parsed.success) for (const what of odd) this.oddities.warn(`A message on ${topic} is odd: ${what}`);
    return parsed;
  }
}
