import manifest from "../../package.json" with { type: "json" };

/** Put in by scripts/build: the day of the commit. */
declare const RELEASE_DATE: string | undefined;
/** Of a program that is run from its sources, or was built without git: a day that is certainly over. */
const EARLIEST_RELEASE_DATE = "2025-09-01";

/** The day of the release, `YYYY-MM-DD` in UTC. */
export const RELEASED: string = typeof RELEASE_DATE === "string" ? RELEASE_DATE : EARLIEST_RELEASE_DATE;

export const VERSION: string = manifest.version;
