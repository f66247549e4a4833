import { afterEach, beforeEach, expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
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

const memoryMegabytes = (pid: number) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1_024;

test("incident: CALLs with nested arrays took 1.1 GB while the message log was on", async () => {
  charger = await Charger.start({
    patch: { InternalCtrlr: { LogMessagesFormat: "log,html,console_detailed,callback", LogMessagesRaw: true } },
  });
  const { csms, pid } = charger;
  const before = memoryMegabytes(pid);
  let highest = before;
  for (const depth of [99, 5_000, 100_000, 250_000])
    for (let index = 0; index < 5; index++) {
      const nested = "[".repeat(depth) + "]".repeat(depth);
      csms.sendText(`[2,"${depth}-${index}","DataTransfer",{"vendorId":"x","data":${nested}}]`);
      // The answer to what comes behind shows that the station has gone on.
      const { kind } = await csms.send("GetLocalListVersion", {});
      expect(kind).toBe("response");
      await Bun.sleep(20);
      highest = Math.max(highest, memoryMegabytes(pid));
    }
  // Measured: 12 MB; 190 MB already at a depth of 5,000 before.
  expect(highest - before).toBeLessThan(100);
}, 60_000);

test("incident: what came in while the station ended met closed databases", async () => {
  charger = await Charger.start();
  const { everest } = charger;
  await everest.evse(1).plugIn();
  const ended = charger.end("SIGTERM");
  for (let index = 0; index < 20; index++) {
    everest.presentToken({ value: `AAAA${index}`, type: "ISO14443" }).catch(() => {});
    await Bun.sleep(5);
  }
  expect(await ended).toBe(0);
  expect(charger.log).not.toContain("closed database");
  // Everything is in the files themselves, nothing of it in a log beside them.
  for (const folder of [charger.directory, join(charger.directory, "core")])
    for (const name of readdirSync(folder).filter((file) => file.endsWith("-wal")))
      expect([name, statSync(join(folder, name)).size]).toEqual([name, 0]);
}, 30_000);

test("a database that may not be opened ends the station with 1, errno and path, and nothing is moved", async () => {
  if (process.getuid?.() !== 0) return;
  charger = await Charger.start({ stopped: true });
  const core = join(charger.directory, "core");
  const command = [
    "--module",
    "ocpp",
    "--mqtt_broker_host",
    "127.0.0.1",
    "--mqtt_broker_port",
    `${charger.broker.port}`,
  ];
  await charger.startStation();
  expect(await charger.end("SIGTERM")).toBe(0);
  chmodSync(charger.directory, 0o755);
  chmodSync(core, 0o755);
  const before = readdirSync(core).sort();
  await charger.everest.distribute();
  const { exitCode, stdout } = await spawnAsNobody([...command, "--prefix", charger.directory]);
  expect(exitCode).toBe(1);
  expect(stdout).toContain(`[CRIT]`);
  expect(stdout).toContain(`${core} cannot be opened for writing: EACCES: permission denied (owner 0:0, mode 755`);
  // All of them at once.
  expect(stdout).toContain(`; ${charger.directory} cannot be opened for writing: EACCES`);
  expect(readdirSync(core).sort()).toEqual(before);
}, 30_000);

/** An account that owns nothing. */
async function spawnAsNobody(args: readonly string[]): Promise<{ exitCode: number; stdout: string }> {
  const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const child = Bun.spawn([...nobody, EXECUTABLE, ...args], { stdout: "pipe", stderr: "inherit" });
  const stdout = await new Response(child.stdout).text();
  return { exitCode: await child.exited, stdout };
}

test("a cp.db that was emptied beside its device model is a loss: critical, and a security event", async () => {
  charger = await Charger.start();
  const core = join(charger.directory, "core/cp.db");
  expect(await charger.end("SIGTERM")).toBe(0);
  truncateSync(core, 0);
  const from = charger.csms.calls.length;
  await charger.startStation();
  expect(charger.log).toMatch(/\[CRIT\].*core\/cp\.db is empty although .*device_model\.db is not/);
  await charger.csms.waitFor(
    "SecurityEventNotification",
    ({ techInfo }) => String(techInfo).includes(`The database ${core} was found empty`),
    5_000,
    from,
  );
}, 30_000);

test("--http answers nobody who asks for another host (DNS rebinding)", async () => {
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const address = `127.0.0.1:${probe.port}`;
  probe.stop(true);
  charger = await Charger.start({ commandLine: ["--http", address] });
  const status = async (host: string) => (await fetch(`http://${address}/status`, { headers: { Host: host } })).status;
  expect(await status(address)).toBe(200);
  expect(await status(`localhost:${probe.port}`)).toBe(200);
  expect(await status("evil.example")).toBe(421);
}, 30_000);

test("incident: passwords stood in cp.db and in the databases' logs, replaced ones as well", async () => {
  charger = await Charger.start();
  const { csms, directory: home } = charger;
  const passwords = ["First-Password-0123456789", "Second-Password-0123456789"];
  const filesWith = (password: string) =>
    [home, join(home, "core")].flatMap((folder) =>
      readdirSync(folder).filter(
        (name) => statSync(join(folder, name)).isFile() && readFileSync(join(folder, name)).includes(password),
      ),
    );
  for (const attributeValue of passwords) {
    csms.expectPassword(attributeValue);
    const reconnected = new Promise<void>((resolve) => {
      const unsubscribe = csms.events.on("connected", () => {
        unsubscribe();
        resolve();
      });
    });
    const setVariableData = [
      { component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" }, attributeValue },
    ];
    expect(await csms.send("SetVariables", { setVariableData })).toMatchObject({
      response: { setVariableResult: [{ attributeStatus: "Accepted" }] },
    });
    await reconnected;
    // An answer shows that the station has taken notice of the connection.
    await csms.send("GetLocalListVersion", {});
  }
  expect(passwords.map(filesWith)).toEqual([[], ["device_model.db"]]);
  expect(await charger.end("SIGTERM")).toBe(0);
  expect(passwords.map(filesWith)).toEqual([[], ["device_model.db"]]);
}, 30_000);
