import type { Hono } from "hono";
import type { Child } from "hono/jsx";
import type { Clock } from "../../lib/clock.ts";
import type { Access, WebContext, WebEnvironment } from "../access/access.ts";
import { formatCursor } from "../live/live-view.ts";
import { ConfigurationPage } from "../pages/configuration.tsx";
import { EvsesPage } from "../pages/evses.tsx";
import { renderBarePage, renderPage, type ViewName } from "../pages/layout.tsx";
import { LogPage } from "../pages/log.tsx";
import { MessagesPage } from "../pages/messages.tsx";
import { QueuePage } from "../pages/queue.tsx";
import { StationPage } from "../pages/station.tsx";
import { VariablesPage } from "../pages/variables.tsx";
import type { StationSource, WebSource } from "../source.ts";
import { noticeOf } from "./actions.ts";

export interface PagesOptions {
  readonly source: WebSource;
  readonly access: Access;
  readonly clock: Clock;
  readonly epoch: string;
}

const QUERY_LIMIT_CHARACTERS = 100;
/** Asking EVerest anew for each page would make a module work for whoever looks. */
const CERTIFICATES_KEPT_MILLISECONDS = 30_000;

function queryOf(context: WebContext, name: string): string {
  return (context.req.query(name) ?? "").slice(0, QUERY_LIMIT_CHARACTERS);
}

/** Before the station has been put together there is nothing to show. */
function starting(context: WebContext) {
  context.header("Refresh", "2");
  return context.html(renderBarePage("The station is starting", <p>This page looks again every two seconds.</p>), 503);
}

type CertificatesOf = (station: StationSource) => ReturnType<StationSource["certificates"]>;

function keptCertificates(clock: Clock): CertificatesOf {
  let kept: { readonly at: number; readonly found: ReturnType<CertificatesOf> } | undefined;
  return (station) => {
    const now = clock.monotonicMilliseconds();
    if (kept === undefined || now - kept.at > CERTIFICATES_KEPT_MILLISECONDS)
      kept = { at: now, found: station.certificates() };
    return kept.found;
  };
}

/** The pages that people look at, and what their scripts fetch beside them. */
export function mountPages(application: Hono<WebEnvironment>, { source, access, clock, epoch }: PagesOptions): void {
  const certificatesOf = keptCertificates(clock);

  const page = (
    path: string,
    view: ViewName,
    content: (station: StationSource, context: WebContext) => Child | Promise<Child>,
    /** The newest row of a page that gets more of them; undefined: nothing is live there. */
    newestRow: ((station: StationSource) => number) | undefined,
  ): void => {
    application.get(path, async (context) => {
      const station = source.station();
      if (station === undefined) return starting(context);
      const row = newestRow?.(station);
      const properties = {
        view,
        overview: station.overview(),
        cursor: row === undefined ? undefined : formatCursor({ epoch, version: 0, row }),
        isTrusted: context.get("isTrusted"),
        hasToken: access.hasToken,
        notice: noticeOf(queryOf(context, "notice")),
      };
      return context.html(renderPage(properties, await content(station, context)));
    });
  };
  const noRows = () => 0;

  page(
    "/",
    "station",
    async (station, context) => (
      <StationPage
        overview={station.overview()}
        certificates={await certificatesOf(station)}
        now={clock.now()}
        isTrusted={context.get("isTrusted")}
        hasToken={access.hasToken}
      />
    ),
    noRows,
  );
  page("/evses", "evses", (station) => <EvsesPage evses={station.evses()} schedules={station.schedules()} />, noRows);
  page("/queue", "queue", (station) => <QueuePage queue={station.queue()} />, noRows);
  page(
    "/messages",
    "messages",
    ({ messages }, context) => (
      <MessagesPage
        messages={messages.since(0)}
        filter={{ action: queryOf(context, "action"), direction: queryOf(context, "direction") }}
      />
    ),
    ({ messages }) => messages.last,
  );
  page(
    "/variables",
    "variables",
    (station, context) => <VariablesPage variables={station.variables()} search={queryOf(context, "search")} />,
    undefined,
  );
  page(
    "/log",
    "log",
    (_station, context) => (
      <LogPage
        lines={source.log.since(0)}
        filter={{ severity: queryOf(context, "severity"), text: queryOf(context, "text") }}
      />
    ),
    () => source.log.last,
  );
  page(
    "/configuration",
    "configuration",
    (station) => <ConfigurationPage settings={station.configuration()} />,
    undefined,
  );
}

/** What the scripts of the pages fetch. */
export function mountPageData(
  application: Hono<WebEnvironment>,
  { source, access }: Pick<PagesOptions, "access" | "source">,
): void {
  application.get("/messages/:number{\\d+}", (context) => {
    const text = source.station()?.messages.text(Number(context.req.param("number")));
    if (text === undefined) return access.refuse(context, 404, "unknown path", context.req.path);
    return context.text(text);
  });
  application.get("/data/meters", (context) => {
    const station = source.station();
    if (station === undefined) return access.refuse(context, 404, "unknown path", context.req.path);
    return context.json(
      Object.fromEntries(
        station.evses().map(({ evseId }) => {
          const { seconds, watts, wattHours } = station.meterHistory(evseId);
          return [evseId, [seconds, watts, wattHours]];
        }),
      ),
    );
  });
  application.get("/data/schedules", (context) => {
    const schedules = source.station()?.schedules() ?? [];
    return context.json(
      Object.fromEntries(
        schedules.map(({ evseId, unit, start, durationSeconds, periods }) => {
          const from = start.getTime() / 1000;
          return [
            evseId,
            {
              unit,
              until: from + durationSeconds,
              seconds: periods.map(({ startSeconds }) => from + startSeconds),
              limits: periods.map(({ limit }) => limit),
            },
          ];
        }),
      ),
    );
  });
}
