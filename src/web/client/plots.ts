/** The plots of the EVSEs: power and energy of the last minutes, and the limits of the next hours. */
import type uPlot from "uplot";
import { drawMeter, drawSchedule, type Schedule } from "./drawings.ts";
import { Meters, type Samples } from "./meters.ts";

const HEIGHT_METER = 170;
const HEIGHT_SCHEDULE = 130;
const SCHEDULES_MILLISECONDS = 15_000;

async function json<Answer>(path: string): Promise<Answer | undefined> {
  const answer = await fetch(path);
  return answer.ok ? ((await answer.json()) as Answer) : undefined;
}

const plots = new Map<Element, uPlot>();
const meters = new Meters();
let schedules: Readonly<Record<string, Schedule>> = {};

function draw(place: HTMLElement, make: (width: number) => uPlot | undefined): void {
  plots.get(place)?.destroy();
  const plot = make(Math.max(200, place.clientWidth));
  if (plot === undefined) plots.delete(place);
  else plots.set(place, plot);
}

/** What the legend says while nothing is pointed at. */
function showNewest(plot: uPlot | undefined): void {
  if (plot !== undefined && plot.cursor.idx == null) plot.setLegend({ idx: plot.data[0].length - 1 });
}

const places = (attribute: string): readonly HTMLElement[] => [
  ...document.querySelectorAll<HTMLElement>(`.plot[data-${attribute}]`),
];

function drawMeters(): void {
  for (const place of places("meter"))
    draw(place, (width) => drawMeter(place, meters.columns(place.dataset.meter ?? ""), width, HEIGHT_METER));
  for (const place of places("meter")) showNewest(plots.get(place));
}

function drawSchedules(): void {
  for (const place of places("schedule"))
    draw(place, (width) => {
      const schedule = schedules[place.dataset.schedule ?? ""];
      return schedule === undefined ? undefined : drawSchedule(place, schedule, width, HEIGHT_SCHEDULE);
    });
}

async function fetchSchedules(): Promise<void> {
  const found = await json<Readonly<Record<string, Schedule>>>("/data/schedules");
  if (found === undefined || JSON.stringify(found) === JSON.stringify(schedules)) return;
  schedules = found;
  drawSchedules();
}

/** What was missed while the page was away. */
async function fetchHistory(): Promise<void> {
  const found = await json<Readonly<Record<string, Samples>>>("/data/meters");
  if (found === undefined) return;
  meters.replace(found);
  drawMeters();
}

document.addEventListener("station-live", () => void Promise.all([fetchHistory(), fetchSchedules()]));
document.addEventListener("station-samples", (event) => {
  const { detail } = event as CustomEvent<Readonly<Record<string, readonly (number | null)[]>>>;
  meters.add(detail);
  for (const place of places("meter")) {
    const plot = plots.get(place);
    plot?.setData(meters.columns(place.dataset.meter ?? ""));
    showNewest(plot);
  }
});

let width = window.innerWidth;
window.addEventListener("resize", () => {
  // A phone that hides its address bar resizes, too.
  if (window.innerWidth === width) return;
  width = window.innerWidth;
  drawMeters();
  drawSchedules();
});
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  drawMeters();
  drawSchedules();
});
window.setInterval(() => {
  if (document.visibilityState === "visible") void fetchSchedules();
}, SCHEDULES_MILLISECONDS);
