import { afterEach, describe, expect, test } from "bun:test";
import { createV2gHierarchy, issueContract } from "../../../src/sim/everest/security/v2g-hierarchy.ts";
import { certificateHash, parseCertificates } from "../../../src/station/model/certificate.ts";
import { answerTokens, card, entry, present, sendLocalList } from "../../support/authorization.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
let nextRequestId = 1;
const ask = async (flags: { report: boolean; clear: boolean }, who: object) => {
  const requestId = nextRequestId++;
  const { body } = await charger.call("CustomerInformation", { requestId, ...flags, ...who });
  await charger.clock.advance(200);
  return { requestId, status: (body as { status: string }).status };
};
const REPORT = { report: true, clear: false };
const CLEAR = { report: false, clear: true };
const REPORT_AND_CLEAR = { report: true, clear: true };
const customer = { idToken: card("A") };
const partsOf = (requestId: number) =>
  charger.callsOf("NotifyCustomerInformation").filter((part) => part.requestId === requestId);
const told = async (flags: { report: boolean; clear: boolean }, who: object = customer) => {
  const { requestId, status } = await ask(flags, who);
  const text = partsOf(requestId)
    .map(({ data }) => data)
    .join("");
  return [status, text];
};
const charge = (idToken = card("A")) => {
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken, remote: false } });
};

describe("who is meant", () => {
  test("none or more than one reference: Invalid; nothing to do: Rejected (N09.FR.07, FR.09, N10.FR.07)", async () => {
    await start();
    expect((await ask(REPORT, {})).status).toBe("Invalid");
    expect((await ask(REPORT, { ...customer, customerIdentifier: "X" })).status).toBe("Invalid");
    expect((await ask({ report: false, clear: false }, customer)).status).toBe("Rejected"); // TC_N_29
    expect(charger.callsOf("NotifyCustomerInformation")).toEqual([]);
  });

  test("TC_N_62: an identifier of another kind is known to nobody here (N09.FR.06, N10.FR.04)", async () => {
    await start();
    await present(charger, card("A"));
    expect(await told(REPORT_AND_CLEAR, { customerIdentifier: "A" })).toEqual(["Accepted", ""]);
    expect(charger.core.authCache.entries).toBe(1);
  });

  test("TC_N_63: by contract certificate: told and forgotten; then the report is empty, no text of our own (N09.FR.05, FR.06, N10.FR.03)", async () => {
    await start();
    const customerCertificate = {
      hashAlgorithm: "SHA256",
      issuerNameHash: "aa",
      issuerKeyHash: "bb",
      serialNumber: "1F",
    };
    const hashData = { ...customerCertificate, hashAlgorithm: "SHA256" as const, responderURL: "http://ocsp.example" };
    await present(charger, card("DE8AA", "eMAID"), { certificateHashData: [hashData] });
    const other = { ...customerCertificate, serialNumber: "2" };
    expect(await told(REPORT, { customerCertificate: other })).toEqual(["Accepted", ""]);
    const again = { ...customerCertificate, serialNumber: "1f" };
    expect(await told(REPORT_AND_CLEAR, { customerCertificate: again })).toEqual([
      "Accepted",
      '{"authorizationCache":{"status":"Accepted"}}',
    ]);
    expect(await told(REPORT, { customerCertificate })).toEqual(["Accepted", ""]);
  });
});

