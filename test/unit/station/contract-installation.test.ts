/** M01, M02: a vehicle asks for a contract certificate. */
import { afterEach, describe, expect, test } from "bun:test";
import type { ContractCertificateRequest } from "../../../src/station/ports.ts";
import { goOffline, setVariable } from "../../support/authorization.ts";
import { defaultAnswer, InProcessCharger, type SeenCall } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const EXI = base64("CertificateInstallationReq");
const ANSWER = base64("CertificateInstallationRes");
const SCHEMA_VERSION = "urn:iso:15118:2:2013:MsgDef";
const EV_WAIT = 4_500;

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
const ask = async (more: Partial<ContractCertificateRequest> = {}) => {
  charger.hardwareEvents.emit("contractCertificate", {
    communicator: "iso15118/extensions",
    evseId: 1,
    action: "Install",
    iso15118SchemaVersion: SCHEMA_VERSION,
    exiRequest: EXI,
    heardAtMilliseconds: charger.clock.monotonicMilliseconds(),
    ...more,
  });
  await charger.clock.advance(5);
};
const answerWith = (answer: unknown, delayed: ((reply: () => void) => void) | undefined = undefined) => {
  charger.react = (call: SeenCall) => {
    if (call.action !== "Get15118EVCertificate") return { answer: defaultAnswer(call.action, charger.clock) };
    if (delayed === undefined) return { answer };
    delayed(() => charger.sendText(JSON.stringify([3, call.messageId, answer])));
    return "silence";
  };
};
const asked = () => charger.callsOf("Get15118EVCertificate");
const told = () =>
  charger.hardwareCalls
    .filter(({ name }) => name === "answerContractCertificate")
    .map(({ args }) => {
      const [{ communicator, action }, exi] = args as [ContractCertificateRequest, string | undefined];
      return [communicator, action, exi];
    });
const FAILED = ["iso15118/extensions", "Install", undefined];
const ACCEPTED = ["iso15118/extensions", "Install", ANSWER];

describe("answered", () => {
  test.each([
    ["Install", "M01.FR.01"],
    ["Update", "M02.FR.01"],
  ] as const)("%s: the EXI goes to the CSMS, and its answer to the vehicle (%s)", async (action) => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER });
    await ask({ action });
    expect(asked()).toEqual([{ iso15118SchemaVersion: SCHEMA_VERSION, action, exiRequest: EXI }]);
    expect(told()).toEqual([["iso15118/extensions", action, ANSWER]]);
  });

  test("5,600 characters are handed on in both directions", async () => {
    await start();
    const long = "A".repeat(5_600);
    answerWith({ status: "Accepted", exiResponse: long });
    await ask({ exiRequest: long });
    expect(asked()).toMatchObject([{ exiRequest: long }]);
    expect(told()).toEqual([["iso15118/extensions", "Install", long]]);
  });

  test.each([
    ["Failed", { status: "Failed", exiResponse: "" }],
    ["Failed with something", { status: "Failed", exiResponse: ANSWER }],
    ["a status that nobody knows", { status: "Perhaps", exiResponse: ANSWER }],
    ["no EXI", { status: "Accepted" }],
    ["empty EXI", { status: "Accepted", exiResponse: "" }],
    ["EXI that is not Base64", { status: "Accepted", exiResponse: "<xml/>" }],
    ["EXI of more than 5,600 characters", { status: "Accepted", exiResponse: "A".repeat(5_604) }],
    ["another type", "Accepted"],
  ])("the CSMS answers %s: the vehicle is told Failed, once", async (_name, answer) => {
    await start();
    answerWith(answer);
    await ask();
    await charger.clock.advance(60_000);
    expect(told()).toEqual([FAILED]);
  });

  test("a CALLERROR is Failed", async () => {
    await start();
    charger.react = () => ({ error: "NotImplemented" });
    await ask();
    expect(told()).toEqual([FAILED]);
  });
});

