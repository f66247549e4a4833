/** Figures of the compiled executable against real mosquitto and a CSMS in this process; see scripts/bench. */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SystemClock } from "../src/lib/clock.ts";
import { silentLogger } from "../src/log/logger.ts";
import { openCoreDatabase } from "../src/store/core-database.ts";
import { EXECUTABLE } from "../test/support/charger.ts";
import { chargingFigures } from "./bench-charging.ts";
import { deviceModelFigures } from "./bench-device-model.ts";
import { monitoringFigures } from "./bench-monitoring.ts";
import { smartChargingFigures } from "./bench-smart-charging.ts";
import { cpuMilliseconds, latencies, memory, percentile, queueOffline, TOKEN, withCharger } from "./bench-support.ts";
import { webFigures } from "./bench-web.ts";

const RUNS = 5;
const LIST_ENTRIES = 100_000;
const CACHE_ENTRIES = 40_000;
const LIST_PIECE = 1_000;

const median = (values: readonly number[]): number => percentile(values, 0.5);

const rows: { figure: string; value: string; aim: string; limit: string }[] = [];
const row = (figure: string, value: string, aim: string, limit: string): void => {
  rows.push({ figure, value, aim, limit });
  console.error(`${figure}: ${value}`);
};

async function startTimes(noDelay: boolean): Promise<readonly number[]> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run++)
    await withCharger({ stopped: true, noDelay }, async (charger) => {
      const begun = performance.now();
      charger.spawn();
      await charger.csms.waitFor("BootNotification");
      times.push((performance.now() - begun) / 1000);
    });
  return times;
}

row(
  "start → BootNotification, default mosquitto",
  `${median(await startTimes(false)).toFixed(2)} s`,
  "≤ 0.4 s",
  "process start, Nagle of the broker",
);
row(
  "start → BootNotification, set_tcp_nodelay",
  `${median(await startTimes(true)).toFixed(2)} s`,
  "≤ 0.2 s",
  "process start, two fresh databases",
);

await withCharger({ patch: { SampledDataCtrlr: { TxUpdatedInterval: 0 } } }, async (charger) => {
  const evse = charger.everest.evse(1);
  await evse.plugIn();
  await evse.authorize(TOKEN);
  const events = await latencies(
    charger,
    200,
    (index) => (index % 2 === 0 ? evse.startCharging() : evse.pause("EV")),
    "TransactionEvent",
  );
  row(
    "session event → TransactionEvent, p50 / p99",
    `${median(events).toFixed(1)} / ${percentile(events, 0.99).toFixed(1)} ms`,
    "≤ 2 / 5 ms",
    "QoS 2 hand-shake, one fsync",
  );

  const validate = (index: number) =>
    charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
      provided_token: { ...TOKEN, id_token: { value: `CARD${index}`, type: "ISO14443" } },
    });
  const tokens = await latencies(charger, 100, validate, "Authorize");
  row("validate_token → Authorize, p50", `${median(tokens).toFixed(1)} ms`, "≤ 1 ms", "QoS 2 hand-shake");

  const getVariables = {
    getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
  } as const;
  const single: number[] = [];
  const begun = performance.now();
  for (let count = 0; count < 1_000; count++) {
    const sentAt = performance.now();
    await charger.csms.send("GetVariables", getVariables);
    single.push(performance.now() - sentAt);
  }
  row("GetVariables → response, p50", `${median(single).toFixed(2)} ms`, "≤ 1 ms", "two processes on two cores");
  row(
    "1,000 CALLs one after the other",
    `${Math.round(1_000 / ((performance.now() - begun) / 1000))}/s`,
    "≥ 1,500/s",
    "round trips",
  );
});

await withCharger(
  { patch: { SampledDataCtrlr: { TxUpdatedInterval: 0 }, InternalCtrlr: { MessageQueueSizeThreshold: 5_000 } } },
  async (charger) => {
    await queueOffline(charger, 1_000);
    const from = charger.csms.calls.length;
    let first = 0;
    let last = 0;
    let count = 0;
    charger.csms.events.on("call", ({ action }) => {
      if (action !== "TransactionEvent") return;
      first ||= performance.now();
      last = performance.now();
      count++;
    });
    charger.csms.refuseWith = undefined;
    await charger.csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === 1_000, 60_000, from);
    row(
      "1,000 events queued offline, delivered",
      `${Math.round(count / ((last - first) / 1000))}/s`,
      "≥ 1,000/s",
      "round trips, deletions",
    );
  },
);

