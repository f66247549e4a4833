/** A typed event map: every event name has one payload type, listeners run in order of rank, then of subscription. */
export type Unsubscribe = () => void;

interface Subscription {
  readonly rank: number;
  readonly listener: (payload: never) => void;
}

export class Emitter<Events extends object> {
  private readonly subscriptions = new Map<keyof Events, readonly Subscription[]>();

  /** Whoever subscribes with a lower rank hears first. */
  on<Name extends keyof Events>(name: Name, listener: (payload: Events[Name]) => void, rank = 0): Unsubscribe {
    const subscription: Subscription = { rank, listener };
    const others = this.subscriptions.get(name) ?? [];
    const index = others.findIndex((other) => other.rank > rank);
    this.subscriptions.set(name, others.toSpliced(index < 0 ? others.length : index, 0, subscription));
    return () => {
      const left = (this.subscriptions.get(name) ?? []).filter((other) => other !== subscription);
      this.subscriptions.set(name, left);
    };
  }

  /**
   * Every listener hears of it, whatever another one makes of it.
   * @throws what the listeners have thrown, afterwards.
   */
  emit<Name extends keyof Events>(name: Name, payload: Events[Name]): void {
    const errors: unknown[] = [];
    for (const { listener } of this.subscriptions.get(name) ?? []) {
      try {
        (listener as (payload: Events[Name]) => void)(payload);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join("; "));
  }
}
