import { ExplainedError } from "../lib/explained-error.ts";

/** A file that was left by a program that is not understood, or cannot be used for another reason that is not damage. */
export class DatabaseError extends ExplainedError {}
