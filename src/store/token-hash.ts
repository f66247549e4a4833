import { createHash } from "node:crypto";

/** Key of a token in cache and local list (STORES 1.2): equality is by idToken and type (C01.FR.25). */
export function tokenHash(idToken: { readonly idToken: string; readonly type: string }): string {
  return createHash("sha256").update(idToken.type).update(idToken.idToken).digest("hex");
}
