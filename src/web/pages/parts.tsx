import type { Child, FC } from "hono/jsx";

/** How something is meant; each has a sign of its own, so that nothing depends on seeing colours. */
export type Tone = "good" | "busy" | "warn" | "bad" | "idle";

const SIGNS: Readonly<Record<Tone, string>> = { good: "✓", busy: "●", warn: "!", bad: "✕", idle: "–" };

export const Badge: FC<{ readonly tone: Tone; readonly children?: Child }> = ({ tone, children }) => (
  <span class={`badge ${tone}`}>
    <span class="sign" aria-hidden="true">
      {SIGNS[tone]}
    </span>
    {children}
  </span>
);

/** Shown in UTC, until the script turns it into the browser's zone and leaves UTC to the pointer. */
export const Moment: FC<{ readonly at: Date }> = ({ at }) => {
  const text = at.toISOString();
  return (
    <time datetime={text} data-local="">
      {`${text.slice(0, 19).replace("T", " ")} UTC`}
    </time>
  );
};

/** Names and what there is to say of them; what is undefined is left out. */
export const Facts: FC<{ readonly facts: readonly (readonly [string, Child | undefined])[] }> = ({ facts }) => (
  <dl class="facts">
    {facts
      .filter(([, value]) => value !== undefined && value !== "")
      .map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
  </dl>
);

export const Card: FC<{ readonly title: string; readonly wide?: boolean; readonly children?: Child }> = ({
  title,
  wide = false,
  children,
}) => (
  <section class={wide ? "card wide" : "card"}>
    <h2>{title}</h2>
    {children}
  </section>
);

export const Row: FC<{ readonly cells: readonly (readonly [string, Child])[] }> = ({ cells }) => (
  <tr>
    {cells.map(([label, value]) => (
      <td data-label={label}>{value}</td>
    ))}
  </tr>
);

/** A table that becomes a list of cards where there is no room for columns. */
export const Table: FC<{
  readonly label: string;
  readonly columns: readonly string[];
  readonly rows: readonly Child[];
  readonly id?: string;
  readonly empty: string;
}> = ({ label, columns, rows, id, empty }) => (
  <>
    <table class="stacked" aria-label={label}>
      <thead>
        <tr>
          {columns.map((column) => (
            <th scope="col">{column}</th>
          ))}
        </tr>
      </thead>
      <tbody {...(id === undefined ? {} : { id })}>{rows}</tbody>
    </table>
    {rows.length === 0 && <p class="empty">{empty}</p>}
  </>
);

export function cellsOf(columns: readonly string[], values: readonly Child[]): readonly (readonly [string, Child])[] {
  return columns.map((column, index) => [column, values[index] ?? ""]);
}

/** Three digits are enough to look at. */
export function amount(value: number | undefined, unit: string, thousand?: string): string | undefined {
  if (value === undefined || !Number.isFinite(value)) return undefined;
  const isLarge = thousand !== undefined && Math.abs(value) >= 1_000;
  const shown = isLarge ? value / 1_000 : value;
  return `${shown.toFixed(isLarge ? 2 : Number.isInteger(shown) ? 0 : 1)} ${isLarge ? thousand : unit}`;
}

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.round(seconds)} s`;
  if (seconds < 3_600) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3_600).toFixed(1)} h`;
}

export function counted(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}
