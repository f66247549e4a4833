import * as v from "valibot";
import { type MessageInfoType, MessageInfoTypeSchema } from "../../ocpp/v201/index.ts";
import { jsonColumn } from "../../store/json-column.ts";
import type { StationContext } from "../context.ts";

const Stored = jsonColumn(MessageInfoTypeSchema);

/** What is to be shown, and what the display has still to be told to remove. */
export interface MessageList {
  readonly present: readonly MessageInfoType[];
  readonly removed: readonly number[];
}

/**
 * The messages that were set, over restarts (O01.FR.10, O02.FR.10): the table decides what there is, the display is told. One
 * that has ended is gone at the moment somebody looks.
 */
export class DisplayMessageList {
  constructor(private readonly context: Pick<StationContext, "clock" | "core" | "logger">) {}

  read(): MessageList {
    const { core, logger } = this.context;
    const present: MessageInfoType[] = [];
    const removed: number[] = [];
    const ended: number[] = [];
    for (const { messageId, message, removed: isRemoved } of core.displayMessages.all()) {
      const parsed = v.safeParse(Stored, message);
      if (!parsed.success) logger.error(`The stored display message ${messageId} cannot be read and is removed`);
      if (isRemoved) removed.push(messageId);
      else if (!parsed.success || this.isOver(parsed.output)) ended.push(messageId);
      else present.push(parsed.output);
    }
    if (ended.length > 0) this.removeEnded(ended);
    return { present, removed: [...removed, ...ended] };
  }

  /** The newest; `replaced` make room for it. */
  set(message: MessageInfoType, replaced: readonly MessageInfoType[]): void {
    const { core } = this.context;
    core.unitOfWork.run(() => {
      for (const { id } of replaced) core.displayMessages.markRemoved(id);
      core.displayMessages.put(message.id, JSON.stringify(message));
    });
  }

  /** From now on it is not there; the display has still to be told. */
  remove(ids: readonly number[]): void {
    const { core } = this.context;
    core.unitOfWork.run(() => {
      for (const id of ids) core.displayMessages.markRemoved(id);
    });
  }

  /** The display has answered: nothing of it is left. */
  forget(id: number): void {
    const { core } = this.context;
    core.unitOfWork.run(() => core.displayMessages.delete(id));
  }

  /** The display may have got it although nobody knows: to be removed there. */
  noteStray(message: MessageInfoType): void {
    const { core, logger } = this.context;
    try {
      core.unitOfWork.run(() => {
        core.displayMessages.put(message.id, JSON.stringify(message));
        core.displayMessages.markRemoved(message.id);
      });
    } catch (error) {
      logger.error(`The display message ${message.id} may stay on the display: ${(error as Error).message}`);
    }
  }

  /** O01.FR.07, O02.FR.07: past its end; O02.FR.02: with its transaction, also one that ended while nobody looked. */
  private isOver({ endDateTime, transactionId }: MessageInfoType): boolean {
    const { clock, core } = this.context;
    return (
      (endDateTime !== undefined && new Date(endDateTime) <= clock.now()) ||
      (transactionId !== undefined && !core.transactions.has(transactionId))
    );
  }

  private removeEnded(ids: readonly number[]): void {
    try {
      this.remove(ids);
    } catch (error) {
      this.context.logger.error(`That display messages have ended could not be stored: ${(error as Error).message}`);
    }
  }
}
