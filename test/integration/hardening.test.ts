import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { everestYaml } from "../support/everest-yaml.ts";
import { NotifySocket } from "../support/notify-socket.ts";

let directory: string;
let charger: Charger | undefined;
let station: ChildProcess | undefined;
let socket: NotifySocket | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "hardening-"));
});
afterEach(async () => {
  station?.kill("SIGKILL");
  socket?.close();
  await charger?.stop();
  charger = undefined;
  station = undefined;
  socket = undefined;
  rmSync(directory, { recursive: true, force: true });
});

/** The station stand-alone on the parts of a charger, with more in its environment. */
async function runStandalone(environment: Readonly<Record<string, string>>): Promise<Charger> {
  charger = await Charger.start({ stopped: true });
  const config = join(directory, "everest.yaml");
  writeFileSync(
    config,
    everestYaml(undefined, `  mqtt_broker_host: 127.0.0.1\n  mqtt_broker_port: ${charger.broker.port}\n`),
  );
  station = spawn(EXECUTABLE, ["run", "--config", config], {
    argv0: "ocpp:OCPP201",
    stdio: "ignore",
    env: {
      ...process.env,
      OCPP201_CORE_DATABASE_PATH: join(directory, "state"),
      OCPP201_DEVICE_MODEL_DATABASE_PATH: join(directory, "state/device_model.db"),
      OCPP201_EVEREST_DEVICE_MODEL_DATABASE_PATH: join(directory, "state/everest_device_model.db"),
      OCPP201_DEVICE_MODEL_CONFIG_PATH: join(charger.directory, "component_config"),
      OCPP201_MESSAGE_LOG_PATH: join(directory, "logs"),
      ...environment,
    },
  });
  return charger;
}

test("systemd is told that the station is ready, that it lives, and that it ends", async () => {
  socket = new NotifySocket(join(directory, "notify"));
  const { csms } = await runStandalone({ NOTIFY_SOCKET: socket.path, WATCHDOG_USEC: "400000" });
  await socket.waitFor(/^READY=1\nSTATUS=/);
  await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
  await socket.waitFor(/^WATCHDOG=1\nSTATUS=connected, 0 transactions, 0 messages waiting$/);
  station?.kill("SIGTERM");
  await socket.waitFor(/^STOPPING=1$/);
}, 30_000);

test("a service manager that cannot be told is no reason to fail", async () => {
  const { csms } = await runStandalone({ NOTIFY_SOCKET: join(directory, "nobody"), WATCHDOG_USEC: "200000" });
  await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
  await Bun.sleep(500);
  expect(station?.exitCode).toBeNull();
}, 30_000);

test("variables that steer the runtime are left behind: same process, same name, no debugger, no trust in everybody", async () => {
  const { csms } = await runStandalone({
    BUN_INSPECT: "127.0.0.1:0",
    NODE_TLS_REJECT_UNAUTHORIZED: "0",
    BUN_JSC_useDFGJIT: "0",
  });
  await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
  const read = (file: string) => readFileSync(`/proc/${station?.pid}/${file}`, "utf8").split("\0");
  expect(read("cmdline")[0]).toBe("ocpp:OCPP201");
  const names = read("environ").map((variable) => variable.split("=")[0]);
  expect(names).not.toContain("BUN_INSPECT");
  expect(names).not.toContain("NODE_TLS_REJECT_UNAUTHORIZED");
  expect(names).toContain("BUN_JSC_useDFGJIT");
}, 30_000);

test("everything that the station writes is for its own eyes: files 0600, directories 0700", async () => {
  const { csms } = await runStandalone({});
  await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
  await Bun.sleep(100);
  const modes = ["state", "logs"].flatMap((folder) => [
    [folder, statSync(join(directory, folder)).mode & 0o777] as const,
    ...readdirSync(join(directory, folder)).map(
      (name) => [`${folder}/${name}`, statSync(join(directory, folder, name)).mode & 0o777] as const,
    ),
  ]);
  expect(modes.length).toBeGreaterThan(6);
  for (const [name, mode] of modes)
    expect([name, mode.toString(8)]).toEqual([name, name.includes("/") ? "600" : "700"]);
}, 30_000);

test("no privilege is needed: an account that owns nothing but its directory can run it", async () => {
  if (process.getuid?.() !== 0) return;
  const { exitCode, stdout } = Bun.spawnSync([
    "setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "--no-new-privs",
    "--bounding-set=-all",
    EXECUTABLE,
    "--version",
  ]);
  expect(exitCode).toBe(0);
  expect(stdout.toString()).toContain("everest-ocpp201");
});
