import { afterEach, expect, test } from "bun:test";
import { askedOf } from "../../src/bridge/question-limits.ts";
import { EverestModule } from "../../src/everest/everest-module.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { SimulatedBus } from "../../src/sim/everest/bus.ts";
import { Charger } from "../support/charger.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test("force_unlock that never returns: RequestStopTransaction and whatever follows are answered at once", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const { csms, everest } = charger;
  await everest.bus.serve("evse_manager_1", "evse", "force_unlock", () => new Promise(() => {}));
  let isUnlockAnswered = false;
  void csms.send("UnlockConnector", { evseId: 1, connectorId: 1 }).finally(() => {
    isUnlockAnswered = true;
  });
  while (!everest.bus.recorded.some(({ command }) => command === "force_unlock")) await Bun.sleep(10);
  expect(await csms.send("RequestStopTransaction", { transactionId: "t" })).toMatchObject({
    kind: "response",
    response: { status: "Rejected", statusInfo: { reasonCode: "TxNotFound" } },
  });
  expect(await csms.send("GetLocalListVersion", {})).toMatchObject({ kind: "response" });
  expect(isUnlockAnswered).toBe(false);
}, 30_000);

/** A module of its own on a real broker, with a clock that the test moves. */
async function connectModule() {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const clock = new FakeClock();
  const log: string[] = [];
  const connecting = EverestModule.connect({
    arguments: {
      broker: { host: "127.0.0.1", port: broker.port },
      everestPrefix: "everest/",
      externalPrefix: "",
      moduleId: "ocpp",
      prefix: "/",
      own: {},
    } as never,
    provides: {},
    requires: { system: "system" },
    askedOf,
    configuration: {
      moduleName: "OCPP201",
      parameters: new Map(),
      connections: new Map([["system", [{ moduleId: "system", implementationId: "main" }]]]),
    } as never,
    clock,
    random: new SeededRandom(1),
    logger: { ...silentLogger, warn: (text) => log.push(text) },
  });
  // No manager distributes anything.
  while (clock.pendingTimerCount === 0) await Bun.sleep(5);
  await clock.advance(1_000);
  const module = await connecting;
  cleanUps.push(() => module.close());
  const bus = await SimulatedBus.connect({ host: "127.0.0.1", port: broker.port });
  cleanUps.push(() => bus.close());
  await module.reportReady();
  const released = module.released();
  await clock.advance(2_000);
  await released;
  const [peer] = module.peers("system", "system");
  if (peer === undefined) throw new Error("not connected");
  return { bus, clock, log, peer };
}

test("incident: a card waited until the security module had said something of a contract at another EVSE", async () => {
  const charger = await Charger.start({ certificates: "separate" });
  cleanUps.push(() => charger.stop());
  const { everest, security } = charger;
  security.misbehave("verify_certificate", "silent");
  const certificate = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";
  let isContractDecided = false;
  const contract = everest.presentContract("DE8AA1A2B3C4D5", { certificate }, 2).then((status) => {
    isContractDecided = true;
    return status;
  });
  while (everest.recorded("verify_certificate").length === 0) await Bun.sleep(10);
  expect(await everest.presentToken({ value: "CARD", type: "ISO14443" }, 1)).toBe("Accepted");
  expect(isContractDecided).toBe(false);
  expect(await contract).toBe("Invalid");
}, 30_000);

test("a command is given up after the limit of its own, and an answer that comes later is told", async () => {
  const { bus, clock, log, peer } = await connectModule();
  const { promise: late, resolve: answerLate } = Promise.withResolvers<unknown>();
  await bus.serve("system", "main", "is_reset_allowed", () => late);
  const outcome = peer.call("is_reset_allowed", { type: "NotSpecified" }).catch((error: Error) => error.message);
  while (bus.recorded.length === 0) await Bun.sleep(5);
  await clock.advance(5_000);
  expect(await outcome).toContain("got no answer within 5 s");
  await clock.advance(2_000);
  answerLate(true);
  while (log.length === 0) await Bun.sleep(5);
  expect(log).toEqual([expect.stringContaining("is_reset_allowed was answered after 7.0 s, too late")]);
}, 30_000);

test("an optional member that cannot be read lost the whole result of a command", async () => {
  const { bus, log, peer } = await connectModule();
  const answers = [{ upload_logs_status: "Accepted", file_name: 7 }];
  await bus.serve("system", "main", "upload_logs", () => answers.shift() ?? { file_name: "f" });
  const upload = () =>
    peer.call("upload_logs", { upload_logs_request: { location: "ftp://x", type: "DiagnosticsLog", request_id: 1 } });
  expect(await upload()).toEqual({ upload_logs_status: "Accepted" });
  expect(log).toEqual([expect.stringContaining("file_name: what cannot be read taken as absent")]);
  await expect(upload()).rejects.toThrow("cannot be read"); // what is required stays required
}, 30_000);
