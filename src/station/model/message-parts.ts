/** Cuts what belongs together into messages of at most so many items and bytes (of JSON); a single item may have more. */
export function* messageParts<Item>(
  items: Iterable<Item>,
  itemLimit: number,
  byteLimit: number,
): Generator<readonly Item[]> {
  let part: Item[] = [];
  let bytes = 0;
  for (const item of items) {
    const size = Buffer.byteLength(JSON.stringify(item)) + 1;
    if (part.length > 0 && (part.length >= itemLimit || bytes + size > byteLimit)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(item);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
