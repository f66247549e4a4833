import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../lib/clock.ts";
import { printable, shortened } from "../../lib/printable.ts";
import type { Logger } from "../logger.ts";
import { maskSecrets } from "../mask-secrets.ts";
import { asConsole, asHtmlRow, asText, HTML_FOOT, HTML_HEAD, type LogEntry } from "./formats.ts";
import { RotatingFile, type Rotation } from "./rotating-file.ts";

export interface MessageLogSettings {
  readonly directory: string;
  /** Words of LogMessagesFormat: log, html, security, console, console_detailed, callback. */
  readonly formats: ReadonlySet<string>;
  /** Additional files with the text as it was transmitted. */
  readonly raw: boolean;
  /** Undefined: a new set of files at each start. */
  readonly rotation: Rotation | undefined;
}

export interface MessageLogOptions {
  readonly settings: MessageLogSettings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly print: (text: string) => void;
  readonly publish: (entry: LogEntry) => void;
  readonly onSecurityLogRemoved: () => void;
}

/** Without rotation a file still ends somewhere: it is put aside once, then begun again. */
const UNROTATED: Rotation = { maximumBytes: 50_000_000, maximumFiles: 2, dateSuffix: false };
const STARTS_KEPT = 20;
const FILE_OF_A_START = /^(\d{4}-\d\d-\d\dT[\d:.]+Z)(?:_raw)?\.(?:log|html|security\.log)(?:\.\d+)?$/;
/** Entries and characters that may wait to be written; what comes then is left out. */
const WAITING_LIMIT = 2_000;
const WAITING_LIMIT_CHARACTERS = 8_000_000;
/** What is exchanged at one moment is written together, when it is over: the disk is woken less often, and after the wire. */
const GATHER_MILLISECONDS = 100;
/** What is formatted before the event loop goes on; a single entry may have more characters. */
const ENTRIES_A_TURN = 5;
const CHARACTERS_A_TURN = 500_000;
/** The action of a frame is whatever the CSMS has written there. */
const NAME_LIMIT_CHARACTERS = 200;

/** Files of old starts are deleted, the latest are kept. */
function forgetOldStarts(directory: string): void {
  const files = readdirSync(directory).flatMap((name) => {
    const start = FILE_OF_A_START.exec(name)?.[1];
    return start === undefined ? [] : [{ name, start }];
  });
  const kept = new Set([...new Set(files.map(({ start }) => start))].sort().slice(1 - STARTS_KEPT));
  for (const { name, start } of files) if (!kept.has(start)) rmSync(join(directory, name), { force: true });
}

/**
 * The OCPP message log (BEHAVIOUR 21). What is taken waits in memory and is masked, formatted and written later and in the
 * background: the wire never waits for it, and a failing disk costs entries of the log only.
 */
export class MessageLog {
  private readonly sinks: ((entry: LogEntry) => void)[] = [];
  private readonly files: RotatingFile[] = [];
  private securityFile: RotatingFile | undefined;
  private readonly waiting: LogEntry[] = [];
  private waitingCharacters = 0;
  private leftOut = 0;
  private timer: Timer | undefined;

  constructor(private readonly options: MessageLogOptions) {
    const { settings, publish, print } = options;
    const { formats, raw } = settings;
    if (["log", "html", "security"].some((format) => formats.has(format))) this.openFiles();
    if (formats.has("console_detailed")) this.sinks.push((entry) => print(asConsole(entry, true)));
    else if (formats.has("console")) this.sinks.push((entry) => print(asConsole(entry, false)));
    if (formats.has("callback"))
      this.sinks.push((entry) => {
        if (entry.text !== undefined) publish(entry);
      });
    if (raw && this.sinks.length === 0) options.logger.warn("LogMessagesRaw has no effect without log or html");
    this.take({ time: options.clock.now(), origin: "system", name: "Session logging started." });
  }

