import { afterEach, beforeEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const DIST = join(import.meta.dir, "../../dist/everest");
const CONFIG = "share/everest/modules/OCPP201/component_config";

let root: string;
let prefix: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "install-"));
  prefix = join(root, "prefix");
  mkdirSync(join(prefix, CONFIG), { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("nothing is installed among libocpp's migrations: with files that are there twice it could not take its databases back", () => {
  const share = join(DIST, "share/everest/modules/OCPP201");
  expect(readdirSync(share)).toEqual(["component_config"]);
});

/** As the README says, and as an archive is unpacked. */
const INSTALLATIONS = {
  "cp -r": () => execFileSync("cp", ["-r", `${DIST}/.`, prefix]),
  tar: () => {
    const archive = execFileSync("tar", ["-cf", "-", "-C", DIST, `./${CONFIG}`]);
    execFileSync("tar", ["-xf", "-", "-C", prefix], { input: archive });
  },
};

for (const [how, install] of Object.entries(INSTALLATIONS)) {
  test(`installed by ${how}, an integrator's files in custom/ stay`, () => {
    mkdirSync(join(prefix, CONFIG, "custom"));
    const file = join(prefix, CONFIG, "custom/TxCtrlr.json");
    writeFileSync(file, "of the integrator");
    install();
    expect(readFileSync(file, "utf8")).toBe("of the integrator");
    expect(existsSync(join(prefix, CONFIG, "standardized/NetworkConfiguration_1.json"))).toBe(true);
  });

  test(`installed by ${how}, a custom/ that is a link to another place stays a link`, () => {
    const elsewhere = join(root, "etc");
    mkdirSync(elsewhere);
    cpSync(join(DIST, CONFIG, "standardized/TxCtrlr.json"), join(elsewhere, "TxCtrlr.json"));
    symlinkSync(elsewhere, join(prefix, CONFIG, "custom"));
    install();
    expect(lstatSync(join(prefix, CONFIG, "custom")).isSymbolicLink()).toBe(true);
    expect(existsSync(join(prefix, CONFIG, "custom/TxCtrlr.json"))).toBe(true);
  });
}
