import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Health } from "../../src/web/health.ts";
import { Charger } from "../support/charger.ts";
import { freePort } from "../support/mosquitto.ts";
import { PROMTOOL, promtoolComplaints } from "../support/promtool.ts";

let charger: Charger;
afterEach(() => charger.stop());

async function start(): Promise<(path: string) => Promise<Response>> {
  const port = await freePort();
  charger = await Charger.start({ commandLine: ["--http", `127.0.0.1:${port}`] });
  return (path) => fetch(`http://127.0.0.1:${port}${path}`);
}

/** Looks again until it is so. */
async function until<Result>(look: () => Promise<Result>, isSo: (result: Result) => boolean): Promise<Result> {
  for (let attempt = 0; ; attempt++) {
    const result = await look();
    if (isSo(result)) return result;
    if (attempt > 200) throw new Error(`it stays ${JSON.stringify(result)}`);
    await Bun.sleep(50);
  }
}

describe("the executable", () => {
  test("/metrics follows a charging session, and promtool has nothing to say against it", async () => {
    const get = await start();
    const evse = charger.everest.evse(1);
    await evse.plugIn();
    await charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" }, 1);
    await evse.startCharging();
    const scrape = async () => (await get("/metrics")).text();
    const power = (text: string) => Number(/^ocpp_evse_power_watts\{evse="1"\} (\S+)$/m.exec(text)?.[1] ?? 0);
    const text = await until(scrape, (found) => power(found) > 0);
    for (const line of [
      'ocpp_connection_state{state="connected"} 1',
      'ocpp_registration_state{state="Accepted"} 1',
      "ocpp_mqtt_connected 1",
      'ocpp_transaction_active{evse="1"} 1',
      'ocpp_transactions_started_total{evse="1"} 1',
      'ocpp_connector_status{evse="1",connector="1",status="Occupied"} 1',
      'ocpp_call_duration_seconds_count{action="BootNotification"} 1',
    ])
      expect(text).toContain(`\n${line}\n`);
    if (PROMTOOL !== undefined) expect(promtoolComplaints(["check", "metrics"], text)).toBe("");
    const waited = /^ocpp_event_loop_delay_seconds_count (\d+)$/m;
    await until(scrape, (found) => Number(waited.exec(found)?.[1]) > 0);
  });

  test("/health tells alive, ready and degraded apart", async () => {
    const get = await start();
    const codes = async () =>
      (await Promise.all(["live", "ready", "full"].map((path) => get(`/health/${path}`)))).map(({ status }) => status);
    const health = async () => (await (await get("/health")).json()) as Health;
    await until(health, ({ status }) => status === "ok");
    expect(await codes()).toEqual([200, 200, 200]);
    charger.csms.refuseWith = 404;
    charger.csms.drop();
    const degraded = await until(health, ({ reasons }) => reasons.some(({ text }) => text.includes("404")));
    expect(degraded).toMatchObject({ status: "degraded", ready: true, reasons: [{ code: "csms" }] });
    expect(await codes()).toEqual([200, 200, 503]);
    charger.csms.refuseWith = undefined;
    await until(health, ({ status }) => status === "ok");
    await charger.broker.halt();
    await until(health, ({ reasons }) => reasons.some(({ code }) => code === "broker"));
    await charger.broker.restart();
    await until(health, ({ status }) => status === "ok");
  });
});

test("GetLog DiagnosticsLog names a file with what /status and inspect show; the stock System module may pass over it", async () => {
  charger = await Charger.start();
  await charger.csms.send("GetLog", {
    logType: "DiagnosticsLog",
    requestId: 1,
    log: { remoteLocation: "https://csms.example/logs" },
  });
  const path = join(charger.directory, "logs/diagnostics.json");
  expect(charger.everest.recorded("upload_logs")).toMatchObject([{ upload_logs_request: { diagnostics_path: path } }]);
  const text = readFileSync(path, "utf8");
  expect(text).not.toContain("DEADBEEFDEADBEEF");
  expect(JSON.parse(text)).toMatchObject({
    status: { started: true, connected: true, registration: "Accepted" },
    inspect: { variables: { isComplete: true }, queue: {}, transactions: {}, profiles: {} },
  });
});
