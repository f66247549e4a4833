import { passesFilters } from "./forms.ts";
import { localizeTimes } from "./times.ts";

/** What the station sends; it is the page's own. */
interface News {
  readonly reload?: true;
  readonly fragments?: Readonly<Record<string, string>>;
  readonly rows?: string;
  readonly samples?: unknown;
}

const ROW_LIMIT = 500;
/** A stream that was refused is tried again: there may be too many of them now. */
const RETRY_MILLISECONDS = 10_000;

function showState(text: string, isLive: boolean): void {
  const place = document.getElementById("live");
  if (place === null) return;
  place.hidden = false;
  place.textContent = text;
  place.classList.toggle("stale", !isLive);
}

function replaceFragments(fragments: Readonly<Record<string, string>>): void {
  for (const [place, html] of Object.entries(fragments)) {
    const element = document.querySelector<HTMLElement>(`[data-live="${CSS.escape(place)}"]`);
    if (element === null) continue;
    const isOpen = element.querySelector("details")?.open === true;
    element.innerHTML = html;
    const details = element.querySelector("details");
    if (isOpen && details !== null) details.open = true;
    localizeTimes(element);
  }
}

function addRows(html: string): void {
  const table = document.querySelector<HTMLTableSectionElement>("tbody#rows");
  if (table === null) return;
  const template = document.createElement("template");
  template.innerHTML = html;
  const rows = [...template.content.querySelectorAll<HTMLElement>("tr")].filter(passesFilters);
  if (rows.length === 0) return;
  localizeTimes(template.content);
  table.prepend(...rows);
  while (table.rows.length > ROW_LIMIT) table.deleteRow(-1);
  document.querySelector("#results > .empty")?.remove();
}

/** Keeps the page as the station is, for as long as the page is seen. */
export function followStation(): void {
  const { view, cursor } = document.body.dataset;
  if (view === undefined || cursor === undefined) return;
  let stream: EventSource | undefined;
  let newest = cursor;
  let retry = 0;

  const open = (): void => {
    clearTimeout(retry);
    stream?.close();
    stream = new EventSource(`/events/${view}?cursor=${encodeURIComponent(newest)}`);
    stream.onopen = () => {
      showState("live", true);
      document.dispatchEvent(new CustomEvent("station-live"));
    };
    stream.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      if (lastEventId !== "") newest = lastEventId;
      const news = JSON.parse(data) as News;
      if (news.reload === true) return location.reload();
      if (news.fragments !== undefined) replaceFragments(news.fragments);
      if (news.rows !== undefined) addRows(news.rows);
      if (news.samples !== undefined)
        document.dispatchEvent(new CustomEvent("station-samples", { detail: news.samples }));
    };
    stream.onerror = () => {
      showState("not live, trying again", false);
      // Refused, not only interrupted: the browser would give up.
      if (stream?.readyState === EventSource.CLOSED) retry = window.setTimeout(open, RETRY_MILLISECONDS);
    };
  };

  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") return open();
    clearTimeout(retry);
    stream?.close();
  });
  window.addEventListener("pagehide", () => stream?.close());
  if (document.visibilityState === "visible") open();
}