describe("by a contract certificate that the CSMS was shown, or that was verified here", () => {
  const hierarchy = createV2gHierarchy(new Date("2026-01-01T00:00:00Z"));
  const { chainPem } = issueContract(hierarchy, "DE8AA");
  const emaid = card("DE8AA", "eMAID");
  const [leaf, issuer] = parseCertificates(chainPem);
  const hashes = (["SHA256", "SHA384", "SHA512"] as const).map((algorithm) => {
    if (leaf === undefined || issuer === undefined) throw new Error("no chain");
    return certificateHash(leaf, issuer, algorithm);
  });
  const CACHED = ["Accepted", '{"authorizationCache":{"status":"Accepted"}}'];

  test.each(hashes)("as the CSMS may call it, by $hashAlgorithm (N09.FR.08)", async (customerCertificate) => {
    await start({ "ISO15118Ctrlr.CentralContractValidationAllowed": "true" });
    charger.hardwareAnswers.verifyCertificate = () => "IssuerNotFound";
    await present(charger, emaid, { certificate: chainPem });
    expect(charger.callsOf("Authorize")).toEqual([{ idToken: emaid, certificate: chainPem }]);
    expect(await told(REPORT, { customerCertificate })).toEqual(CACHED);
    const padded = { ...customerCertificate, serialNumber: `0${customerCertificate.serialNumber.toUpperCase()}` };
    expect(await told(REPORT_AND_CLEAR, { customerCertificate: padded })).toEqual(CACHED);
    expect(await told(REPORT, { customerCertificate })).toEqual(["Accepted", ""]);
  });

  test("known from the local list, offline", async () => {
    await start();
    await sendLocalList(charger, 1, "Full", [{ idToken: emaid, idTokenInfo: { status: "Accepted" } }]);
    charger.reachable = false;
    charger.disconnect();
    expect((await present(charger, emaid, { certificate: chainPem })).idTokenInfo.status).toBe("Accepted");
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(await told(REPORT, { customerCertificate: hashes[0] })).toEqual([
      "Accepted",
      '{"localAuthorizationList":{"status":"Accepted"}}',
    ]);
  });

  test("incident: of a contract without a responder of its own the authority was remembered as the driver's certificate", async () => {
    await start();
    const [, authority, root] = parseCertificates(`${chainPem}${hierarchy.moRoot.pem}`);
    const aboveAuthority = parseCertificates(chainPem)[2] ?? root;
    if (authority === undefined || aboveAuthority === undefined) throw new Error("no chain");
    const ofAuthority = certificateHash(authority, aboveAuthority);
    charger.hardwareAnswers.verifyCertificate = () => "Valid";
    charger.hardwareAnswers.moOcspRequestData = () => [{ ...ofAuthority, responderURL: "http://ocsp.example" }];
    await present(charger, emaid, { certificate: chainPem });
    expect(await told(REPORT, { customerCertificate: ofAuthority })).toEqual(["Accepted", ""]);
    expect(await told(REPORT, { customerCertificate: hashes[0] })).toEqual(CACHED);
  });

  test("incident: a list that spells the eMAID in other letters was not found by the certificate (C01.FR.25)", async () => {
    await start({ "AuthCacheCtrlr.Enabled": "false", "ISO15118Ctrlr.CentralContractValidationAllowed": "true" });
    charger.hardwareAnswers.verifyCertificate = () => "IssuerNotFound";
    const listed = card("de8aa", "eMAID");
    await sendLocalList(charger, 1, "Full", [{ idToken: listed, idTokenInfo: { status: "Accepted" } }]);
    await present(charger, emaid, { certificate: chainPem });
    expect(await told(REPORT, { customerCertificate: hashes[0] })).toEqual([
      "Accepted",
      '{"localAuthorizationList":{"status":"Accepted"}}',
    ]);
  });

  test("hash data of a wrong length or kind name nobody, and change nothing", async () => {
    await start({ "ISO15118Ctrlr.CentralContractValidationAllowed": "true" });
    charger.hardwareAnswers.verifyCertificate = () => "IssuerNotFound";
    await present(charger, emaid, { certificate: chainPem });
    const [hash] = hashes;
    for (const other of [
      { issuerNameHash: "" },
      { issuerNameHash: hash?.issuerNameHash.slice(2) },
      { issuerKeyHash: `${hash?.issuerKeyHash}00` },
      { hashAlgorithm: "SHA512" },
      { serialNumber: "" },
    ])
      expect(await told(REPORT_AND_CLEAR, { customerCertificate: { ...hash, ...other } })).toEqual(["Accepted", ""]);
    for (const tooLong of [{ issuerNameHash: "0".repeat(129) }, { serialNumber: "0".repeat(41) }]) {
      const customerCertificate = { ...hash, ...tooLong };
      expect((await charger.call("CustomerInformation", { requestId: 1, ...REPORT, customerCertificate })).kind).toBe(
        "error",
      );
    }
    expect(await told(REPORT, { customerCertificate: hash })).toEqual(CACHED);
  });
});

