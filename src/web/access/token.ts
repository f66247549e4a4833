import { createHash, timingSafeEqual } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { ExplainedError } from "../../lib/explained-error.ts";
import type { Logger } from "../../log/logger.ts";

export const TOKEN_VARIABLE = "OCPP201_HTTP_TOKEN";
const SHORTEST_CHARACTERS = 16;
const LONGEST_CHARACTERS = 256;
/** What can stand in a header and be typed: no spaces, nothing that a terminal hides. */
const TOKEN = /^[\x21-\x7e]+$/;

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

/** The secret with which the page is opened; it is not kept itself. */
export class Token {
  private readonly digest: Buffer;

  constructor(text: string) {
    this.digest = digest(text);
  }

  /** Takes the same time whatever is wrong. */
  isGivenBy(text: string): boolean {
    return timingSafeEqual(this.digest, digest(text));
  }
}

function tokenOf(text: string, source: string): Token {
  const token = text.replace(/\r?\n$/, "");
  if (token.length < SHORTEST_CHARACTERS || token.length > LONGEST_CHARACTERS || !TOKEN.test(token))
    throw new ExplainedError(
      `${source}: a token of ${SHORTEST_CHARACTERS} to ${LONGEST_CHARACTERS} visible ASCII characters without spaces is expected`,
    );
  return new Token(token);
}

function readTokenFile(path: string, logger: Logger): Token {
  const source = `--http-token-file ${path}`;
  let text: string;
  try {
    const { mode, size } = statSync(path);
    if (size > 10 * LONGEST_CHARACTERS) throw new ExplainedError(`${source}: this is no token`);
    if ((mode & 0o077) !== 0) logger.warn(`${path} can be read by others: chmod 600`);
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (error instanceof ExplainedError) throw error;
    throw new ExplainedError(`${source} cannot be read: ${(error as Error).message}`);
  }
  return tokenOf(text, source);
}

/**
 * From a file or from the environment, never from the command line, which everybody on the machine can read. The file wins.
 * @throws ExplainedError when there is one that cannot be used.
 */
export function readToken(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  logger: Logger,
): Token | undefined {
  if (file !== undefined) return readTokenFile(file, logger);
  const text = environment[TOKEN_VARIABLE];
  return text === undefined ? undefined : tokenOf(text, TOKEN_VARIABLE);
}
