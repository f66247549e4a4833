export type MessageHandler = (text: string, topic: string) => void | Promise<void>;

/** Where messages of the bus go and come from. */
export interface Channel {
  /** Resolves when the broker has confirmed all of them. Messages of one topic are handled in order. */
  subscribe(subscriptions: ReadonlyMap<string, MessageHandler>, qos?: 0 | 2): Promise<void>;
  publish(topic: string, text: string, qos?: 0 | 2): void;
  /** From now on nothing that comes in is heard. */
  stopListening(): void;
  close(): Promise<void>;
}