describe("what is told (N09)", () => {
  test("TC_N_27: cache, list, running transactions and those that wait for delivery (N09.FR.02, FR.05)", async () => {
    await start({ "OCPPCommCtrlr.MessageAttempts": "9", "OCPPCommCtrlr.MessageAttemptInterval": "600" });
    const groupIdToken = card("FAMILY", "Central");
    answerTokens(charger, { status: "Accepted", groupIdToken });
    await present(charger, card("A"));
    await sendLocalList(charger, 1, "Full", [entry("a", "Blocked"), entry("B", "Accepted")]);
    charge();
    await charger.clock.advance(50);
    charger.react = ({ action }) => (action === "TransactionEvent" ? { error: "InternalError" } : { answer: {} });
    charger.event(1, {
      kind: "TransactionFinished",
      sessionId: "s",
      stoppedReason: "Local",
      token: { idToken: card("A"), remote: false },
    });
    charger.event(2, { kind: "SessionStarted", sessionId: "t", reason: "EVConnected" });
    charger.event(2, { kind: "TransactionStarted", sessionId: "t", token: { idToken: card("A"), remote: false } });
    await charger.clock.advance(50);
    const [status, text] = await told(REPORT);
    expect([status, JSON.parse(String(text))]).toEqual([
      "Accepted",
      {
        authorizationCache: { status: "Accepted", groupIdToken },
        localAuthorizationList: { status: "Blocked" },
        transactions: [{ transactionId: "t", evseId: 2 }],
        transactionsWaitingForDelivery: ["s", "t"],
      },
    ]);
  });

  test("TC_N_28: nothing is known: one message says so (N09.FR.06)", async () => {
    await start();
    const { requestId } = await ask(REPORT, customer);
    expect(partsOf(requestId)).toMatchObject([{ seqNo: 0, tbc: false, data: "" }]);
  });

  test("a long report comes in parts of 512 characters, numbered, the last one without tbc (N09.FR.05)", async () => {
    await start();
    const content = "🔌".repeat(500);
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted", { personalMessage: { format: "UTF8", content } })]);
    const { requestId } = await ask(REPORT, customer);
    const parts = partsOf(requestId);
    expect(parts.map(({ seqNo, tbc }) => [seqNo, tbc])).toEqual([
      [0, true],
      [1, false],
    ]);
    expect(parts.map(({ data }) => [...String(data)].length)).toEqual([512, expect.any(Number)]);
    expect(JSON.parse(parts.map(({ data }) => data).join(""))).toMatchObject({
      localAuthorizationList: { personalMessage: { content } },
    });
  });

  test("the connection is lost: the parts follow after it", async () => {
    await start();
    await present(charger, card("A"));
    charger.react = ({ action }) => (action === "NotifyCustomerInformation" ? "silence" : { answer: {} });
    const { requestId } = await ask(REPORT, customer);
    charger.disconnect();
    charger.react = () => ({ answer: {} });
    await charger.clock.advance(60_000);
    expect(partsOf(requestId).length).toBeGreaterThan(1);
    expect(charger.core.normalQueue.length).toBe(0);
  });

  test("too many reports at once, or a database that fails: Rejected, and nothing is lost (N09.FR.03, N10.FR.05)", async () => {
    await start();
    await present(charger, card("A"));
    charger.core.database.run("PRAGMA query_only = ON");
    expect((await ask(REPORT_AND_CLEAR, customer)).status).toBe("Rejected");
    charger.core.database.run("PRAGMA query_only = OFF");
    expect(charger.core.authCache.entries).toBe(1);
    charger.react = () => "silence";
    for (let count = 0; count < 4; count++) expect((await ask(REPORT, customer)).status).toBe("Accepted");
    expect((await ask(REPORT, customer)).status).toBe("Rejected");
  });
});

