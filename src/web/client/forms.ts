import { localizeTimes } from "./times.ts";

const WAIT_MILLISECONDS = 250;

/** What a filter form asks for, as the address of the page. */
function addressOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (typeof value === "string" && value !== "") query.set(name, value);
  return `${location.pathname}${query.size === 0 ? "" : `?${query}`}`;
}

/** Replaces the results of a filter by those of the form as it is now; without scripts the button does the same. */
async function refresh(form: HTMLFormElement, place: string, signal: AbortSignal): Promise<void> {
  const address = addressOf(form);
  const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
  const text = await answer.text();
  if (!answer.ok || answer.redirected) return location.assign(address);
  const found = new DOMParser().parseFromString(text, "text/html").getElementById(place);
  const shown = document.getElementById(place);
  if (found === null || shown === null) return;
  localizeTimes(found);
  shown.replaceWith(found);
  history.replaceState(null, "", address);
}

/** Filters take effect while one types. */
export function followForms(): void {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-filter]")) {
    const place = form.dataset.filter ?? "";
    let running = new AbortController();
    let timer = 0;
    const begin = (waitMilliseconds: number): void => {
      running.abort();
      clearTimeout(timer);
      running = new AbortController();
      const { signal } = running;
      timer = window.setTimeout(() => {
        refresh(form, place, signal).catch((error: unknown) => {
          if (!signal.aborted) throw error;
        });
      }, waitMilliseconds);
    };
    form.addEventListener("input", () => begin(WAIT_MILLISECONDS));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      begin(0);
    });
  }
}

/** Does a new row pass the filters above the table? */
export function passesFilters(row: HTMLElement): boolean {
  const form = document.querySelector<HTMLFormElement>("form[data-filter]");
  if (form === null) return true;
  const { action, direction, severity } = row.dataset;
  const data = new FormData(form);
  const wants = (name: string): string => String(data.get(name) ?? "");
  if (action !== undefined && wants("action") !== "" && wants("action") !== action) return false;
  if (direction !== undefined && wants("direction") !== "" && wants("direction") !== direction) return false;
  const least = form.querySelector<HTMLOptionElement>("select[name=severity] option:checked")?.dataset.rank ?? "0";
  if (severity !== undefined && Number(severity) < Number(least)) return false;
  return (row.textContent ?? "").toLowerCase().includes(wants("text").toLowerCase());
}

/** The whole text of a message is fetched when it is opened. */
export function followDetails(): void {
  document.addEventListener(
    "toggle",
    async ({ target }) => {
      if (!(target instanceof HTMLDetailsElement) || !target.open) return;
      const { load } = target.dataset;
      const place = target.querySelector("pre");
      if (load === undefined || place === null) return;
      const answer = await fetch(load);
      const text = await answer.text();
      place.textContent = answer.ok ? indented(text) : "This message is not remembered any more.";
      delete target.dataset.load;
    },
    true,
  );
}

function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
