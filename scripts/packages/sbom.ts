/**
 * Prints the bill of materials of the executable as CycloneDX 1.6, made of what the bundler really took and of the lock file:
 * `bun scripts/packages/sbom.ts SECONDS`, the moment that the sources stand for. The same bytes for the same sources.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Glob } from "bun";
import * as v from "valibot";

const Package = v.object({
  version: v.string(),
  license: v.optional(v.string()),
  integrity: v.optional(v.string()),
  /** Set where the package is installed under another name. */
  name: v.optional(v.string()),
  dependencies: v.optional(v.record(v.string(), v.string()), {}),
});
const Lock = v.object({ packages: v.record(v.string(), Package) });
const Metafile = v.object({ inputs: v.record(v.string(), v.unknown()) });

/** Folders of the packages of which the bundle contains something, e.g. `node_modules/mqtt`. */
function bundledFolders(): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "sbom-"));
  try {
    const metafile = join(folder, "meta.json");
    // Scripts of the page are bundled by themselves, while the program is.
    const entries = ["src/main.ts", ...new Glob("src/web/client/*.ts").scanSync(".")];
    const folders = entries.flatMap((entry) => {
      const command = [process.execPath, "scripts/bundle.ts", "--entry", entry, "--metafile", metafile];
      const { exitCode, stderr } = Bun.spawnSync(command);
      if (exitCode !== 0) throw new Error(`the bundle cannot be made: ${stderr.toString()}`);
      const { inputs } = v.parse(Metafile, JSON.parse(readFileSync(metafile, "utf8")));
      return Object.keys(inputs).flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
    });
    return [...new Set(folders)].sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const { packages } = v.parse(Lock, JSON.parse(readFileSync("package-lock.json", "utf8")));

function packageOf(folder: string): v.InferOutput<typeof Package> & { readonly realName: string } {
  const found = packages[folder];
  if (found === undefined) throw new Error(`${folder} is not in package-lock.json`);
  return { ...found, realName: found.name ?? folder.slice(folder.lastIndexOf("node_modules/") + 13) };
}

const purl = (name: string, version: string): string => `pkg:npm/${name.replace("@", "%40")}@${version}`;

function component(folder: string) {
  const { realName, version, license, integrity = "" } = packageOf(folder);
  const sha512 = Buffer.from(integrity.replace(/^sha512-/, ""), "base64").toString("hex");
  return {
    type: "library",
    "bom-ref": purl(realName, version),
    ...(realName.startsWith("@") && { group: realName.split("/")[0] }),
    name: realName.split("/").at(-1) ?? realName,
    version,
    ...(sha512 !== "" && { hashes: [{ alg: "SHA-512", content: sha512 }] }),
    ...(license !== undefined && { licenses: [{ expression: license }] }),
    purl: purl(realName, version),
  };
}

/** Where a package finds another one: in its own folder, else in one of those around it. */
function resolved(from: string, name: string, bundled: ReadonlySet<string>): string | undefined {
  for (let around = from; ; around = around.slice(0, Math.max(0, around.lastIndexOf("/node_modules/")))) {
    const candidate = `${around === "" ? "" : `${around}/`}node_modules/${name}`;
    if (bundled.has(candidate)) return candidate;
    if (around === "") return undefined;
  }
}

/** The runtime that the executable contains, with its own parts as far as it names them. */
function runtime() {
  const { version } = packageOf("node_modules/bun");
  const ofRuntime = ["boringssl", "sqlite", "webkit", "zlib", "zstd", "ares", "usockets", "mimalloc", "libarchive"];
  return {
    type: "framework",
    "bom-ref": purl("bun", version),
    name: "bun",
    version,
    licenses: [{ expression: "MIT" }],
    purl: purl("bun", version),
    components: ofRuntime.flatMap((name) => {
      const found = process.versions[name];
      return found === undefined ? [] : [{ type: "library", "bom-ref": `bun/${name}`, name, version: found }];
    }),
  };
}

/** A UUID that is decided by a text. */
function uuidOf(text: string): string {
  const digits = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  const variant = ((Number.parseInt(digits.slice(16, 17), 16) & 3) | 8).toString(16);
  return [digits.slice(0, 8), digits.slice(8, 12), `5${digits.slice(13, 16)}`, variant + digits.slice(17, 20)]
    .concat(digits.slice(20, 32))
    .join("-");
}

const seconds = Number(Bun.argv[2]);
if (!Number.isInteger(seconds)) throw new Error("the moment of the sources is expected, in seconds");
const application = packageOf("");
const folders = bundledFolders();
const bundled = new Set(folders);
const self = purl("everest-ocpp201", application.version);
const dependsOn = (folder: string): readonly string[] =>
  Object.keys(packageOf(folder).dependencies)
    .flatMap((name) => resolved(folder, name, bundled) ?? [])
    .map((found) => component(found)["bom-ref"])
    .sort();
const content = {
  metadata: {
    timestamp: new Date(seconds * 1000).toISOString(),
    component: {
      type: "application",
      "bom-ref": self,
      name: "everest-ocpp201",
      version: application.version,
      licenses: [{ expression: application.license ?? "" }],
      purl: self,
    },
  },
  components: [runtime(), ...folders.map(component)],
  dependencies: [
    // What is bundled is needed by the application, whoever else needs it as well.
    { ref: self, dependsOn: [runtime()["bom-ref"], ...folders.map((folder) => component(folder)["bom-ref"])].sort() },
    { ref: runtime()["bom-ref"], dependsOn: [] },
    ...folders.map((folder) => ({ ref: component(folder)["bom-ref"], dependsOn: dependsOn(folder) })),
  ],
};
const head = {
  bomFormat: "CycloneDX",
  specVersion: "1.6",
  serialNumber: `urn:uuid:${uuidOf(JSON.stringify(content))}`,
  version: 1,
};
console.log(JSON.stringify({ ...head, ...content }, null, 2));
