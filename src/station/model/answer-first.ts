/** Reports that may wait for an answer; beyond it they overtake it. */
const WAITING_LIMIT = 100;

/**
 * Keeps back what the hardware side reports of a request while the CALL that brought it is being answered: the answer
 * goes first. Reports of earlier requests pass.
 */
export class AnswerFirst {
  private waiting: (() => void)[] = [];
  private answering: number | undefined;

  /** A CALL is being answered: what becomes of its request is open. */
  get isHolding(): boolean {
    return this.answering !== undefined;
  }

  /** From now on reports of this request, and those without an id, wait. */
  hold(requestId: number): void {
    this.answering = requestId;
  }

  /** The answer is out: what has waited is delivered in order. */
  release(): void {
    const { waiting } = this;
    this.waiting = [];
    this.answering = undefined;
    for (const deliver of waiting) deliver();
  }

  pass(requestId: number | undefined, deliver: () => void): void {
    const waits = this.answering !== undefined && (requestId === undefined || requestId === this.answering);
    if (!waits) return deliver();
    if (this.waiting.length >= WAITING_LIMIT) this.waiting.shift()?.();
    this.waiting.push(deliver);
  }
}