for (const evseCount of [2, 16])
  await withCharger({ evseCount, powermeterIntervalMilliseconds: 1_000 }, async (charger) => {
    const pid = charger.pid;
    await Bun.sleep(2_000);
    const before = cpuMilliseconds(pid);
    await Bun.sleep(20_000);
    const used = ((cpuMilliseconds(pid) - before) * 3) / 1_000;
    row(
      `CPU in 60 s, ${evseCount} EVSEs at 1 Hz (from 20 s)`,
      `${used.toFixed(2)} s`,
      evseCount === 2 ? "≤ 0.4 s" : "≤ 1.0 s",
      "MQTT packets",
    );
    if (evseCount !== 2) return;
    const { rss, anonymous } = memory(pid);
    row("RSS / anonymous", `${rss.toFixed(0)} / ${anonymous.toFixed(0)} MB`, "≤ 64 / 24 MB", "the runtime");
  });

/** Looking up tokens in the database itself: a full list, and a cache that is as full as it gets. */
function lookupTimes(): { readonly list: number; readonly cache: number; readonly stranger: number } {
  const directory = mkdtempSync(join(tmpdir(), "bench-"));
  const core = openCoreDatabase({ directory, clock: new SystemClock(), logger: silentLogger });
  const token = (prefix: string, index: number) => ({ idToken: `${prefix}${index}`, type: "ISO14443" });
  const idTokenInfo = { status: "Accepted", groupIdToken: { idToken: "GROUP", type: "Central" } };
  const entries = Array.from({ length: LIST_ENTRIES }, (_, index) => ({ idToken: token("LIST", index), idTokenInfo }));
  core.unitOfWork.run(() => core.localList.replace(entries, 1));
  core.unitOfWork.run(() => {
    for (let index = 0; index < CACHE_ENTRIES; index++)
      core.authCache.put(token("CACHE", index), idTokenInfo, new Date(), undefined);
  });
  const microseconds = (count: number, lookUp: (index: number) => unknown): number => {
    const begun = performance.now();
    for (let lookup = 0; lookup < 20_000; lookup++) lookUp((lookup * 7_919) % count);
    return ((performance.now() - begun) / 20_000) * 1_000;
  };
  const times = {
    list: microseconds(LIST_ENTRIES, (index) => core.localList.get(token("LIST", index))),
    cache: microseconds(CACHE_ENTRIES, (index) => core.authCache.get(token("CACHE", index))),
    stranger: microseconds(LIST_ENTRIES, (index) => core.localList.get(token("NOBODY", index))),
  };
  core.close();
  rmSync(directory, { recursive: true, force: true });
  return times;
}

const { list, cache, stranger } = lookupTimes();
row(
  "lookup in a list of 100,000 / a cache of 40,000 / in vain",
  `${list.toFixed(0)} / ${cache.toFixed(0)} / ${stranger.toFixed(0)} µs`,
  "≤ 50 µs",
  "hashing, one or two index searches",
);

await withCharger(
  { patch: { LocalAuthListCtrlr: { ItemsPerMessage: LIST_PIECE, BytesPerMessage: LIST_PIECE * 200 } } },
  async (charger) => {
    const before = memory(charger.pid).anonymous;
    const begun = performance.now();
    for (let sent = 0; sent < LIST_ENTRIES; sent += LIST_PIECE)
      await charger.csms.send("SendLocalList", {
        versionNumber: sent + 1,
        updateType: sent === 0 ? "Full" : "Differential",
        localAuthorizationList: Array.from({ length: LIST_PIECE }, (_, index) => ({
          idToken: { idToken: `LIST${sent + index}`, type: "ISO14443" as const },
          idTokenInfo: { status: "Accepted" as const },
        })),
      });
    const seconds = (performance.now() - begun) / 1000;
    // What was parsed is garbage by then.
    await Bun.sleep(10_000);
    row(
      "SendLocalList, 100,000 entries in 100 messages; memory 10 s later",
      `${seconds.toFixed(1)} s, +${(memory(charger.pid).anonymous - before).toFixed(0)} MB`,
      "≤ 10 s, + 16 MB",
      "parsing, validating, hashing",
    );
    const listed: number[] = [];
    for (let index = 0; index < 200; index++) {
      const sentAt = performance.now();
      await charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
        provided_token: { ...TOKEN, id_token: { value: `LIST${index * 499}`, type: "ISO14443" } },
      });
      listed.push(performance.now() - sentAt);
    }
    row("validate_token, in the list, p50", `${median(listed).toFixed(1)} ms`, "≤ 2 ms", "two QoS 2 hand-shakes");
  },
);
for (const { figure, value, aim, limit } of [
  ...(await chargingFigures()),
  ...(await deviceModelFigures()),
  ...(await smartChargingFigures()),
  ...(await monitoringFigures()),
  ...(await webFigures()),
])
  row(figure, value, aim, limit);

row("executable", `${(statSync(EXECUTABLE).size / 2 ** 20).toFixed(0)} MiB`, "≤ 115 MiB", "the runtime");
console.table(rows);
process.exit(0);
