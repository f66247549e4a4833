import type { MessageQueueRepository } from "../store/message-queue-repository.ts";

/** Messages that the CSMS will never get, for whoever counts. */
export interface DroppedMessages {
  readonly action: string;
  /** The queue was full; the CSMS has refused it as often as it was told to be asked; the database did not take it. */
  readonly reason: "full" | "refused" | "notStored";
  readonly count: number;
}

/** What waits for the CSMS in one of the queues. */
export interface WaitingMessages {
  readonly length: number;
  /** When the oldest of them was created. */
  readonly oldest?: Date;
}

export function waitingIn({ length, oldest }: MessageQueueRepository): WaitingMessages {
  return { length, ...(oldest !== undefined && { oldest }) };
}
