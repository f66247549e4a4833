/** An error whose message is written for the user: what is wrong, where, and what is expected. Its stack says nothing more. */
export class ExplainedError extends Error {}
