import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

const FETCHED = join(import.meta.dir, "../../.cache/promtool");

function find(): string | undefined {
  if (existsSync(FETCHED)) return FETCHED;
  return spawnSync("promtool", ["--version"], { stdio: "ignore" }).error === undefined ? "promtool" : undefined;
}

/** Prometheus' own checker (scripts/install --with-tests fetches it); undefined where it cannot be had. */
export const PROMTOOL = find();
if (PROMTOOL === undefined) console.warn("promtool is not here: what it would check is skipped");

/** What it complains about; empty when all is well. */
export function promtoolComplaints(args: readonly string[], input = ""): string {
  const { stderr, stdout, status } = spawnSync(PROMTOOL ?? "promtool", [...args], { input, encoding: "utf8" });
  return status === 0 && stderr === "" ? "" : `${stdout}${stderr}status ${status}`;
}
