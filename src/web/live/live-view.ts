import type { Child } from "hono/jsx";
import type { Numbered, Recorded } from "../source.ts";

/** Pieces of a page by the name of their place. */
export type Fragments = Readonly<Record<string, Child>>;

export interface LiveSource {
  fragments(): Fragments;
  /** Rows that come on top of a table. */
  readonly rows?: LiveRows | undefined;
  /** What is drawn: told in each beat. */
  samples?(): unknown;
}

export interface LiveRows {
  readonly last: number;
  /** The rows behind a number as HTML, newest first. */
  since(number: number): string;
}

/** Rows made of what is recorded; a page that was away for long gets no more than is remembered. */
export function liveRows<Entry>(recorded: Recorded<Entry>, render: (entry: Entry & Numbered) => Child): LiveRows {
  return {
    get last() {
      return recorded.last;
    },
    since: (number) =>
      recorded
        .since(number)
        .toReversed()
        .map((entry) => String(render(entry)))
        .join(""),
  };
}

/** How far a page has got: its process, the version of its fragments, the number of its newest row. */
export interface Cursor {
  readonly epoch: string;
  readonly version: number;
  readonly row: number;
}

export function formatCursor({ epoch, version, row }: Cursor): string {
  return `${epoch}.${version}.${row}`;
}

/** Undefined for what is none. */
export function parseCursor(text: string): Cursor | undefined {
  const match = /^([\da-z]{1,20})\.(\d{1,15})\.(\d{1,15})$/.exec(text);
  return match === null ? undefined : { epoch: match[1] ?? "", version: Number(match[2]), row: Number(match[3]) };
}

interface Versioned {
  readonly html: string;
  readonly version: number;
}

/** One view of the page as it changes: made anew once in a beat for all who look at it. */
export class LiveView {
  private readonly fragments = new Map<string, Versioned>();
  private version = 0;
  private samples: unknown;

  constructor(private readonly source: LiveSource) {}

  refresh(): void {
    let isNews = false;
    for (const [place, content] of Object.entries(this.source.fragments())) {
      const html = String(content);
      if (this.fragments.get(place)?.html === html) continue;
      if (!isNews) this.version++;
      isNews = true;
      this.fragments.set(place, { html, version: this.version });
    }
    this.samples = this.source.samples?.();
  }

  /** What is new behind a cursor, and the cursor behind it; undefined data: nothing. */
  since(cursor: Cursor): { readonly data: string | undefined; readonly cursor: Cursor } {
    const { rows } = this.source;
    const next = { ...cursor, version: this.version, row: rows?.last ?? 0 };
    const fragments = [...this.fragments].filter(([, { version }]) => version > cursor.version);
    const news = {
      ...(fragments.length > 0 && {
        fragments: Object.fromEntries(fragments.map(([place, { html }]) => [place, html])),
      }),
      ...(rows !== undefined && rows.last > cursor.row && { rows: rows.since(cursor.row) }),
      ...(this.samples !== undefined && { samples: this.samples }),
    };
    return { data: Object.keys(news).length === 0 ? undefined : JSON.stringify(news), cursor: next };
  }
}
