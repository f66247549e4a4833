/**
 * A word of another module, or what stands for those that are in none of EVerest's lists: newer modules may have more
 * (PROTOCOL 17.4), but nothing is done for a word that nobody here knows, and none goes on to the CSMS.
 */
export function known<Word extends string, Otherwise>(
  words: ReadonlySet<string>,
  word: Word,
  otherwise: Otherwise,
): Word | Otherwise {
  return words.has(word) ? word : otherwise;
}

/** EVerest's modules read UTC with milliseconds and pass over any other offset (PROTOCOL 12.5). */
export function toEverestTime(dateTime: string): string {
  return new Date(dateTime).toISOString();
}
