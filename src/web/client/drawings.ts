import uPlot from "uplot";

export interface Schedule {
  readonly unit: string;
  readonly until: number;
  readonly seconds: readonly number[];
  readonly limits: readonly number[];
}

/** The colours of the page, as they are in light or dark. */
function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function axis(more: uPlot.Axis): uPlot.Axis {
  const line = { stroke: colour("line"), width: 1 };
  return { stroke: colour("muted"), grid: line, ticks: line, font: "12px system-ui, sans-serif", ...more };
}

/** An empty plot keeps a scale, and a constant value is not blown up. */
const fromZero: uPlot.Range.Function = (_plot, min, max) => [
  Math.min(0, min ?? 0),
  Math.max(1, (max ?? 0) * 1.1, Math.min(0, min ?? 0) + 1),
];
const aroundEnergy: uPlot.Range.Function = (_plot, min, max) => [
  (min ?? 0) - 0.005,
  Math.max((max ?? 0) + 0.005, (min ?? 0) + 0.05),
];

const LOCALE_TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const timeLabel = (seconds: number | null): string =>
  seconds === null ? "–" : new Date(seconds * 1000).toLocaleTimeString(undefined, LOCALE_TIME);
const axisTimes: uPlot.Axis.DynamicValues = (_plot, splits, _axis, _space, stepSeconds) => {
  const options: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit" };
  if (stepSeconds < 60) options.second = "2-digit";
  return splits.map((seconds) => new Date(seconds * 1000).toLocaleTimeString(undefined, options));
};
const TIME_AXIS: uPlot.Axis = { values: axisTimes, space: 90 };

/** Power as a line, energy as dashes with a scale of its own. */
export function drawMeter(place: HTMLElement, data: uPlot.AlignedData, width: number, height: number): uPlot {
  return new uPlot(
    {
      width,
      height,
      cursor: { drag: { x: false, y: false } },
      scales: { x: {}, power: { range: fromZero }, energy: { range: aroundEnergy } },
      series: [
        { label: "Time", value: (_plot, seconds) => timeLabel(seconds) },
        {
          label: "Power",
          scale: "power",
          stroke: colour("power"),
          width: 2,
          points: { show: false },
          value: (_plot, watts) => (watts === null ? "–" : `${Math.round(watts)} W`),
        },
        {
          label: "Meter",
          scale: "energy",
          stroke: colour("energy"),
          width: 2,
          dash: [6, 4],
          points: { show: false },
          value: (_plot, kilowattHours) => (kilowattHours === null ? "–" : `${kilowattHours.toFixed(3)} kWh`),
        },
      ],
      axes: [
        axis(TIME_AXIS),
        axis({ scale: "power", size: 54, label: "W", labelSize: 16, labelFont: "12px system-ui, sans-serif" }),
        axis({
          scale: "energy",
          side: 1,
          size: 58,
          label: "kWh",
          labelSize: 16,
          labelFont: "12px system-ui, sans-serif",
          grid: { show: false },
        }),
      ],
    },
    data,
    place,
  );
}

/** A limit holds until the next one begins. */
export function drawSchedule(place: HTMLElement, schedule: Schedule, width: number, height: number): uPlot {
  const { seconds, limits, until, unit } = schedule;
  const last = limits.at(-1) ?? 0;
  return new uPlot(
    {
      width,
      height,
      cursor: { drag: { x: false, y: false } },
      scales: { x: {}, limit: { range: fromZero } },
      // What holds now, until something is pointed at.
      hooks: { ready: [(plot) => plot.setLegend({ idx: 0 })] },
      series: [
        { label: "Time", value: (_plot, time) => timeLabel(time) },
        {
          label: "Limit",
          scale: "limit",
          stroke: colour("limit"),
          fill: colour("limit-fill"),
          width: 2,
          points: { show: false },
          ...(uPlot.paths.stepped && { paths: uPlot.paths.stepped({ align: 1 }) }),
          value: (_plot, limit) => (limit === null ? "–" : `${limit} ${unit}`),
        },
      ],
      axes: [
        axis(TIME_AXIS),
        axis({ scale: "limit", size: 54, label: unit, labelSize: 16, labelFont: "12px system-ui, sans-serif" }),
      ],
    },
    [
      [...seconds, until],
      [...limits, last],
    ],
    place,
  );
}
