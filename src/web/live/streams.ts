import { type Clock, every, type Timer } from "../../lib/clock.ts";
import { type Cursor, formatCursor, type LiveView } from "./live-view.ts";

const BEAT_MILLISECONDS = 1_000;
/** So often at least something is sent: else the server takes the connection for idle. */
const BEATS_OF_SILENCE = 8;
/** Pages that are live at a time. */
const CLIENT_LIMIT = 16;
/** What a page has not fetched; who is behind further is cut off and comes back by himself. */
const UNREAD_LIMIT_BYTES = 262_144;
const RETRY_MILLISECONDS = 2_000;

type Controller = ReadableStreamDefaultController<Uint8Array>;

interface Client {
  readonly controller: Controller;
  readonly view: LiveView;
  /** Asked now and then: who has logged out sees nothing more. */
  readonly mayLook: () => boolean;
  cursor: Cursor;
  silentBeats: number;
}

export interface StreamsOptions {
  readonly clock: Clock;
  readonly onTooSlow: () => void;
}

const encoder = new TextEncoder();

/** Server-sent events: a beat a second as long as somebody looks, nothing at all otherwise. */
export class Streams {
  private readonly clients = new Set<Client>();
  private beat: Timer | undefined;

  constructor(private readonly options: StreamsOptions) {}

  get isFull(): boolean {
    return this.clients.size >= CLIENT_LIMIT;
  }

  open(view: LiveView, cursor: Cursor, mayLook: () => boolean): ReadableStream<Uint8Array> {
    let client: Client | undefined;
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          client = { controller, view, mayLook, cursor, silentBeats: 0 };
          controller.enqueue(encoder.encode(`retry: ${RETRY_MILLISECONDS}\n\n`));
          this.clients.add(client);
          view.refresh();
          this.send(client);
          this.beat ??= every(this.options.clock, BEAT_MILLISECONDS, () => this.beatAll());
        },
        cancel: () => {
          if (client !== undefined) this.forget(client);
        },
      },
      new ByteLengthQueuingStrategy({ highWaterMark: UNREAD_LIMIT_BYTES }),
    );
  }

  private beatAll(): void {
    for (const view of new Set([...this.clients].map((client) => client.view))) view.refresh();
    for (const client of this.clients) this.send(client);
  }

  private send(client: Client): void {
    const { controller, cursor, view } = client;
    const { data, cursor: next } = view.since(cursor);
    client.cursor = next;
    if (data === undefined && ++client.silentBeats < BEATS_OF_SILENCE) return;
    client.silentBeats = 0;
    if (!client.mayLook()) return this.end(client, () => controller.close());
    if ((controller.desiredSize ?? 0) <= 0) {
      this.options.onTooSlow();
      return this.end(client, () => controller.error(new Error("the page does not read")));
    }
    controller.enqueue(encoder.encode(data === undefined ? ":\n\n" : `id: ${formatCursor(next)}\ndata: ${data}\n\n`));
  }

  private end(client: Client, close: () => void): void {
    this.forget(client);
    close();
  }

  private forget(client: Client): void {
    this.clients.delete(client);
    if (this.clients.size > 0) return;
    this.beat?.cancel();
    this.beat = undefined;
  }
}
