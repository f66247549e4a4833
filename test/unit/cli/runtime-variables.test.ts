import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { withoutRuntimeVariables } from "../../../src/cli/runtime-variables.ts";

test("what steers the runtime is taken out, all else stays", () => {
  const harmless = {
    PATH: "/bin",
    NODE_PATH: "/usr/lib",
    NODE_ENV: "production",
    BUN_JSC_useDFGJIT: "0",
    NODE_EXTRA_CA_CERTS: "/etc/ssl/ca.pem",
    EV_MODULE: "ocpp",
    NOTIFY_SOCKET: "/s",
  };
  expect(withoutRuntimeVariables(harmless)).toBeUndefined();
  for (const name of ["BUN_OPTIONS", "BUN_INSPECT", "NODE_OPTIONS", "NODE_TLS_REJECT_UNAUTHORIZED"])
    expect(withoutRuntimeVariables({ ...harmless, [name]: "x", UNSET: undefined })).toEqual(harmless);
});

test("the shipped unit clears them before the runtime starts, and more that is not the runtime's own", () => {
  const unit = readFileSync(join(import.meta.dir, "../../../packaging/systemd/everest-ocpp201.service"), "utf8");
  const cleared = new Set(
    [...unit.matchAll(/^UnsetEnvironment=(.*)$/gm)].flatMap(([, names = ""]) => names.split(" ")),
  );
  for (const name of [
    "BUN_OPTIONS",
    "BUN_BE_BUN",
    "BUN_INSPECT",
    "BUN_INSPECT_PRELOAD",
    "NODE_OPTIONS",
    "NODE_TLS_REJECT_UNAUTHORIZED",
    "NODE_EXTRA_CA_CERTS",
    "LD_PRELOAD",
    "HTTPS_PROXY",
  ])
    expect(cleared).toContain(name);
});