describe("not handed on", () => {
  test.each(["ContractCertificateInstallationEnabled", "Enabled"])(
    "%s off: Failed, and nothing leaves",
    async (variable) => {
      await start();
      await setVariable(charger, "ISO15118Ctrlr", variable, "false");
      await ask();
      expect([asked(), told()]).toEqual([[], [FAILED]]);
    },
  );

  test("what OCPP has no way to tell is Failed at once", async () => {
    await start();
    await ask({ defect: "its EXI is not Base64" });
    expect([asked(), told()]).toEqual([[], [FAILED]]);
  });

  test("offline: Failed at once, and not kept for later whatever QueueAllMessages says", async () => {
    await start({ "OCPPCommCtrlr.QueueAllMessages": "true" });
    goOffline(charger);
    await ask();
    expect(told()).toEqual([FAILED]);
    charger.reachable = true;
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
    expect(asked()).toEqual([]);
  });

  test("the connection is lost while the CSMS is asked: Failed at once", async () => {
    await start();
    answerWith({}, () => {});
    await ask();
    expect(told()).toEqual([]);
    goOffline(charger);
    await charger.clock.advance(5);
    expect(told()).toEqual([FAILED]);
  });

  test("not accepted by the CSMS yet: Failed", async () => {
    charger = new InProcessCharger(1);
    charger.react = ({ action }) =>
      action === "BootNotification"
        ? { answer: { currentTime: charger.clock.now().toISOString(), interval: 300, status: "Pending" } }
        : { answer: {} };
    await charger.start();
    await ask();
    expect([asked(), told()]).toEqual([[], [FAILED]]);
  });

  test("what was asked before the station started is Failed: the vehicle waits no more", async () => {
    await start();
    await ask({ heardAtMilliseconds: charger.clock.monotonicMilliseconds() - EV_WAIT });
    expect([asked(), told()]).toEqual([[], [FAILED]]);
  });

  test("a module that does not take the answer costs a line in the log", async () => {
    await start();
    charger.hardwareAnswers.answerContractCertificate = () => Promise.reject(new Error("no answer in 5 s"));
    answerWith({ status: "Accepted", exiResponse: ANSWER });
    await ask();
    expect(charger.log.some((line) => line.startsWith("error") && line.includes("no answer in 5 s"))).toBe(true);
  });
});

describe("in the vehicle's own time", () => {
  test("no answer: Failed before its 5 s are over; a later answer is logged and not handed on", async () => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER }, (reply) => charger.clock.after(6_000, reply));
    await ask();
    await charger.clock.advance(EV_WAIT - 100);
    expect(told()).toEqual([]);
    await charger.clock.advance(200);
    expect(told()).toEqual([FAILED]);
    await charger.clock.advance(10_000);
    expect(told()).toEqual([FAILED]);
    expect(charger.log.some((line) => line.includes("An answer to Get15118EVCertificate, too late, is ignored"))).toBe(
      true,
    );
  });

  test("a silent CSMS holds up other messages no longer than the vehicle waits", async () => {
    await start();
    answerWith({}, () => {});
    await ask();
    charger.event(2, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
    await charger.clock.advance(EV_WAIT + 100);
    expect(charger.callsOf("StatusNotification")).toContainEqual(
      expect.objectContaining({ evseId: 2, connectorStatus: "Occupied" }),
    );
  });

  test("it does not wait behind a backlog: it goes before what was created before", async () => {
    await start();
    let release = (): void => {};
    charger.react = ({ action, messageId }) => {
      if (action === "Get15118EVCertificate") return { answer: { status: "Accepted", exiResponse: ANSWER } };
      if (action !== "StatusNotification") return { answer: {} };
      release = () => charger.sendText(JSON.stringify([3, messageId, {}]));
      return "silence";
    };
    const from = charger.calls.length;
    for (const evseId of [1, 2])
      charger.event(evseId, { kind: "SessionStarted", reason: "EVConnected", sessionId: `s${evseId}` });
    await charger.clock.advance(5);
    await ask();
    release();
    await charger.clock.advance(5);
    expect(charger.calls.slice(from).map(({ action }) => action)[1]).toBe("Get15118EVCertificate");
    expect(told()).toEqual([ACCEPTED]);
  });

  test("what could not leave in time does not leave", async () => {
    await start();
    charger.react = () => "silence";
    charger.event(2, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
    await charger.clock.advance(5);
    await ask();
    await charger.clock.advance(EV_WAIT);
    expect(told()).toEqual([FAILED]);
    await charger.clock.advance(120_000);
    expect(asked()).toEqual([]);
  });
});

