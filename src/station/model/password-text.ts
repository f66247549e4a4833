/** Errata 2.1 lets a password have every symbol; a control character is none (RFC 7617, 2). */
const CONTROL_CHARACTER = /\p{Cc}/u;

/** May a text be a password of basic authentication, apart from its length? */
export function isPasswordText(text: string): boolean {
  return !CONTROL_CHARACTER.test(text) && text.isWellFormed();
}
