import { DisplayMessageCtrlr } from "../../device-model/variables.ts";
import type { MessageInfoType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { DisplayMessageList } from "./message-list.ts";
import { MESSAGES_LIMIT } from "./message-rules.ts";

type Answer = Awaited<ReturnType<StationContext["hardware"]["display"]["setMessage"]>>;

/**
 * Keeps the display in step with the list: what it lacks is set, in the order in which it came, what is gone is cleared. One
 * question at a time, and whoever answers a CALL has the next turn, so that a silent display delays no answer for long.
 */
export class DisplayTeller {
  /** What the display has decided about since the start, by id: the message as it was told. */
  private readonly told = new Map<number, string>();
  private turn: Promise<unknown> = Promise.resolve();
  private isTelling = false;
  private isStopped = false;

  constructor(
    private readonly context: Pick<StationContext, "deviceModel" | "hardware" | "logger">,
    private readonly list: DisplayMessageList,
  ) {}

  /** Alone with the display and the list. */
  inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(task);
    this.turn = result.catch(() => undefined);
    return result;
  }

  /** In turn; rejects when the display does not answer. */
  async set(message: MessageInfoType): Promise<Answer> {
    // Without an answer nobody knows what is shown: whatever the list says is told anew.
    this.told.delete(message.id);
    const answer = await this.context.hardware.display.setMessage(message);
    this.told.set(message.id, JSON.stringify(message));
    return answer;
  }

  /** In turn; rejects when the display does not answer. */
  async clear(id: number): Promise<void> {
    await this.context.hardware.display.clearMessage(id);
    this.told.delete(id);
    this.list.forget(id);
  }

  /** What the display has kept, also for the program that had the charger before, is in the list from now on. */
  async begin(): Promise<void> {
    await this.inTurn(() => this.adopt()).catch((error: Error) =>
      this.context.logger.warn(`What the display has kept is not known: ${error.message}`),
    );
    this.tell();
  }

  /** Soon; until everything is told or the display does not answer, then at the next call. */
  tell(): void {
    if (this.isTelling || this.isStopped) return;
    this.isTelling = true;
    void this.tellAll()
      .catch((error: Error) => this.context.logger.warn(`The display is not up to date: ${error.message}`))
      .finally(() => {
        this.isTelling = false;
      });
  }

  stop(): void {
    this.isStopped = true;
  }

  private async tellAll(): Promise<void> {
    while (!this.isStopped && (await this.inTurn(() => this.tellNext())));
  }

  private async adopt(): Promise<void> {
    const shown = await this.context.hardware.display.keptMessages();
    const { present, removed } = this.list.read();
    const known = new Map(present.map((message) => [message.id, message]));
    let room = MESSAGES_LIMIT - present.length;
    for (const message of shown) {
      const own = known.get(message.id);
      if (own === undefined && !removed.includes(message.id) && room-- > 0) {
        this.list.set(message, []);
        this.told.set(message.id, JSON.stringify(message));
      } else if (own !== undefined && isShownAs(message, own)) this.told.set(own.id, JSON.stringify(own));
    }
  }

  /** One step; false when there is none. */
  private async tellNext(): Promise<boolean> {
    const { deviceModel, hardware, logger } = this.context;
    if (!hardware.display.available || this.isStopped) return false;
    const { present, removed } = this.list.read();
    const wanted = deviceModel.read(DisplayMessageCtrlr.Enabled) === false ? [] : present;
    const ids = new Set(wanted.map(({ id }) => id));
    const gone = removed[0] ?? [...this.told.keys()].find((id) => !ids.has(id));
    if (gone !== undefined) {
      await hardware.display.clearMessage(gone);
      this.told.delete(gone);
      if (removed.includes(gone)) this.list.forget(gone);
      return true;
    }
    const next = wanted.find((message) => this.told.get(message.id) !== JSON.stringify(message));
    if (next === undefined) return false;
    const { status, info } = await this.set(next);
    if (status !== "Accepted")
      logger.error(`The display refuses the message ${next.id}, which it had taken: ${status} ${info ?? ""}`);
    return true;
  }
}

/** The same as far as a display keeps it: neither the display meant nor custom data. */
function isShownAs(shown: MessageInfoType, { display: _, customData: __, ...own }: MessageInfoType): boolean {
  const time = (text: string | undefined): number | undefined => (text === undefined ? undefined : Date.parse(text));
  return (
    time(shown.startDateTime) === time(own.startDateTime) &&
    time(shown.endDateTime) === time(own.endDateTime) &&
    shown.priority === own.priority &&
    shown.state === own.state &&
    shown.transactionId === own.transactionId &&
    shown.message.format === own.message.format &&
    shown.message.language === own.message.language &&
    shown.message.content === own.message.content
  );
}
