/** Characters that end a line, move the cursor or colour a terminal; a tab is harmless. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL_CHARACTERS = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f\u2028\u2029]/g;

/** Text from outside on one line of a log, so that it can neither pretend to be other lines nor steer a terminal. */
export function printable(text: string): string {
  return text
    .replace(/[\r\n]+/g, " ⏎ ")
    .replace(CONTROL_CHARACTERS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** At most so many characters of a text, and how many are missing. */
export function shortened(text: string, limitCharacters: number): string {
  return text.length <= limitCharacters
    ? text
    : `${text.slice(0, limitCharacters)}… (${text.length - limitCharacters} more characters)`;
}
