import { afterEach, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { Charger, type ChargerOptions } from "../support/charger.ts";

let charger: Charger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

const NEW_PASSWORD = "New-Password-0123456789-0123456789-0123456789";
const logs = (station: Charger) => {
  const directory = join(station.directory, "logs");
  return Object.fromEntries(readdirSync(directory).map((name) => [name, readFileSync(join(directory, name), "utf8")]));
};
const start = async (variables: ChargerOptions["patch"]) => {
  charger = await Charger.start({ ...(variables !== undefined && { patch: variables }) });
  return charger;
};

test("every format on the executable; a password set by the CSMS is in none of them", async () => {
  const station = await start({
    InternalCtrlr: { LogMessagesFormat: "log,html,security,console,callback", LogMessagesRaw: true },
  });
  const published: string[] = [];
  await station.everest.bus.listen("modules/ocpp/impl/ocpp_generic/var/ocpp_message", (payload) =>
    published.push(JSON.stringify(payload)),
  );
  const answer = await station.csms.send("SetVariables", {
    setVariableData: [
      {
        component: { name: "SecurityCtrlr" },
        variable: { name: "BasicAuthPassword" },
        attributeValue: NEW_PASSWORD,
      },
    ],
  });
  expect(answer).toMatchObject({ response: { setVariableResult: [{ attributeStatus: "Accepted" }] } });
  await Bun.sleep(100);
  expect(await station.end("SIGTERM")).toBe(0);

  const files = logs(station);
  const kinds = Object.keys(files).map((name) => name.replace(/^.*Z/, ""));
  for (const kind of [".log", "_raw.log", ".html", "_raw.html", ".security.log"]) expect(kinds).toContain(kind);
  const everything = [...Object.values(files), station.log, ...published].join("\n");
  expect(everything).not.toContain(NEW_PASSWORD);
  expect(everything).not.toContain(Buffer.from(`cp001:${NEW_PASSWORD}`).toString("base64"));
  expect(everything).not.toContain("DEADBEEFDEADBEEF");
  for (const [name, text] of Object.entries(files))
    if (!name.includes("security")) expect(text).toContain("BasicAuthPassword");
  expect(published.some((message) => message.includes("BasicAuthPassword"))).toBe(true);
  expect(station.log).toContain("CentralSystem>ChargePoint  SetVariables");
  for (const name of Object.keys(files))
    expect(statSync(join(station.directory, "logs", name)).mode & 0o777).toBe(0o600);
  expect(statSync(join(station.directory, "logs")).mode & 0o777).toBe(0o700);
}, 30_000);

test("rotation bounds what a long life of messages takes", async () => {
  const station = await start({
    InternalCtrlr: {
      LogMessagesFormat: "log",
      LogRotation: true,
      LogRotationMaximumFileSize: 3_000,
      LogRotationMaximumFileCount: 3,
    },
  });
  for (let index = 0; index < 60; index++)
    await station.csms.send("GetVariables", {
      getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } }],
    });
  expect(await station.end("SIGTERM")).toBe(0);
  const files = logs(station);
  expect(
    Object.keys(files)
      .filter((name) => name.startsWith("libocpp_201.log"))
      .sort(),
  ).toEqual(["libocpp_201.log", "libocpp_201.log.0", "libocpp_201.log.1"]);
  for (const [name, text] of Object.entries(files))
    if (name.startsWith("libocpp")) expect(text.length).toBeLessThanOrEqual(3_000);
}, 30_000);

test("LogMessages false: no message log", async () => {
  const station = await start({ InternalCtrlr: { LogMessages: false } });
  expect(await station.end("SIGTERM")).toBe(0);
  expect(Object.keys(logs(station)).filter((name) => !name.startsWith("security-events"))).toEqual([]);
}, 30_000);
