import { html } from "hono/html";
import type { Child, FC } from "hono/jsx";
import { ASSET_PATHS } from "../assets/assets.ts";
import type { StationOverview } from "../source.ts";
import { Badge } from "./parts.tsx";
import { connectionWords } from "./words.ts";

export const VIEWS = [
  ["station", "/", "Station"],
  ["evses", "/evses", "EVSEs"],
  ["queue", "/queue", "Queue"],
  ["messages", "/messages", "Messages"],
  ["variables", "/variables", "Variables"],
  ["log", "/log", "Log"],
  ["configuration", "/configuration", "Configuration"],
] as const;
export type ViewName = (typeof VIEWS)[number][0];

/** What every page shows at its top, by the name of its place. */
export const headerFragments = ({ connection, queuedMessages, runningTransactions }: StationOverview) => {
  const { tone, text } = connectionWords(connection.state);
  return {
    "header-connection": <Badge tone={tone}>{text}</Badge>,
    "header-counts": (
      <>
        <span>{`${runningTransactions} charging`}</span> <span>{`${queuedMessages} waiting`}</span>
      </>
    ),
  };
};

export interface PageProperties {
  readonly view: ViewName;
  readonly overview: StationOverview;
  /** Where a stream of this page begins; undefined where nothing is live. */
  readonly cursor: string | undefined;
  readonly isTrusted: boolean;
  readonly hasToken: boolean;
  readonly notice?: string | undefined;
  readonly children?: Child;
}

const Document: FC<{ readonly title: string; readonly hasPlots?: boolean; readonly children?: Child }> = ({
  title,
  hasPlots = false,
  children,
}) => (
  <html lang="en">
    <head>
      <meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <title>{title}</title>
      <link rel="icon" type="image/svg+xml" href={ASSET_PATHS.icon} />
      <link rel="stylesheet" href={ASSET_PATHS.style} />
      {hasPlots && <script type="module" src={ASSET_PATHS.plots} />}
      <script type="module" src={ASSET_PATHS.script} />
    </head>
    {children}
  </html>
);

const Session: FC<{ readonly isTrusted: boolean; readonly hasToken: boolean }> = ({ isTrusted, hasToken }) => {
  if (!hasToken) return null;
  if (!isTrusted) return <a href="/login">Log in</a>;
  return (
    <form method="post" action="/logout">
      <button type="submit" class="plain">
        Log out
      </button>
    </form>
  );
};

const Page: FC<PageProperties> = ({ view, overview, cursor, isTrusted, hasToken, notice, children }) => {
  const title = VIEWS.find(([name]) => name === view)?.[2] ?? "";
  const name = overview.identity ?? "Charging station";
  const header = headerFragments(overview);
  return (
    <Document title={`${title} – ${name}`} hasPlots={view === "evses"}>
      <body data-view={view} {...(cursor === undefined ? {} : { "data-cursor": cursor })}>
        <a class="skip" href="#content">
          To the content
        </a>
        <header>
          <p class="name">
            <a href="/" class="home">
              {name}
            </a>
          </p>
          <p class="status">
            <span data-live="header-connection" aria-live="polite">
              {header["header-connection"]}
            </span>
            <span class="counts" data-live="header-counts">
              {header["header-counts"]}
            </span>
          </p>
          <div class="session">
            <span id="live" hidden={true} />
            <Session isTrusted={isTrusted} hasToken={hasToken} />
          </div>
          <nav aria-label="Views">
            {VIEWS.map(([one, path, label]) => (
              <a href={path} {...(one === view ? { "aria-current": "page" } : {})}>
                {label}
              </a>
            ))}
          </nav>
        </header>
        <main id="content" tabindex={-1}>
          <h1>{title}</h1>
          {notice !== undefined && (
            <p class="notice" role="status">
              {notice}
            </p>
          )}
          {children}
        </main>
      </body>
    </Document>
  );
};

export function renderPage(properties: PageProperties, content: Child) {
  return html`<!DOCTYPE html>${<Page {...properties}>{content}</Page>}`;
}

/** A page with nothing of the station on it: before it runs, or before the token was shown. */
export function renderBarePage(title: string, content: Child) {
  return html`<!DOCTYPE html>${(
    <Document title={title}>
      <body class="bare">
        <main>
          <h1>{title}</h1>
          {content}
        </main>
      </body>
    </Document>
  )}`;
}
