import type { Clock } from "../../lib/clock.ts";
import { shortened } from "../../lib/printable.ts";
import type { ConfigurationFacts, LogLine, StationSource, WebSource } from "../../web/source.ts";
import type { ObservedStation } from "../observed-station.ts";
import { stationActions } from "./actions.ts";
import { certificateFacts } from "./certificate-facts.ts";
import { configurationFacts } from "./configuration-facts.ts";
import { ConnectionHistory } from "./connection-history.ts";
import { evseFacts, scheduleFacts } from "./evse-facts.ts";
import { MessageRecorder } from "./message-recorder.ts";
import { MeterRecorder } from "./meter-recorder.ts";
import { overviewOf } from "./overview.ts";
import { queueFacts } from "./queue-facts.ts";
import { Recent } from "./recent.ts";
import { TransactionRecorder } from "./transaction-recorder.ts";
import { variableFacts } from "./variable-facts.ts";

const LINE_LIMIT = 500;
const LINE_LIMIT_CHARACTERS = 2_000;
const LINES_LIMIT_CHARACTERS = 300_000;

export interface WebFeedOptions {
  readonly clock: Clock;
  readonly programVersion: string;
  /** With what the page itself was set up. */
  readonly settings: readonly ConfigurationFacts[];
  readonly status: () => { readonly started: boolean };
}

/** Many profiles make schedules dear: whoever looks within this time gets the same ones. */
const SCHEDULES_KEPT_MILLISECONDS = 5_000;

function kept<Result>(clock: Clock, milliseconds: number, make: () => Result): () => Result {
  let last: { readonly at: number; readonly result: Result } | undefined;
  return () => {
    const now = clock.monotonicMilliseconds();
    if (last === undefined || now - last.at >= milliseconds) last = { at: now, result: make() };
    return last.result;
  };
}

/** What the web page shows: made only where there is a page, so that without one nothing is recorded. */
export class WebFeed implements WebSource {
  readonly log = new Recent<LogLine>(LINE_LIMIT, LINES_LIMIT_CHARACTERS, ({ text }) => text.length);
  private readonly startedAt: Date;
  private source: StationSource | undefined;

  constructor(private readonly options: WebFeedOptions) {
    this.startedAt = options.clock.now();
  }

  status(): { readonly started: boolean } {
    return this.options.status();
  }

  station(): StationSource | undefined {
    return this.source;
  }

  /** A line of the application log. */
  takeLine(line: LogLine): void {
    this.log.add({ ...line, text: shortened(line.text, LINE_LIMIT_CHARACTERS) });
  }

  /** Begins to record what becomes of the station. */
  observe(observed: ObservedStation): void {
    const { context, station, stationEvents, hardwareEvents } = observed;
    const { clock, csms, deviceModel, hardware, logger, model } = context;
    const messages = new MessageRecorder(clock);
    csms.events.on("message", (message) => messages.take(message));
    const history = new ConnectionHistory(csms, clock);
    const meters = new MeterRecorder(hardwareEvents);
    const transactions = new TransactionRecorder(context, stationEvents, hardwareEvents);
    const program = { startedAt: this.startedAt, programVersion: this.options.programVersion };
    this.source = {
      overview: () => overviewOf(observed, history, program),
      certificates: () => certificateFacts(hardware.security, history.serverValidity, logger),
      evses: () => model.evses.map((evse) => evseFacts(evse, transactions)),
      meterHistory: (evseId) => meters.history(evseId),
      schedules: kept(clock, SCHEDULES_KEPT_MILLISECONDS, () =>
        scheduleFacts(station.services.statusViews.readOne("charging")),
      ),
      queue: () => queueFacts(context, history.dropped),
      messages: messages.messages,
      variables: () => variableFacts(deviceModel),
      configuration: () => [...configurationFacts(observed), ...this.options.settings],
      actions: stationActions(observed),
    };
  }
}
