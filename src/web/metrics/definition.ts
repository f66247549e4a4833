import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import { isAction } from "../../ocpp/validation.ts";

/** What a metric is, as the table of `docs/METRICS.md` shows it. */
interface Definition<Label extends string> {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly Label[];
}

/** The samples of a metric at the moment of a scrape: label values and value. */
export type Samples<Label extends string> = readonly (readonly [Readonly<Record<Label, string | number>>, number])[];

/** Stands for whatever is not on a list, so that nobody outside decides how many series there are. */
const OTHER = "other";

export function actionLabel(action: string): string {
  return isAction(action) ? action : OTHER;
}

export function labelOf(value: string, known: readonly string[]): string {
  return known.includes(value) ? value : OTHER;
}

/** Has what `read` has when somebody asks; other series are gone. */
function collecting<Label extends string>(
  registry: Registry,
  { name, help, labels = [] }: Definition<Label>,
  read: () => Samples<Label>,
) {
  return {
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
    /** @param put for one sample */
    fill(metric: { reset(): void; remove(): void }, put: (...sample: Samples<Label>[number]) => void): void {
      const samples = read();
      metric.reset();
      // Resetting gives a metric without labels the value 0, which may be none.
      if (labels.length === 0 && samples.length === 0) metric.remove();
      for (const sample of samples) put(...sample);
    },
  };
}

/** A gauge that is read when somebody asks. */
export function readGauge<Label extends string = never>(
  registry: Registry,
  definition: Definition<Label>,
  read: () => Samples<Label>,
): void {
  const { fill, ...configuration } = collecting(registry, definition, read);
  new Gauge<Label>({
    ...configuration,
    collect() {
      fill(this, (values, value) => this.set(values, value));
    },
  });
}

/** A counter that somebody else counts; read when somebody asks. */
export function readCounter<Label extends string = never>(
  registry: Registry,
  definition: Definition<Label>,
  read: () => Samples<Label>,
): void {
  const { fill, ...configuration } = collecting(registry, definition, read);
  new Counter<Label>({
    ...configuration,
    collect() {
      fill(this, (values, value) => this.inc(values, value));
    },
  });
}

export function counter<Label extends string = never>(
  registry: Registry,
  { name, help, labels = [] }: Definition<Label>,
): Counter<Label> {
  return new Counter<Label>({ name, help, labelNames: [...labels], registers: [registry] });
}

export function histogram<Label extends string = never>(
  registry: Registry,
  { name, help, labels = [] }: Definition<Label>,
  buckets: readonly number[],
): Histogram<Label> {
  return new Histogram<Label>({ name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] });
}

/** One value without labels. */
export function single(value: number | undefined): Samples<never> {
  return value === undefined ? [] : [[{}, value]];
}

/** One of several states: 1 for the one that is, 0 for the others. */
export function states<Label extends string>(label: Label, all: readonly string[], current: string): Samples<Label> {
  return all.map((state) => [{ [label]: state } as Record<Label, string>, state === current ? 1 : 0] as const);
}
