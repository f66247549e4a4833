export type MessageHandler = (text: string, topic: string) => void | Promise<void>;

/** The connection to the broker, and what it has cost so far. */
export interface ChannelStatus {
  readonly isConnected: boolean;
  /** Publications that wait for their turn, e.g. while the broker is away. */
  readonly waiting: number;
  /** How often the connection was lost. */
  readonly losses: number;
  /** Publications that nobody got. */
  readonly dropped: number;
}

/** Where messages of the bus go and come from. */
export interface Channel {
  /** Resolves when the broker has confirmed all of them. Messages of one topic are handled in order. */
  subscribe(subscriptions: ReadonlyMap<string, MessageHandler>, qos?: 0 | 2): Promise<void>;
  /** False when it was dropped at once, because MQTT or the broker does not allow it; that is logged. */
  publish(topic: string, text: string, qos?: 0 | 2): boolean;
  /** Resolves when the broker has all that was published, or it was given up; while there is no broker never. */
  delivered(): Promise<void>;
  readonly status: ChannelStatus;
  /** From now on nothing that comes in is heard. */
  stopListening(): void;
  close(): Promise<void>;
}
