/** Messages about one thing, such as one fault or the status of one connector, that may wait at once. */
const WAITING_OF_A_SUBJECT = 3;

/**
 * Which of the messages about one thing, all of them waiting to be sent, need not be sent when another one comes: flaps are
 * joined. The oldest stays, since it may be on its way, and the newest tells how it is; two in between have
 * cancelled each other out, so that raised and cleared still take turns.
 */
export function needlessBefore<Message>(waiting: readonly Message[]): readonly Message[] {
  return waiting.length < WAITING_OF_A_SUBJECT ? [] : waiting.slice(1);
}
