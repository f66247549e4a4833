/**
 * Compiles src/main.ts into one executable, called by scripts/build:
 * `bun scripts/bundle.ts --outfile FILE [--target TARGET] [--runtime FILE] [--released YYYY-MM-DD] [--entry FILE] [--unordered] [--symbols MAP]`
 * With `--metafile FILE` instead of `--outfile` nothing is compiled: the file says what the program is made of.
 */
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
 * program that never runs in a charger.
 */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "readable-stream": 'module.exports = require("node:stream");',
  socks: "module.exports = {};",
  "worker-timers": "module.exports = {};",
  "./ws": "module.exports = {};",
  "./wx": "module.exports = {};",
  "./ali": "module.exports = {};",
};

/** The program itself; compiled and as text it is the same, so that the map of the text fits the executable. */
const program: Bun.BuildConfig = {
  entrypoints: [entry],
  target: "bun",
  format: "esm",
  minify: true,
  ...(released !== undefined && { define: { RELEASE_DATE: JSON.stringify(released) } }),
  plugins: [
    {
      name: "left-out",
      setup(build) {
        build.onResolve({ filter: /^(readable-stream|socks|worker-timers|\.\/(ws|wx|ali))$/ }, ({ path, importer }) =>
          path in LEFT_OUT && /node_modules\/(mqtt|mqtt-packet|bl)\//.test(importer)
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
await Bun.build({
  ...program,
  bytecode: true,
  compile: {
    outfile,
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

const CHUNK_BYTES = 300;

/** Short names as blanks: which of two helpers that are used equally often is `fe` and which `pe`, each build decides anew. */
function shapeOf(code: Buffer): string {
  return code.toString("latin1").replace(/(?<![\w$])[\w$]{1,3}(?![\w$])/g, (name) => "_".repeat(name.length));
}

/** Does the executable contain this code, every line and column where it is here, so that the map fits? */
function hasShape(executable: Buffer, code: Buffer): boolean {
  for (let offset = 0; offset + CHUNK_BYTES <= code.length; offset += CHUNK_BYTES) {
    const found = executable.indexOf(code.subarray(offset, offset + CHUNK_BYTES));
    if (found < 0) continue;
    const start = found - offset;
    return shapeOf(executable.subarray(start, start + code.length)) === shapeOf(code);
  }
  return false;
}

if (symbols !== undefined) {
  const { outputs } = await Bun.build({ ...program, sourcemap: "external" });
  const [text, map] = [
    outputs.find(({ kind }) => kind === "entry-point"),
    outputs.find(({ kind }) => kind === "sourcemap"),
  ];
  if (text === undefined || map === undefined) throw new Error("scripts/bundle.ts: there is no source map");
  const sample = Buffer.from((await text.text()).split("\n").slice(1).join("\n").slice(-100_000, -1_000));
  if (!hasShape(Buffer.from(await Bun.file(outfile).arrayBuffer()), sample))
    throw new Error("scripts/bundle.ts: the source map is not that of the executable");
  await Bun.write(symbols, map);
}