  /** Returns at once; never throws. */
  take(entry: LogEntry): void {
    if (this.sinks.length === 0) return;
    const characters = entry.text?.length ?? 0;
    if (this.waiting.length >= WAITING_LIMIT || this.waitingCharacters + characters > WAITING_LIMIT_CHARACTERS) {
      this.leftOut++;
      return;
    }
    this.waiting.push({ ...entry, name: printable(shortened(entry.name, NAME_LIMIT_CHARACTERS)) });
    this.waitingCharacters += characters;
    this.timer ??= this.options.clock.after(GATHER_MILLISECONDS, () => this.pass());
  }

  takeSecurityEvent(event: Readonly<Record<string, unknown>>): void {
    this.securityFile?.append(`${JSON.stringify(event)}\n`);
    this.securityFile?.flush();
  }

  /** Resolves when everything is on the disk. */
  async close(): Promise<void> {
    this.timer?.cancel();
    this.pass(this.waiting.length, Number.POSITIVE_INFINITY);
    await Promise.all(this.files.map((file) => file.close()));
  }

  /** A few entries, the rest in later turns: formatting shares the event loop with the wire. */
  private pass(entries = ENTRIES_A_TURN, characters = CHARACTERS_A_TURN): void {
    const { clock } = this.options;
    this.timer = undefined;
    let [leftEntries, leftCharacters] = [entries, characters];
    while (leftEntries-- > 0 && leftCharacters > 0) {
      const entry = this.waiting.shift();
      if (entry === undefined) break;
      const length = entry.text?.length ?? 0;
      this.waitingCharacters -= length;
      leftCharacters -= length;
      const masked = entry.text === undefined ? entry : { ...entry, text: maskSecrets(entry.text) };
      for (const sink of this.sinks) this.passTo(sink, masked);
    }
    if (this.waiting.length > 0) {
      this.timer = clock.after(0, () => this.pass());
      return;
    }
    if (this.leftOut > 0) {
      const name = `${this.leftOut} messages are missing here.`;
      this.leftOut = 0;
      for (const sink of this.sinks) this.passTo(sink, { time: clock.now(), origin: "system", name });
    }
    for (const file of this.files) file.flush();
  }

  private passTo(sink: (entry: LogEntry) => void, entry: LogEntry): void {
    try {
      sink(entry);
    } catch (error) {
      this.options.logger.warn(`A message could not be logged: ${(error as Error).message}`);
    }
  }

  private openFiles(): void {
    const { settings, clock, logger, onSecurityLogRemoved } = this.options;
    const { directory, formats, raw, rotation } = settings;
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      if (rotation === undefined) forgetOldStarts(directory);
    } catch (error) {
      // A station without message log is better than none.
      logger.warn(`The directory of the message log cannot be used: ${(error as Error).message}`);
    }
    const base = rotation === undefined ? clock.now().toISOString() : "libocpp_201";
    const file = (
      suffix: string,
      more: { head?: string; foot?: string; onRemoved?: () => void } = {},
    ): RotatingFile => {
      const opened = new RotatingFile({
        path: join(directory, base + suffix),
        rotation: rotation ?? UNROTATED,
        clock,
        onError: (message) => logger.warn(`The message log cannot be written: ${message}`),
        ...more,
      });
      this.files.push(opened);
      return opened;
    };
    for (const isRaw of raw ? [false, true] : [false]) {
      const infix = isRaw ? "_raw" : "";
      if (formats.has("log")) {
        const text = file(`${infix}.log`);
        this.sinks.push((entry) => text.append(asText(entry, isRaw)));
      }
      if (formats.has("html")) {
        const html = file(`${infix}.html`, { head: HTML_HEAD, foot: HTML_FOOT });
        this.sinks.push((entry) => html.append(asHtmlRow(entry, isRaw)));
      }
    }
    if (formats.has("security")) this.securityFile = file(".security.log", { onRemoved: onSecurityLogRemoved });
  }
}
