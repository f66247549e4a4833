/**
 * Compiles src/main.ts into one executable, called by scripts/build:
 * `bun scripts/bundle.ts --outfile FILE [--target TARGET] [--runtime FILE] [--released YYYY-MM-DD] [--entry FILE] [--unordered] [--symbols DIRECTORY]`
 * With `--metafile FILE` instead of `--outfile` nothing is compiled: the file says what the program is made of.
 */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { parseArgs } from "node:util";

const { values } = parseArgs({
  options: {
    outfile: { type: "string" },
    target: { type: "string" },
    runtime: { type: "string" },
    released: { type: "string" },
    entry: { type: "string", default: "src/main.ts" },
    symbols: { type: "string" },
    metafile: { type: "string" },
    unordered: { type: "boolean", default: false },
  },
});
const { outfile, target, runtime, released, entry, unordered, symbols, metafile } = values;

/** Which functions a start and a charging session use; recorded by scripts/record-order.ts. */
const ORDER = "scripts/bytecode.order";

/**
 * Parts of mqtt.js for browsers, proxies and other transports, and a second copy of Node's streams: a fifth of the
 * program that never runs in a charger; and its debugging output, which makes 200 lists for each event only to find that
 * nobody wants it.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "readable-stream": 'module.exports = require("node:stream");',
  socks: "module.exports = {};",
  "worker-timers": "module.exports = {};",
  "./ws": "module.exports = {};",
  "./wx": "module.exports = {};",
  "./ali": "module.exports = {};",
  debug: "const silent = () => {}; module.exports = () => silent;",
};

const program: Bun.BuildConfig = {
  entrypoints: [entry],
  target: "bun",
  format: "esm",
  minify: true,
  // What is loaded on demand (src/cli/main.ts) is no part of what each start has to load.
  splitting: true,
  ...(released !== undefined && { define: { RELEASE_DATE: JSON.stringify(released) } }),
  plugins: [
    {
      name: "left-out",
      setup(build) {
        build.onResolve(
          { filter: /^(readable-stream|socks|debug|worker-timers|\.\/(ws|wx|ali))$/ },
          ({ path, importer }) =>
            path in LEFT_OUT && /node_modules\/(mqtt|mqtt-packet|bl|number-allocator)\//.test(importer)
              ? { path, namespace: "left-out" }
              : undefined,
        );
        build.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
          contents: LEFT_OUT[path] ?? "",
          loader: "js",
        }));
      },
    },
  ],
};

if (metafile !== undefined) {
  const built = await Bun.build({ ...program, metafile: true });
  await Bun.write(metafile, JSON.stringify(built.metafile));
  process.exit(0);
}

if (outfile === undefined) throw new Error("scripts/bundle.ts: --outfile is needed");

/** @returns the source maps, where they are asked for; they lie beside the executable then. */
async function compile(executable: string, sourcemap: "none" | "external"): Promise<readonly Bun.BuildArtifact[]> {
  const { outputs } = await Bun.build({
    ...program,
    sourcemap,
    bytecode: true,
    compile: {
      outfile: executable,
      ...(target !== undefined && { target: target as Bun.Build.CompileTarget }),
      ...(runtime !== undefined && { executablePath: runtime }),
      assets: ["./migrations", "./component_config"],
      // Nothing of the directory in which the process happens to start is read.
      autoloadDotenv: false,
      autoloadBunfig: false,
      bytecodeOrder: !unordered && ORDER,
      // What runs at the start runs once: the compiler takes no memory and time for it; cli/run.ts ends that.
      jitPolicy: 8,
    },
  });
  return outputs.filter(({ kind }) => kind === "sourcemap");
}

await compile(outfile, "none");

// Compiled once more, since an executable that is made together with its maps carries them.
if (symbols !== undefined) {
  mkdirSync(symbols, { recursive: true });
  const again = join(symbols, basename(outfile));
  const maps = await compile(again, "external");
  rmSync(again);
  // The name of a part is made of what it contains.
  const program = readFileSync(outfile);
  const strange = maps.map(({ path }) => basename(path, ".map")).filter((name) => !program.includes(name));
  if (strange.length > 0)
    throw new Error(`scripts/bundle.ts: not of the executable: the maps of ${strange.join(", ")}`);
}