describe("several vehicles, several requests", () => {
  test("each gets its own answer", async () => {
    await start();
    charger.react = ({ action, payload }) =>
      action === "Get15118EVCertificate"
        ? { answer: { status: "Accepted", exiResponse: base64(`for ${String(payload.exiRequest)}`) } }
        : { answer: {} };
    for (const evseId of [1, 2])
      charger.hardwareEvents.emit("contractCertificate", {
        communicator: `iso15118_${evseId}/extensions`,
        evseId,
        action: "Install",
        iso15118SchemaVersion: SCHEMA_VERSION,
        exiRequest: base64(`vehicle ${evseId}`),
        heardAtMilliseconds: charger.clock.monotonicMilliseconds(),
      });
    await charger.clock.advance(20);
    expect(told()).toEqual(
      [1, 2].map((evseId) => [
        `iso15118_${evseId}/extensions`,
        "Install",
        base64(`for ${base64(`vehicle ${evseId}`)}`),
      ]),
    );
  });

  test("the same request while it is under way: one message, one answer", async () => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER }, (reply) => charger.clock.after(1_000, reply));
    await ask();
    await ask();
    await charger.clock.advance(10_000);
    expect([asked().length, told()]).toEqual([1, [ACCEPTED]]);
  });

  test("another request while one is under way: the answer to the earlier one is not taken for that to the newer", async () => {
    await start();
    charger.react = ({ action, messageId, payload }) => {
      if (action !== "Get15118EVCertificate") return { answer: {} };
      const answer = { status: "Accepted", exiResponse: base64(`for ${String(payload.action)}`) };
      charger.clock.after(1_000, () => charger.sendText(JSON.stringify([3, messageId, answer])));
      return "silence";
    };
    await ask();
    await ask({ action: "Update", exiRequest: base64("CertificateUpdateReq") });
    await charger.clock.advance(10_000);
    expect(told()).toEqual([["iso15118/extensions", "Update", base64("for Update")]]);
  });

  test("a module that floods is told of its last request; the CSMS is spared most of them", async () => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER }, (reply) => charger.clock.after(500, reply));
    for (let count = 0; count < 2_000; count++)
      charger.hardwareEvents.emit("contractCertificate", {
        communicator: "iso15118/extensions",
        evseId: 1,
        action: "Install",
        iso15118SchemaVersion: SCHEMA_VERSION,
        exiRequest: base64(`request ${count}`),
        heardAtMilliseconds: charger.clock.monotonicMilliseconds(),
      });
    await charger.clock.advance(30_000);
    expect(told()).toEqual([ACCEPTED]);
    expect(asked().length).toBeLessThan(5);
    expect(asked().at(-1)).toMatchObject({ exiRequest: base64("request 1999") });
  });

  test("the vehicle leaves: Failed at once, and who comes next does not get what was meant for it", async () => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER }, (reply) => charger.clock.after(2_000, reply));
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
    await ask();
    charger.event(1, { kind: "SessionFinished", sessionId: "s" });
    await charger.clock.advance(5);
    expect(told()).toEqual([FAILED]);
    await charger.clock.advance(10_000);
    expect(told()).toEqual([FAILED]);
    expect(charger.log.some((line) => line.includes("nobody waits for it any more"))).toBe(true);
  });

  test("another EVSE's vehicle leaves: nothing happens", async () => {
    await start();
    answerWith({ status: "Accepted", exiResponse: ANSWER }, (reply) => charger.clock.after(2_000, reply));
    await ask();
    charger.event(2, { kind: "SessionFinished", sessionId: "s" });
    await charger.clock.advance(10_000);
    expect(told()).toEqual([ACCEPTED]);
  });

  test("a power cut: nothing of it is stored, and the next request is served", async () => {
    await start();
    answerWith({}, () => {});
    await ask();
    charger.crash();
    answerWith({ status: "Accepted", exiResponse: ANSWER });
    await charger.start();
    charger.hardwareCalls.length = 0;
    await charger.clock.advance(60_000);
    expect([asked().length, told()]).toEqual([1, []]);
    await ask();
    expect([asked().length, told()]).toEqual([2, [ACCEPTED]]);
  });
});
