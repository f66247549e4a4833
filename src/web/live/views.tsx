import { evseFragments, scheduleFragments } from "../pages/evses.tsx";
import { headerFragments, type ViewName } from "../pages/layout.tsx";
import { LogRow } from "../pages/log.tsx";
import { MessageRow } from "../pages/messages.tsx";
import { queueFragments } from "../pages/queue.tsx";
import { stationFragments } from "../pages/station.tsx";
import type { EvseFacts, LogLine, MessageFacts, Numbered, StationSource, WebSource } from "../source.ts";
import { type LiveSource, LiveView, liveRows } from "./live-view.ts";

/** Schedules and queues are read anew after so many beats: that costs more than looking at what is in memory. */
const BEATS_BETWEEN_LOOKS = 5;

/** Calls only each so many times, and repeats the last answer in between. */
function nowAndThen<Result>(look: () => Result): () => Result {
  let last: { readonly result: Result } | undefined;
  let beats = 0;
  return () => {
    if (last === undefined || beats++ % BEATS_BETWEEN_LOOKS === 0) last = { result: look() };
    return last.result;
  };
}

/** The newest reading of each EVSE: seconds, watts, watt hours. */
function samplesOf(evses: readonly EvseFacts[]): Readonly<Record<string, readonly (number | null)[]>> {
  return Object.fromEntries(
    evses.flatMap(({ evseId, reading }) =>
      reading === undefined
        ? []
        : [[evseId, [reading.at.getTime() / 1000, reading.watts ?? null, reading.wattHours ?? null]]],
    ),
  );
}

const renderMessage = (message: MessageFacts & Numbered) => <MessageRow message={message} />;
const renderLine = (line: LogLine & Numbered) => <LogRow line={line} />;

type Sources = Partial<Record<ViewName, LiveSource>>;

function sourcesOf(station: StationSource, { log }: WebSource): Sources {
  const header = () => headerFragments(station.overview());
  const schedules = nowAndThen(() => scheduleFragments(station.schedules()));
  const queue = nowAndThen(() => queueFragments(station.queue()));
  return {
    station: {
      fragments: () => {
        const overview = station.overview();
        return { ...headerFragments(overview), ...stationFragments(overview) };
      },
    },
    evses: {
      fragments: () => ({ ...header(), ...evseFragments(station.evses()), ...schedules() }),
      samples: () => samplesOf(station.evses()),
    },
    queue: { fragments: () => ({ ...header(), ...queue() }) },
    messages: { fragments: header, rows: liveRows(station.messages, renderMessage) },
    log: { fragments: header, rows: liveRows(log, renderLine) },
  };
}

/** The views that change while one looks at them, made when somebody does for the first time. */
export class LiveViews {
  private views: ReadonlyMap<string, LiveView> | undefined;

  constructor(private readonly source: WebSource) {}

  /** Undefined for a view that is not live, and before the station has been put together. */
  find(name: string): LiveView | undefined {
    const station = this.source.station();
    if (station === undefined) return undefined;
    this.views ??= new Map(
      Object.entries(sourcesOf(station, this.source)).map(([view, live]) => [view, new LiveView(live)]),
    );
    return this.views.get(name);
  }
}
