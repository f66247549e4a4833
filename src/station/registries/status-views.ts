/** What is shown in `/status`: each block registers what it can say of this moment. No secrets: nobody has to log in. */
export class StatusViews {
  private readonly views = new Map<string, () => unknown>();

  /** `view` returns what is ready for JSON. */
  register(name: string, view: () => unknown): void {
    if (this.views.has(name)) throw new Error(`two blocks show "${name}" in the status`);
    this.views.set(name, view);
  }

  /** One of them; undefined when no block shows it. */
  readOne(name: string): unknown {
    return this.views.get(name)?.();
  }

  read(): Readonly<Record<string, unknown>> {
    return Object.fromEntries([...this.views].map(([name, view]) => [name, view()]));
  }
}
