import { afterEach, describe, expect, test } from "bun:test";
import type { OCSPRequestDataType } from "../../../src/ocpp/v201/index.ts";
import { type OcspAnswerOptions, ocspAnswer } from "../../../src/sim/ocsp-responder.ts";
import { ocspView } from "../../../src/station/m-certificates/ocsp-view.ts";
import { BLOCKS } from "../../../src/station/station.ts";
import { InProcessCharger, type Reaction } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const SECOND = 1_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const about = (serialNumber: string): OCSPRequestDataType => ({
  hashAlgorithm: "SHA256",
  issuerNameHash: "0a".repeat(32),
  issuerKeyHash: "0b".repeat(32),
  serialNumber,
  responderURL: "http://ocsp.example",
});
const LEAF = about("10");
const SUB_CA_1 = about("21");
const SUB_CA_2 = about("22");
const CHAIN = [LEAF, SUB_CA_1, SUB_CA_2];

const NEEDED: ReadonlySet<string> = new Set([
  "boot",
  "boot-reason",
  "certificate-renewal",
  "client-certificate",
  "clock-synchronization",
  "network-profiles",
  "ocsp-status",
  "security-events",
  "variables",
]);

/** What the CSMS says of a certificate, by its serial number; otherwise that it is good. */
type Words = Record<string, Reaction>;
const accepted = (request: OCSPRequestDataType, options?: OcspAnswerOptions): Reaction => ({
  answer: { status: "Accepted", ocspResult: ocspAnswer(request, options) },
});
const sayOf = (words: Words, options?: OcspAnswerOptions): void => {
  const otherwise = charger.react;
  charger.react = (call) => {
    if (call.action !== "GetCertificateStatus") return otherwise(call);
    const request = call.payload.ocspRequestData as OCSPRequestDataType;
    return words[request.serialNumber] ?? accepted(request, options);
  };
};
const prepare = (chain: readonly OCSPRequestDataType[] = CHAIN, variables: Record<string, string> = {}) => {
  charger = new InProcessCharger(1, { "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "true", ...variables });
  // Months pass in a moment without those who do something every minute.
  charger.blocks = BLOCKS.filter(({ name }) => NEEDED.has(name));
  charger.hardwareAnswers.v2gOcspRequestData = () => chain;
  sayOf({});
};
const start = async (chain?: readonly OCSPRequestDataType[], variables?: Record<string, string>) => {
  prepare(chain, variables);
  await charger.start();
  await charger.clock.advance(5 * SECOND);
};
const restart = async () => {
  charger.crash();
  charger.calls.length = 0;
  charger.hardwareCalls.length = 0;
  await charger.start();
  await charger.clock.advance(5 * SECOND);
};
const certificatesOf = (chain: readonly OCSPRequestDataType[]) => (): void => {
  charger.hardwareAnswers.v2gOcspRequestData = () => chain;
};
/** Serial numbers, in the order in which the CSMS was asked. */
const asked = () =>
  charger
    .callsOf("GetCertificateStatus")
    .map(({ ocspRequestData }) => (ocspRequestData as OCSPRequestDataType).serialNumber);
/** Likewise, what the hardware side was given. */
const given = () =>
  charger.hardwareCalls
    .filter(({ name }) => name === "updateOcspCache")
    .map(({ args }) => (args[0] as OCSPRequestDataType).serialNumber);
const countOf = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).length;
const ALL = ["10", "21", "22"];
const stored = () => ocspView(charger.core.database);

describe("which certificates, and when", () => {
  test("after the boot the CSMS is asked about leaf and intermediates, one by one; the answers are kept and handed over (M06.FR.06)", async () => {
    await start();
    expect(charger.callsOf("GetCertificateStatus")).toEqual(CHAIN.map((ocspRequestData) => ({ ocspRequestData })));
    expect(charger.hardwareCalls.filter(({ name }) => name === "updateOcspCache").map(({ args }) => args)).toEqual(
      CHAIN.map((request) => [request, ocspAnswerOf(request.serialNumber)]),
    );
    expect(stored().map(({ serialNumber, status, stale }) => [serialNumber, status, stale])).toEqual(
      ALL.map((serial) => [serial, "good", false]),
    );
    await charger.clock.advance(DAY);
    expect(asked()).toEqual(ALL);
  });

  test("not before the CSMS has accepted the station", async () => {
    prepare();
    charger.react = ({ action }) =>
      action === "BootNotification"
        ? { answer: { currentTime: charger.clock.now().toISOString(), interval: 600, status: "Pending" } }
        : { answer: {} };
    await charger.start();
    await charger.clock.advance(300 * SECOND);
    expect(asked()).toEqual([]);
  });

  test("at least once a week (M06.FR.10), also when CSMS or file want it less often", async () => {
    await start(CHAIN, { "InternalCtrlr.OcspRequestInterval": "9999999" });
    await charger.clock.advance(7 * DAY);
    expect(asked()).toEqual([...ALL, ...ALL]);
    await charger.clock.advance(7 * DAY);
    expect(asked()).toHaveLength(9);
    const { body } = await charger.call("SetVariables", {
      setVariableData: [
        {
          component: { name: "InternalCtrlr" },
          variable: { name: "OcspRequestInterval" },
          attributeValue: "604801",
        },
      ],
    });
    expect(body).toMatchObject({ setVariableResult: [{ attributeStatus: "Rejected" }] });
  });

  test("as often as OcspRequestInterval says; a change counts at once", async () => {
    await start(CHAIN, { "InternalCtrlr.OcspRequestInterval": "172800" });
    await charger.clock.advance(2 * DAY - HOUR);
    expect(asked()).toHaveLength(3);
    await charger.clock.advance(HOUR);
    expect(asked()).toHaveLength(6);
    await charger.clock.advance(DAY + HOUR);
    await charger.call("SetVariables", {
      setVariableData: [
        { component: { name: "InternalCtrlr" }, variable: { name: "OcspRequestInterval" }, attributeValue: "86400" },
      ],
    });
    await charger.clock.advance(61 * SECOND);
    expect(asked()).toHaveLength(9);
  });

  test("an answer that expires earlier is fetched before that, but not in a storm", async () => {
    prepare([LEAF]);
    sayOf({}, { nextUpdate: new Date(charger.clock.now().getTime() + 10 * HOUR) });
    await charger.start();
    await charger.clock.advance(9 * HOUR - 120 * SECOND);
    expect(asked()).toHaveLength(1);
    await charger.clock.advance(240 * SECOND);
    expect(asked()).toHaveLength(2);
    await charger.clock.advance(5 * HOUR);
    expect(asked().length).toBeLessThan(9);
  });

  test("ISO 15118 is switched off: nobody is asked until it is on again", async () => {
    await start(CHAIN, { "ISO15118Ctrlr.Enabled": "false" });
    await charger.clock.advance(DAY);
    expect([countOf("v2gOcspRequestData"), asked()]).toEqual([0, []]);
    await charger.call("SetVariables", {
      setVariableData: [
        { component: { name: "ISO15118Ctrlr" }, variable: { name: "Enabled" }, attributeValue: "true" },
      ],
    });
    await charger.clock.advance(SECOND);
    expect(asked()).toEqual(ALL);
  });
});

describe("a new certificate (M06.FR.07)", () => {
  const sign = () => charger.call("CertificateSigned", { certificateType: "V2GCertificate", certificateChain: "PEM" });

  test("TC_M_24: the CSMS has signed one: it and the intermediates are asked about anew, behind the answer", async () => {
    await start();
    const NEW = about("11");
    charger.hardwareAnswers.updateLeafCertificate = () => {
      certificatesOf([NEW, SUB_CA_1, SUB_CA_2])();
      return { accepted: true };
    };
    expect((await sign()).body).toEqual({ status: "Accepted" });
    expect(asked()).toEqual(ALL);
    await charger.clock.advance(2 * SECOND);
    expect(asked().slice(3)).toEqual(["11", "21", "22"]);
    expect(given().slice(3)).toEqual(["11", "21", "22"]);
    expect(stored().map(({ serialNumber }) => serialNumber)).toEqual(["21", "22", "11"]);
  });

  test("told by the store as well, it is one change", async () => {
    await start();
    certificatesOf([about("11"), SUB_CA_1])();
    charger.hardwareEvents.emit("certificateStore", { leaf: "V2G" });
    await sign();
    await charger.clock.advance(SECOND);
    charger.hardwareEvents.emit("certificateStore", { leaf: "V2G" });
    await charger.clock.advance(600 * SECOND);
    expect(asked().slice(3)).toEqual(["11", "21"]);
  });

  test("installed by somebody else: the store tells; other uses do not matter", async () => {
    await start();
    certificatesOf([...CHAIN, about("33")])();
    for (const change of [{ leaf: "CSMS" }, { ca: "MO" }, { ca: "MF" }])
      charger.hardwareEvents.emit("certificateStore", change);
    await charger.clock.advance(5 * SECOND);
    expect(asked()).toEqual(ALL);
    charger.hardwareEvents.emit("certificateStore", { ca: "V2G" });
    await charger.clock.advance(5 * SECOND);
    expect(asked().slice(3)).toEqual([...ALL, "33"]);
  });

  test("a certificate that is gone is forgotten", async () => {
    await start();
    certificatesOf([SUB_CA_2])();
    charger.hardwareEvents.emit("certificateStore", { leaf: "V2G" });
    await charger.clock.advance(5 * SECOND);
    expect(stored().map(({ serialNumber }) => serialNumber)).toEqual(["22"]);
    expect(asked()).toEqual(ALL);
  });

  test("one that comes while the CSMS is being asked makes what is under way old", async () => {
    await start();
    const answers: (() => void)[] = [];
    charger.react = (call) => {
      answers.push(() => charger.sendText(JSON.stringify([3, call.messageId, answerTo(call.payload)])));
      return "silence";
    };
    await sign();
    await charger.clock.advance(2 * SECOND);
    expect(asked()).toHaveLength(4);
    await sign();
    answers.shift()?.();
    sayOf({});
    await charger.clock.advance(5 * SECOND);
    expect(asked().slice(4).sort()).toEqual(ALL);
  });

  test("a store that tells of changes without end is looked at once a minute", async () => {
    await start();
    const before = countOf("v2gOcspRequestData");
    let serial = 100;
    charger.hardwareAnswers.v2gOcspRequestData = () => [about(String(serial++))];
    for (let second = 0; second < 600; second++) {
      charger.hardwareEvents.emit("certificateStore", { leaf: "V2G" });
      await charger.clock.advance(SECOND);
    }
    expect(countOf("v2gOcspRequestData") - before).toBeLessThan(13);
    expect(asked().length).toBeLessThan(16);
  });
});

describe("what the CSMS does not answer well", () => {
  const failures: readonly (readonly [string, Reaction])[] = [
    ["Failed", { answer: { status: "Failed" } }],
    ["Accepted without a result", { answer: { status: "Accepted" } }],
    ["an unknown status", { answer: { status: "Good", ocspResult: ocspAnswer(SUB_CA_1) } }],
    ["no status", { answer: {} }],
    ["a result that is no DER", { answer: { status: "Accepted", ocspResult: "QUJD" } }],
    ["a result that is too long", { answer: { status: "Accepted", ocspResult: "A".repeat(5_501) } }],
    ["a result for another certificate", accepted(LEAF)],
    ["a certificate that the responder does not know", accepted(SUB_CA_1, { status: "unknown" })],
    ["a CALLERROR", { error: "InternalError" }],
    ["nothing", "silence"],
  ];
  test.each(failures)(
    "%s: the others are asked about, this one again later, and nothing is stored",
    async (_what, reaction) => {
      prepare();
      sayOf({ "21": reaction });
      await charger.start();
      await charger.clock.advance(35 * SECOND);
      expect(asked().slice(0, 3)).toEqual(ALL);
      expect(given()).toEqual(["10", "22"]);
      expect(stored()[1]).toMatchObject({ serialNumber: "21", status: null, stale: true });
      const before = asked().length;
      await charger.clock.advance(DAY);
      const repetitions = asked().slice(before);
      expect(repetitions.every((serial) => serial === "21")).toBe(true);
      expect(repetitions.length).toBeGreaterThan(8);
      expect(repetitions.length).toBeLessThan(20);
      sayOf({});
      await charger.clock.advance(DAY + HOUR);
      expect(given()).toEqual(["10", "22", "21"]);
    },
  );

  test("an older answer stays until there is a newer one", async () => {
    await start([LEAF]);
    sayOf({ "10": { answer: { status: "Failed" } } });
    await charger.clock.advance(8 * DAY);
    expect(stored()).toMatchObject([{ serialNumber: "10", status: "good" }]);
    expect(asked().length).toBeGreaterThan(5);
  });

  test("revoked is a status as well, and is handed over", async () => {
    prepare([LEAF]);
    sayOf({}, { status: "revoked" });
    await charger.start();
    await charger.clock.advance(SECOND);
    expect(given()).toEqual(["10"]);
    expect(stored()).toMatchObject([{ status: "revoked" }]);
  });

  test.each(["NotImplemented", "NotSupported"])("%s: the next day", async (code) => {
    prepare();
    sayOf({ "10": { error: code }, "21": { error: code }, "22": { error: code } });
    await charger.start();
    await charger.clock.advance(DAY - HOUR);
    expect(asked()).toEqual(ALL);
    await charger.clock.advance(2 * HOUR);
    expect(asked()).toEqual([...ALL, ...ALL]);
  });

  test("offline: nobody is asked; with the connection the round goes on", async () => {
    await start(CHAIN, { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1800" });
    await charger.clock.advance(6 * DAY);
    charger.disconnect();
    charger.reachable = false;
    await charger.clock.advance(3 * DAY);
    expect(asked()).toHaveLength(3);
    charger.reachable = true;
    await charger.clock.advance(DAY);
    expect(asked()).toEqual([...ALL, ...ALL]);
  });

  test("the connection breaks while the CSMS is being asked: that one is asked again", async () => {
    prepare();
    sayOf({ "21": "silence" });
    await charger.start();
    await charger.clock.advance(SECOND);
    charger.disconnect();
    sayOf({ "21": accepted(SUB_CA_1) });
    await charger.clock.advance(60 * SECOND);
    expect(asked()).toEqual(["10", "21", "21", "22"]);
  });
});

describe("over a restart", () => {
  test("what was fetched is handed over again, also offline, and the CSMS is not asked before it is old", async () => {
    await start();
    charger.reachable = false;
    await restart();
    expect(given()).toEqual(ALL);
    charger.reachable = true;
    await charger.clock.advance(6 * DAY);
    expect(asked()).toEqual([]);
    await charger.clock.advance(DAY);
    expect(asked()).toEqual(ALL);
  });

  test("kill -9 within the round: it goes on behind what was stored", async () => {
    prepare();
    sayOf({ "21": "silence" });
    await charger.start();
    await charger.clock.advance(SECOND);
    expect(asked()).toEqual(["10", "21"]);
    sayOf({ "21": accepted(SUB_CA_1) });
    await restart();
    expect(asked()).toEqual(["21", "22"]);
    expect(given().sort()).toEqual(ALL);
  });

  test("kill -9 after a new certificate was installed, before anybody was asked: all are asked about", async () => {
    await start();
    certificatesOf([about("11"), SUB_CA_1, SUB_CA_2])();
    await charger.call("CertificateSigned", { certificateType: "V2GCertificate", certificateChain: "PEM" });
    await restart();
    expect(asked().sort()).toEqual(["11", "21", "22"]);
  });

  test("kill -9 between the store of the answer and its hand-over", async () => {
    prepare([LEAF]);
    charger.hardwareAnswers.updateOcspCache = () => new Promise(() => {});
    await charger.start();
    await charger.clock.advance(SECOND);
    delete charger.hardwareAnswers.updateOcspCache;
    await restart();
    expect([asked(), given()]).toEqual([[], ["10"]]);
  });

  test("the clock was set back in between: nobody knows how old it is, so it is asked anew", async () => {
    await start();
    charger.clock.jumpTo("2025-12-01T00:00:00Z");
    await restart();
    expect(asked()).toEqual(ALL);
  });

  test("a clock that jumps while the station runs changes nothing", async () => {
    await start();
    charger.clock.jumpTo("2027-01-01T00:00:00Z");
    await charger.clock.advance(HOUR);
    charger.clock.jumpTo("2020-01-01T00:00:00Z");
    await charger.clock.advance(5 * DAY);
    expect(asked()).toEqual(ALL);
    await charger.clock.advance(2 * DAY);
    expect(asked()).toEqual([...ALL, ...ALL]);
  });

  test("damaged rows are asked about anew", async () => {
    await start();
    const { database } = charger.core;
    database.run("UPDATE STATION_OCSP SET RESULT = 'QUJD' WHERE CERTIFICATE LIKE '%|10'");
    database.run("UPDATE STATION_OCSP SET REQUEST = '{' WHERE CERTIFICATE LIKE '%|21'");
    database.run("UPDATE STATION_OCSP SET FETCHED_AT = 'yesterday' WHERE CERTIFICATE LIKE '%|22'");
    expect(stored().map(({ status }) => status)).toEqual(["(unreadable)", "(unreadable)", "good"]);
    await restart();
    expect(asked().sort()).toEqual(ALL);
    expect(stored().map(({ status }) => status)).toEqual(["good", "good", "good"]);
  });
});

describe("a security module that", () => {
  test("does not say which certificates there are is asked again", async () => {
    prepare();
    charger.hardwareAnswers.v2gOcspRequestData = () => Promise.reject(new Error("no answer"));
    await charger.start();
    await charger.clock.advance(HOUR);
    const attempts = countOf("v2gOcspRequestData");
    expect(attempts).toBeGreaterThan(5);
    expect(attempts).toBeLessThan(14);
    certificatesOf(CHAIN)();
    await charger.clock.advance(2 * HOUR);
    expect(asked()).toEqual(ALL);
  });

  test("does not take an answer gets it again, and hinders no other", async () => {
    prepare();
    charger.hardwareAnswers.updateOcspCache = (request) => {
      if ((request as OCSPRequestDataType).serialNumber === "10") throw new Error("no answer");
    };
    await charger.start();
    await charger.clock.advance(SECOND);
    expect(asked()).toEqual(ALL);
    expect(given()).toEqual(ALL);
    delete charger.hardwareAnswers.updateOcspCache;
    await charger.clock.advance(60 * SECOND);
    expect(given()).toEqual([...ALL, "10"]);
    expect(asked()).toEqual(ALL);
  });

  test("names a certificate twice, too many, or what no message has room for", async () => {
    const many = Array.from({ length: 40 }, (_, index) => about(String(1_000 + index)));
    const tooLong = [
      { ...LEAF, issuerNameHash: "a".repeat(129) },
      { ...LEAF, serialNumber: "1".repeat(41) },
      { ...LEAF, responderURL: `http://${"o".repeat(512)}` },
    ];
    await start([...tooLong, LEAF, { ...LEAF, serialNumber: "0010" }, ...many]);
    expect(asked()).toHaveLength(31);
    expect(asked().filter((serial) => serial === "10")).toHaveLength(1);
    expect(charger.log.filter((line) => line.includes("cannot be asked about"))).toHaveLength(6);
  });

  test("names none: no message, no timer every minute", async () => {
    await start([]);
    await charger.clock.advance(7 * DAY);
    expect([asked(), countOf("v2gOcspRequestData")]).toEqual([[], 9]);
  });

  test("a full disk: the answer is not handed over before it is stored, and is fetched again", async () => {
    prepare([LEAF]);
    sayOf({});
    await charger.start();
    charger.core.database.run("PRAGMA query_only = ON");
    await charger.call("CertificateSigned", { certificateType: "V2GCertificate", certificateChain: "PEM" });
    await charger.clock.advance(60 * SECOND);
    charger.core.database.run("PRAGMA query_only = OFF");
    expect(given()).toEqual(["10"]);
    charger.hardwareEvents.emit("certificateStore", { leaf: "V2G" });
    certificatesOf([about("11")])();
    await charger.clock.advance(300 * SECOND);
    expect(given()).toEqual(["10", "11"]);
  });
});

function answerTo({ ocspRequestData }: Readonly<Record<string, unknown>>) {
  return { status: "Accepted", ocspResult: ocspAnswer(ocspRequestData as OCSPRequestDataType) };
}

/** What the CSMS was told to answer last about a certificate; signatures differ each time. */
function ocspAnswerOf(serialNumber: string): unknown {
  const row = charger.core.ocsp.all().find(({ certificate }) => certificate.endsWith(`|${serialNumber}`));
  return row?.result;
}
