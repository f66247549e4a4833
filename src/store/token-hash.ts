import { createHash } from "node:crypto";

/** What of an idToken tells tokens apart. */
export interface Token {
  readonly idToken: string;
  readonly type: string;
}

/** Key of a token in libocpp's tables (STORES 1.2): type and text, in the spelling that it came in. */
export function tokenHash({ idToken, type }: Token): string {
  return createHash("sha256").update(type).update(idToken).digest("hex");
}

/** Equal for equal tokens: by text, whatever its letter case, and type; additionalInfo does not count (C01.FR.25). */
export function foldedTokenHash({ idToken, type }: Token): string {
  return tokenHash({ idToken: idToken.toUpperCase(), type });
}

/** Is this the spelling that all spellings of the token are folded to? */
export function isFolded({ idToken }: Token): boolean {
  return idToken === idToken.toUpperCase();
}

export function isSameToken(one: Token, other: Token): boolean {
  return one.type === other.type && one.idToken.toUpperCase() === other.idToken.toUpperCase();
}
