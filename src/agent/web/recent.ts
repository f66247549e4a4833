import type { Numbered, Recorded } from "../../web/source.ts";

/** The newest entries of something, numbered, within a limit of entries and of characters. */
export class Recent<Entry> implements Recorded<Entry> {
  private readonly entries: (Entry & Numbered)[] = [];
  private characters = 0;
  private newest = 0;

  constructor(
    private readonly limit: number,
    private readonly limitCharacters: number,
    private readonly charactersOf: (entry: Entry) => number,
  ) {}

  get last(): number {
    return this.newest;
  }

  add(entry: Entry): void {
    this.newest++;
    this.entries.push({ ...entry, number: this.newest });
    this.characters += this.charactersOf(entry);
    while (this.entries.length > this.limit || this.characters > this.limitCharacters) {
      const lost = this.entries.shift();
      if (lost === undefined) break;
      this.characters -= this.charactersOf(lost);
    }
  }

  since(number: number): readonly (Entry & Numbered)[] {
    const first = this.entries[0]?.number ?? 0;
    return this.entries.slice(Math.max(0, number + 1 - first));
  }

  find(number: number): (Entry & Numbered) | undefined {
    return this.entries[number - (this.entries[0]?.number ?? 0)];
  }
}
