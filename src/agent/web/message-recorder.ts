import type { Clock } from "../../lib/clock.ts";
import { printable, shortened } from "../../lib/printable.ts";
import { maskSecrets } from "../../log/mask-secrets.ts";
import type { WireMessage } from "../../ocpp/rpc.ts";
import type { MessageFacts, Numbered, StationSource } from "../../web/source.ts";
import { Recent } from "./recent.ts";

const MESSAGE_LIMIT = 500;
/** Of one message, and of all of them together. */
const TEXT_LIMIT_CHARACTERS = 8_000;
const TEXTS_LIMIT_CHARACTERS = 1_000_000;
const SUMMARY_CHARACTERS = 160;
/** The action of a frame is whatever the CSMS has written there. */
const NAME_LIMIT_CHARACTERS = 50;
/** CALLs that wait for their answers: one of ours, and what the CSMS may ask at a time. */
const CALL_LIMIT = 100;
/** What waits to be masked; a flood costs entries of the page only. */
const WAITING_LIMIT = 500;
const WAITING_LIMIT_CHARACTERS = 4_000_000;
const MESSAGES_A_TURN = 20;

/** Who may look at the page need not be one who may see whose card it was. */
const ID_TOKEN = /("(?:idToken|groupIdToken|emaid)"\s*:\s*")([^"\\]*)(")/gi;
const SHOWN_TOKEN_CHARACTERS = 4;

/** Only the end of a token, enough to tell two cards apart. */
export function maskToken(token: string): string {
  return token.length <= SHOWN_TOKEN_CHARACTERS ? "…" : `…${token.slice(-SHOWN_TOKEN_CHARACTERS)}`;
}

/** A message as the page may show it: without secrets, of tokens only the end. */
export function shownMessage(text: string): string {
  return maskSecrets(text).replace(ID_TOKEN, (_all, before: string, token: string, after: string) =>
    token === "" || token === "***" ? `${before}${token}${after}` : `${before}${maskToken(token)}${after}`,
  );
}

interface Recorded extends MessageFacts {
  readonly text: string;
}

interface Waiting extends Omit<MessageFacts, "summary" | "characters"> {
  readonly raw: string;
}

/** What stands behind the action and the id of a frame. */
function summaryOf(text: string): string {
  const content = text.slice(Math.max(0, text.indexOf("{")), -1);
  return printable(content.length <= SUMMARY_CHARACTERS ? content : `${content.slice(0, SUMMARY_CHARACTERS)}…`);
}

/** The last messages of both directions with their round trips. Taken on the wire's path, masked a moment later. */
export class MessageRecorder {
  private readonly recent = new Recent<Recorded>(
    MESSAGE_LIMIT,
    TEXTS_LIMIT_CHARACTERS,
    ({ text, summary }) => text.length + summary.length,
  );
  private readonly calls = new Map<string, { readonly action: string; readonly at: number }>();
  private waiting: Waiting[] = [];
  private waitingCharacters = 0;
  private isScheduled = false;

  constructor(private readonly clock: Clock) {}

  /** Returns at once. */
  take({ direction, text, name = "?", messageId }: WireMessage): void {
    if (this.waiting.length >= WAITING_LIMIT || this.waitingCharacters + text.length > WAITING_LIMIT_CHARACTERS) return;
    const shortName = printable(shortened(name, NAME_LIMIT_CHARACTERS));
    const { action, roundTripMilliseconds } = this.match(direction, text, shortName, messageId);
    const at = this.clock.now();
    this.waiting.push({ at, direction, name: shortName, action, messageId, roundTripMilliseconds, raw: text });
    this.waitingCharacters += text.length;
    this.schedule();
  }

  get messages(): StationSource["messages"] {
    const { recent } = this;
    return {
      get last() {
        return recent.last;
      },
      since: (number): readonly (MessageFacts & Numbered)[] => recent.since(number),
      text: (number) => recent.find(number)?.text,
    };
  }

  /** An answer belongs to the CALL with its id that went the other way. */
  private match(direction: WireMessage["direction"], text: string, name: string, messageId: string | undefined) {
    const now = this.clock.monotonicMilliseconds();
    const isCall = /^\s*\[\s*2\b/.test(text);
    if (isCall) {
      const [oldest] = this.calls.keys();
      if (this.calls.size >= CALL_LIMIT && oldest !== undefined) this.calls.delete(oldest);
      if (messageId !== undefined) this.calls.set(`${direction} ${messageId}`, { action: name, at: now });
      return { action: name, roundTripMilliseconds: undefined };
    }
    const key = `${direction === "sent" ? "received" : "sent"} ${messageId}`;
    const call = this.calls.get(key);
    this.calls.delete(key);
    return {
      action: call?.action ?? name.replace(/Response$/, ""),
      roundTripMilliseconds: call === undefined ? undefined : now - call.at,
    };
  }

  private schedule(): void {
    if (this.isScheduled) return;
    this.isScheduled = true;
    this.clock.after(0, () => {
      this.isScheduled = false;
      for (const { raw, ...facts } of this.waiting.splice(0, MESSAGES_A_TURN)) {
        this.waitingCharacters -= raw.length;
        const text = shownMessage(raw);
        this.recent.add({
          ...facts,
          characters: raw.length,
          summary: summaryOf(text),
          text: shortened(text, TEXT_LIMIT_CHARACTERS),
        });
      }
      if (this.waiting.length > 0) this.schedule();
    });
  }
}
