import plotStyle from "uplot/dist/uPlot.min.css" with { type: "text" };
import { bundleScript } from "./bundle.ts" with { type: "macro" };
import icon from "./icon.svg" with { type: "text" };
import style from "./page.css" with { type: "text" };

interface Asset {
  readonly type: string;
  readonly text: string;
}

const SCRIPT: Asset = { type: "text/javascript; charset=utf-8", text: bundleScript("../client/page.ts") };
const PLOTS: Asset = { type: "text/javascript; charset=utf-8", text: bundleScript("../client/plots.ts") };
const STYLE: Asset = { type: "text/css; charset=utf-8", text: `${plotStyle}\n${style}` };
const ICON: Asset = { type: "image/svg+xml", text: icon };

/** With a name that changes with the content, so that a browser may keep it for ever. */
function pathOf(name: string, extension: string, { text }: Asset): string {
  return `/assets/${name}-${Bun.hash(text).toString(36)}.${extension}`;
}

export const ASSET_PATHS = {
  script: pathOf("page", "js", SCRIPT),
  plots: pathOf("plots", "js", PLOTS),
  style: pathOf("page", "css", STYLE),
  icon: pathOf("icon", "svg", ICON),
};

/** Everything that the page loads, by path. */
export const ASSETS: ReadonlyMap<string, Asset> = new Map([
  [ASSET_PATHS.script, SCRIPT],
  [ASSET_PATHS.plots, PLOTS],
  [ASSET_PATHS.style, STYLE],
  [ASSET_PATHS.icon, ICON],
]);
