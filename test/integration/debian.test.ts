import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const REPOSITORY = join(import.meta.dir, "../..");
const MODULE = "usr/libexec/everest/modules/OCPP201";
const STANDARDIZED = "usr/share/everest/modules/OCPP201/component_config/standardized";
const CONFFILE = "etc/default/everest-ocpp201";
const DATA = "var/lib/everest-ocpp201";

let shelf: string;
const deb = (revision: string): string => join(shelf, `everest-ocpp201_${revision}.deb`);

beforeAll(() => {
  shelf = mkdtempSync(join(tmpdir(), "debs-"));
  const sbom = join(shelf, "sbom.json");
  writeFileSync(sbom, "{}");
  const architecture = execFileSync("dpkg", ["--print-architecture"], { encoding: "utf8" }).trim();
  for (const revision of ["1", "2"])
    execFileSync(
      join(REPOSITORY, "scripts/packages/deb"),
      [join(REPOSITORY, "dist/everest"), architecture, sbom, deb(revision), "1790000000"],
      { env: { ...process.env, RELEASE_COMPRESSION: "none", DEB_REVISION: revision } },
    );
}, 60_000);
afterAll(() => rmSync(shelf, { recursive: true, force: true }));

/** A file system on which EVerest with its C++ module is installed, and an integrator has been at work. */
let root: string;
const at = (path: string): string => join(root, path);
const read = (path: string): string => readFileSync(at(path), "utf8");

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "debian-"));
  for (const folder of ["info", "updates", "triggers"]) mkdirSync(at(`var/lib/dpkg/${folder}`), { recursive: true });
  for (const file of ["status", "available"]) writeFileSync(at(`var/lib/dpkg/${file}`), "");
  const files = {
    [`${MODULE}/OCPP201`]: "C++",
    [`${MODULE}/manifest.yaml`]: "of the C++",
    [`${STANDARDIZED}/TxCtrlr.json`]: "EVerest's",
    [`${STANDARDIZED}/../custom/README`]: "the integrator's",
    "var/log/everest-ocpp201/libocpp.html": "a log",
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(at(path), ".."), { recursive: true });
    writeFileSync(at(path), text);
  }
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** dpkg in that file system; maintainer scripts run outside of it and are told where it is. */
function dpkg(...words: readonly string[]): { readonly status: number | null; readonly said: string } {
  const options = [`--root=${root}`, "--force-script-chrootless", "--force-depends", "--force-bad-path"];
  const command = ["dpkg", ...options, ...words];
  const asRoot = process.getuid?.() === 0 ? command : ["unshare", "-r", ...command];
  const { status, stdout, stderr } = spawnSync(asRoot[0] ?? "", asRoot.slice(1), { encoding: "utf8" });
  return { status, said: stdout + stderr };
}

function expectDone({ status, said }: ReturnType<typeof dpkg>): void {
  expect([status, status === 0 ? "" : said]).toEqual([0, ""]);
}

test("installed, the program is in EVerest's place and what was there comes back with the removal", () => {
  expectDone(dpkg("--install", deb("1")));
  expect(execFileSync(at(`${MODULE}/OCPP201`), ["--version"], { encoding: "utf8" })).toStartWith("everest-ocpp201 ");
  expect(execFileSync(at("usr/libexec/everest/modules/OCPPmulti/OCPPmulti"), ["--version"]).length).toBeGreaterThan(0);
  expect(read(`${MODULE}/OCPP201.everest`)).toBe("C++");
  expect(JSON.parse(read(`${STANDARDIZED}/TxCtrlr.json`))).toBeObject();
  expect(read("usr/lib/systemd/system/everest-ocpp201.service")).toContain(
    "ExecStart=/usr/libexec/everest/modules/OCPP201/OCPP201 run --config /etc/everest/config.yaml --prefix /usr",
  );
  // What EVerest's file is called meanwhile is no component file.
  expect(execFileSync(at(`${MODULE}/OCPP201`), ["check", "--prefix", at("usr")], { encoding: "utf8" })).toContain(
    "no defects",
  );
  expectDone(dpkg("--remove", "everest-ocpp201"));
  expect(read(`${MODULE}/OCPP201`)).toBe("C++");
  expect(read(`${MODULE}/manifest.yaml`)).toBe("of the C++");
  expect(read(`${STANDARDIZED}/TxCtrlr.json`)).toBe("EVerest's");
  expect(readdirSync(at(MODULE)).sort()).toEqual(["OCPP201", "manifest.yaml"]);
}, 30_000);

test("an upgrade keeps the configuration and tries the new program on the databases; purge leaves the data alone", () => {
  expectDone(dpkg("--install", deb("1")));
  cpSync(join(REPOSITORY, "test/fixtures/own-db"), at(DATA), { recursive: true });
  const database = readFileSync(at(`${DATA}/cp.db`));
  writeFileSync(at(CONFFILE), "OCPP201_OPTIONS=--http 127.0.0.1:9000\n");

  expectDone(dpkg("--install", deb("2")));
  expect(read(CONFFILE)).toBe("OCPP201_OPTIONS=--http 127.0.0.1:9000\n");
  expect(read(`${MODULE}/OCPP201.everest`)).toBe("C++");

  expectDone(dpkg("--remove", "everest-ocpp201"));
  expect(read(CONFFILE)).toBe("OCPP201_OPTIONS=--http 127.0.0.1:9000\n");
  expectDone(dpkg("--purge", "everest-ocpp201"));
  expect(existsSync(at(CONFFILE))).toBe(false);
  expect(readFileSync(at(`${DATA}/cp.db`)).equals(database)).toBe(true);
  expect(read(`${STANDARDIZED}/../custom/README`)).toBe("the integrator's");
  expect(read("var/log/everest-ocpp201/libocpp.html")).toBe("a log");
}, 30_000);

test("an upgrade whose program cannot go on with the databases is not configured and says why", () => {
  expectDone(dpkg("--install", deb("1")));
  mkdirSync(at(DATA));
  writeFileSync(at(`${DATA}/cp.db`), "no database at all, but longer than the head of one: ".repeat(100));
  const { status, said } = dpkg("--install", deb("2"));
  expect(status).not.toBe(0);
  expect(said).toContain("cp.db cannot be copied: file is not a database");
  expect(said).toContain("what runs is left running");
}, 30_000);
