/**
 * The direction of the arrows (ARCHITECTURE.md), blocks that only use what they have declared, the lock file without host
 * names, and time and chance only in `lib/`.
 * Prints every offence as `file:line: message`; exit code 1 when there is one.
 */
import { Glob } from "bun";

/** Layers from the top; a file may import its own layer's folder and everything that its row names. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  main: ["cli"],
  cli: ["agent", "config", "sim", "web", "station", "device-model", "ocpp", "everest", "store", "log", "lib"],
  agent: ["bridge", "web", "station", "device-model", "ocpp", "everest", "store", "log", "lib", "config"],
  web: ["station", "device-model", "ocpp", "store", "log", "lib", "config"],
  sim: ["ocpp/v201", "everest/interfaces", "log", "lib", "config"],
  bridge: ["station", "device-model", "ocpp", "everest", "store", "log", "lib", "config"],
  station: ["device-model", "ocpp", "store", "log", "lib"],
  "device-model": ["store", "log", "lib"],
  ocpp: ["store", "log", "lib"],
  config: ["everest", "log", "lib"],
  everest: ["log", "lib"],
  store: ["log", "lib"],
  log: ["lib"],
  lib: [],
};
/** Parts of the station that all blocks share. */
const STATION_SHARED = new Set([
  "model",
  "registries",
  "block.ts",
  "context.ts",
  "events.ts",
  "hardware-events.ts",
  "ports.ts",
  "services.ts",
]);
/** What puts the blocks together and may know all of them. */
const STATION_TOP = new Set(["station.ts", "assembly.ts"]);

const offences: string[] = [];
const layerOf = (path: string): string => (path.split("/")[1] ?? "").replace(/\.tsx?$/, "");

function checkImport(file: string, line: number, target: string): void {
  const from = layerOf(file);
  const to = layerOf(target);
  const inLayer = target.slice("src/".length);
  if (
    from !== to &&
    !(ALLOWED[from] ?? []).some((allowed) => inLayer === `${allowed}.ts` || inLayer.startsWith(`${allowed}/`))
  )
    offences.push(`${file}:${line}: ${from} must not import ${target}`);
  if (from === "station" && to === "station") {
    const [fromBlock = "", toBlock = ""] = [file.split("/")[2], target.split("/")[2]];
    if (!STATION_TOP.has(fromBlock) && fromBlock !== toBlock && !STATION_SHARED.has(toBlock))
      offences.push(`${file}:${line}: block ${fromBlock} must not import block ${toBlock}`);
  }
}

/** A block hears what it has declared, in its phase, and the services that it needs are there. */
function checkBlock(file: string, line: number, content: string): void {
  if (/\b(?:events|hardwareEvents)\.on\(/.test(content))
    offences.push(`${file}:${line}: a block declares what it hears and in which phase (block.ts)`);
  if (/\bservices\??\.\w+\?\./.test(content))
    offences.push(`${file}:${line}: a needed service is there, no call of it is optional`);
}

for await (const file of new Glob("src/**/*.{ts,tsx}").scan(".")) {
  const text = await Bun.file(file).text();
  text.split("\n").forEach((content, index) => {
    const specifier = content.match(/(?:from|import\()\s*"(\.[^"]+)"/)?.[1];
    if (specifier !== undefined && !/\/(?:package\.json|manifest(?:\.OCPPmulti)?\.yaml)$/.test(specifier))
      checkImport(file, index + 1, new URL(specifier, `file:///${file}`).pathname.slice(1));
    if (/^src\/station\/[a-p]-/.test(file)) checkBlock(file, index + 1, content);
    if (
      !file.startsWith("src/lib/") &&
      // What runs in the browser.
      !file.startsWith("src/web/client/") &&
      /\bDate\.now\(|\bnew Date\(\)|(?<!socket\.)\bset(Timeout|Interval)\(|\bMath\.random\(/.test(content)
    )
      offences.push(`${file}:${index + 1}: time and chance are handed in, not taken`);
  });
}

for (const file of ["package-lock.json", ".npmrc", "bunfig.toml"])
  if ((await Bun.file(file).text()).includes("://")) offences.push(`${file}:1: names a host`);

for (const offence of offences) console.error(offence);
process.exit(offences.length === 0 ? 0 : 1);