describe("kill -9", () => {
  test("incident: cleared, but the promised report was never told (N10.FR.03)", async () => {
    await start();
    await present(charger, card("A"));
    const personalMessage = { format: "UTF8", content: "x".repeat(512) } as const;
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted", { personalMessage })]);
    const otherwise = charger.react;
    charger.react = (call) =>
      call.action === "NotifyCustomerInformation" && Number(call.payload.seqNo) === 1 ? "silence" : otherwise(call);
    const { requestId } = await ask(REPORT_AND_CLEAR, customer);
    expect(partsOf(requestId).map(({ seqNo }) => seqNo)).toEqual([0, 1]);
    const [first, second] = partsOf(requestId);
    charger.crash();
    charger.react = otherwise;
    await charger.start();
    await charger.clock.advance(1_000);
    // Only what had no answer is told again; in this process the end of the line has queued it as well.
    const again = partsOf(requestId).slice(2);
    expect(again.length).toBeGreaterThan(0);
    for (const part of again) expect(part).toEqual(second ?? {});
    expect(JSON.parse(`${first?.data}${second?.data}`)).toHaveProperty("authorizationCache");
    expect((await told(REPORT))[1]).not.toContain("authorizationCache");
    charger.crash();
    await charger.start();
    await charger.clock.advance(1_000);
    expect(partsOf(requestId)).toHaveLength(2 + again.length);
  });
});

describe("what is forgotten (N10)", () => {
  test("TC_N_30, 31: cleared and told; afterwards nothing is found (N10.FR.01, FR.03, FR.04)", async () => {
    await start();
    await present(charger, card("A"));
    expect(await told(REPORT_AND_CLEAR)).toEqual(["Accepted", '{"authorizationCache":{"status":"Accepted"}}']);
    expect(await told(REPORT_AND_CLEAR)).toEqual(["Accepted", ""]);
    expect(charger.core.authCache.entries).toBe(0);
  });

  test("TC_N_32: cleared without report: one message says so (N10.FR.06)", async () => {
    await start();
    await present(charger, card("Abc"));
    const { requestId } = await ask(CLEAR, { idToken: card("ABC") });
    expect(partsOf(requestId)).toMatchObject([{ seqNo: 0, tbc: false, data: "data cleared" }]);
    expect(charger.core.authCache.entries).toBe(0);
    expect(charger.core.database.query("SELECT count(*) FROM STATION_TOKEN_ALIAS").values()).toEqual([[0]]);
  });

  test("TC_N_46: the local list stays: only the CSMS changes it (N10.FR.03, FR.06)", async () => {
    await start();
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted")]);
    await ask(CLEAR, customer);
    expect(await told(REPORT)).toEqual(["Accepted", '{"localAuthorizationList":{"status":"Accepted"}}']);
    await sendLocalList(charger, 2, "Differential", [entry("A")]);
    expect(await told(REPORT)).toEqual(["Accepted", ""]);
  });

  test("others are left alone, and so is what a running transaction needs", async () => {
    await start();
    await present(charger, card("B"));
    charge();
    await charger.clock.advance(50);
    await ask(CLEAR, customer);
    expect(charger.core.authCache.get(card("B"))).toBeDefined();
    expect(await told(REPORT)).toEqual(["Accepted", '{"transactions":[{"transactionId":"s","evseId":1}]}']);
  });

  test("events that could not be delivered are forgotten with the customer", async () => {
    await start();
    const rejected = [2, "id", "TransactionEvent", { transactionInfo: { transactionId: "old" }, idToken: card("A") }];
    charger.core.database
      .query("INSERT INTO STATION_REJECTED_MESSAGE (MESSAGE_TYPE, MESSAGE, REASON, REJECTED_AT) VALUES (?, ?, ?, ?)")
      .run("TransactionEvent", JSON.stringify(rejected), "test", "2026-01-01T00:00:00Z");
    expect(await told(REPORT_AND_CLEAR)).toEqual(["Accepted", '{"transactionsNotDelivered":["old"]}']);
    expect(await told(REPORT)).toEqual(["Accepted", ""]);
  });
});
