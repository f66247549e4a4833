import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { copySources } from "../support/source-copy.ts";

const SECONDS = "1790000000";
const HOST = `linux-${process.arch}`;
const ROOT = join(import.meta.dir, "../..");

let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "release-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Surroundings {
  readonly folder: string;
  readonly umask: string;
  readonly environment: Readonly<Record<string, string>>;
}

/** A release without compression and without foreign targets: what differs between two of them would differ in any. */
async function release({ folder, umask, environment }: Surroundings): Promise<string> {
  mkdirSync(folder, { recursive: true });
  copySources(folder);
  const command = `umask ${umask}; exec scripts/release --targets ${HOST} --without-tests --out out`;
  const child = spawn("bash", ["-c", command], {
    cwd: folder,
    env: { ...process.env, SOURCE_DATE_EPOCH: SECONDS, RELEASE_COMPRESSION: "none", ...environment },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data: Buffer) => (output += data.toString()));
  const code = await new Promise((resolve) => child.once("exit", resolve));
  if (code !== 0) throw new Error(`scripts/release ended with ${code}:\n${output}`);
  return join(folder, "out");
}

const hashesOf = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, new Bun.CryptoHasher("sha256").update(readFileSync(join(folder, name))).digest("hex")]),
  );

const Sbom = v.object({
  bomFormat: v.literal("CycloneDX"),
  specVersion: v.literal("1.6"),
  serialNumber: v.pipe(
    v.string(),
    v.regex(/^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/),
  ),
  metadata: v.object({ timestamp: v.literal(new Date(Number(SECONDS) * 1000).toISOString()) }),
  components: v.array(v.object({ "bom-ref": v.string(), name: v.string(), version: v.string() })),
  dependencies: v.array(v.object({ ref: v.string(), dependsOn: v.array(v.string()) })),
});

describe("a release", () => {
  let first: string;
  let second: string;
  const minisignKey = () => join(root, "minisign.key");
  beforeAll(async () => {
    execFileSync("minisign", ["-G", "-W", "-p", join(root, "minisign.pub"), "-s", minisignKey()], { stdio: "ignore" });
    [first, second] = await Promise.all([
      release({ folder: join(root, "one"), umask: "022", environment: { TZ: "UTC", LC_ALL: "C" } }),
      release({
        folder: join(root, "another/and deeper"),
        umask: "077",
        environment: { TZ: "Asia/Kathmandu", LC_ALL: "C.UTF-8", RELEASE_SIGNING_KEY: minisignKey() },
      }),
    ]);
  }, 240_000);

  test("is the same byte by byte in another folder, time zone and umask, but for the signature", () => {
    const { "SHA256SUMS.minisig": signature, ...ofSecond } = hashesOf(second);
    expect(signature).toBeString();
    expect(hashesOf(first)).toEqual(ofSecond);
    expect(Object.keys(ofSecond)).toHaveLength(5);
  });

  test("is checked with the one line that scripts/packages/sign names", () => {
    const check = `minisign -Vm SHA256SUMS -p '${join(root, "minisign.pub")}' && sha256sum -c SHA256SUMS`;
    const run = () => execFileSync("bash", ["-c", check], { cwd: second, stdio: "pipe" }).toString();
    expect(run()).toContain(".deb: OK");
    const sums = readFileSync(join(second, "SHA256SUMS"), "utf8");
    writeFileSync(
      join(second, "SHA256SUMS"),
      sums.replace(/^./, (digit) => (digit === "0" ? "1" : "0")),
    );
    expect(run).toThrow();
    writeFileSync(join(second, "SHA256SUMS"), sums);
  });

  test("names in its bill of materials what the executable contains, and what that needs", () => {
    const file = readdirSync(first).find((name) => name.endsWith(".cdx.json")) ?? "";
    const { components, dependencies } = v.parse(Sbom, JSON.parse(readFileSync(join(first, file), "utf8")));
    const names = components.map(({ name }) => name);
    expect(names).toContainValues(["bun", "hono", "mqtt", "valibot", "ws", "yaml"]);
    // Needed for building and testing only.
    expect(names).not.toContain("biome");
    expect(names).not.toContain("typescript");
    const refs = new Set(components.map((component) => component["bom-ref"]));
    expect(
      dependencies
        .slice(1)
        .map(({ ref }) => ref)
        .sort(),
    ).toEqual([...refs].sort());
    for (const { dependsOn } of dependencies) expect(dependsOn.filter((ref) => !refs.has(ref))).toEqual([]);
  });
});

test("a private key as PEM signs with openssl", () => {
  const folder = join(root, "pem");
  mkdirSync(folder);
  writeFileSync(join(folder, "SHA256SUMS"), "0  a\n");
  execFileSync(
    "openssl",
    ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", `${folder}/key`],
    {
      stdio: "ignore",
    },
  );
  execFileSync("openssl", ["pkey", "-in", `${folder}/key`, "-pubout", "-out", `${folder}/key.pem`]);
  const sign = join(ROOT, "scripts/packages/sign");
  execFileSync(sign, [folder], { env: { ...process.env, RELEASE_SIGNING_KEY: `${folder}/key` } });
  const check = ["dgst", "-sha256", "-verify", "key.pem", "-signature", "SHA256SUMS.sig", "SHA256SUMS"];
  expect(execFileSync("openssl", check, { cwd: folder }).toString()).toContain("Verified OK");
});

test("a compressed archive is the same whatever the times, modes and order of its files were", () => {
  const make = (name: string, files: readonly string[], mode: number): Buffer => {
    const folder = join(root, name, "tree");
    mkdirSync(folder, { recursive: true });
    for (const file of files) {
      writeFileSync(join(folder, file), file.repeat(1_000));
      chmodSync(join(folder, file), mode);
      utimesSync(join(folder, file), mode, mode);
    }
    const archive = join(root, name, "x.tar.xz");
    execFileSync(join(ROOT, "scripts/packages/archive"), [folder, archive, SECONDS]);
    return readFileSync(archive);
  };
  expect(make("archive-1", ["a", "b", "c"], 0o644).equals(make("archive-2", ["c", "a", "b"], 0o600))).toBe(true);
});
