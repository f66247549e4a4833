/** A02 and A03 for the certificate that the station shows to vehicles, against a store of real certificates. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { forge, type Validity } from "../../../src/sim/everest/security/authority.ts";
import type { SimulatedSecurity } from "../../../src/sim/everest/security/simulated-security.ts";
import {
  createV2gHierarchy,
  issueSecc,
  signSecc,
  type V2gHierarchy,
} from "../../../src/sim/everest/security/v2g-hierarchy.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";
import { giveRealCertificates } from "../../support/real-certificates.ts";

const NOW = new Date(Math.floor(Date.now() / 1000) * 1000);
const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const V2G = {
  "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "true",
  "ISO15118Ctrlr.SeccId": "DEICE1",
  "SecurityCtrlr.OrganizationName": "ICE",
  "SecurityCtrlr.CertSigningWaitMinimum": "10",
  "SecurityCtrlr.CertSigningRepeatTimes": "2",
  "InternalCtrlr.V2GCertificateExpireCheckIntervalSeconds": "600",
};
const PROFILE_3 = {
  "SecurityCtrlr.SecurityProfile": "3",
  "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
    { configurationSlot: 1, connectionData: { ocppCsmsUrl: "wss://csms", securityProfile: 3 } },
  ]),
  "OCPPCommCtrlr.NetworkConfigurationPriority": "1",
};

let charger: InProcessCharger;
let security: SimulatedSecurity;
let hierarchy: V2gHierarchy;
let dispose: () => void;
beforeEach(() => {
  hierarchy = createV2gHierarchy(NOW);
});
afterEach(() => {
  charger.dispose();
  dispose();
});

const after = (milliseconds: number) => new Date(NOW.getTime() + milliseconds);
const prepare = (variables: Record<string, string> = {}, sharesLeaves = false) => {
  charger = new InProcessCharger(1, { ...V2G, ...variables });
  charger.clock.jumpTo(NOW);
  ({ security, dispose } = giveRealCertificates(charger, sharesLeaves));
  security.putRoot("V2G", hierarchy.v2gRoot.pem);
};
const run = async () => {
  await charger.start();
  await charger.clock.advance(200);
};
const trigger = async (requestedMessage = "SignV2GCertificate") =>
  (await charger.call("TriggerMessage", { requestedMessage })).body as { status: string };
const requests = () => charger.callsOf("SignCertificate") as readonly { csr: string; certificateType?: string }[];
const lastCsr = () => requests().at(-1)?.csr ?? "";
/** The CSMS delivers, within the time that it waits for answers. */
const deliver = async (certificateChain: string, type: object = { certificateType: "V2GCertificate" }) => {
  charger.sendText(JSON.stringify([2, "signed", "CertificateSigned", { certificateChain, ...type }]));
  await charger.clock.advance(25_000);
  const answer = charger.answers.findLast(({ messageId }) => messageId === "signed");
  return answer?.body as { status: string; statusInfo?: { reasonCode: string } } | undefined;
};
const ask = async () => {
  expect(await trigger()).toEqual({ status: "Accepted" });
  await charger.clock.advance(200);
};
const sign = (validity: Partial<Validity> = {}, by = hierarchy) => signSecc(by, lastCsr(), validity);
const securityEvents = () => charger.callsOf("SecurityEventNotification").map(({ type }) => type);
const inUse = async () => {
  const answer = await security.commands.get_leaf_certificate_info?.({ certificate_type: "V2G" });
  const { info } = answer as { info?: { certificate: string } };
  return info && readFileSync(info.certificate, "utf8");
};

describe("A02: an SECC certificate on request of the CSMS", () => {
  test.each(["P-256", "P-521"] as const)(
    "requested, signed and in use, on %s (A02.FR.02, FR.03, FR.13)",
    async (curve) => {
      hierarchy = createV2gHierarchy(NOW, curve);
      prepare();
      security.curve = curve;
      await run();
      await ask();
      expect(requests()).toEqual([
        { csr: expect.stringMatching(/^-----BEGIN CERTIFICATE REQUEST/), certificateType: "V2GCertificate" },
      ]);
      const chain = sign();
      expect(await deliver(chain)).toEqual({ status: "Accepted" });
      expect(await inUse()).toBe(chain);
      expect(charger.log.join("\n")).toContain("is in use");
      // The connection to the CSMS has nothing to do with it.
      expect(charger.attempts).toHaveLength(1);
    },
  );

  test("the old one serves until the new one is in place, and of one root the newest (A02.FR.15, A03.FR.15)", async () => {
    prepare();
    const old = issueSecc(hierarchy, "DEICE1", { notBefore: after(-2_000) });
    security.putLeaf("V2G", old);
    await run();
    await ask();
    expect(await inUse()).toBe(old.chainPem);
    const newer = sign({ notBefore: after(-1_000) });
    expect(await deliver(newer)).toEqual({ status: "Accepted" });
    expect(await inUse()).toBe(newer);
    expect(security.inventory.filter((name) => name.startsWith("V2G leaf"))).toHaveLength(2);
    await ask();
    expect(await deliver(sign({ notBefore: after(-9_000) }))).toEqual({ status: "Accepted" });
    expect(await inUse()).toBe(newer);
    expect(charger.log.join("\n")).toContain("is not the newest of its root");
  });

  test("of several roots each has its own (A02.FR.15)", async () => {
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    prepare();
    security.putRoot("V2G", other.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notBefore: after(-1_000) }));
    await run();
    await ask();
    expect(await deliver(sign({ notBefore: after(-5_000) }, other))).toEqual({ status: "Accepted" });
    expect(charger.log.join("\n")).toContain("is in use");
  });

  test("switched off: no request, and nothing that was not asked for", async () => {
    prepare({ "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "false" });
    await run();
    expect(await trigger()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } });
    const before = security.inventory;
    expect(await deliver(issueSecc(hierarchy, "DEICE1").chainPem)).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "NotEnabled" },
    });
    await charger.clock.advance(HOUR);
    expect(requests()).toEqual([]);
    expect(security.inventory).toEqual(before);
  });

  test("without SeccId or organization the trigger is refused, not forgotten", async () => {
    prepare({ "ISO15118Ctrlr.SeccId": "" });
    await run();
    expect(await trigger()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "MissingDevModelInfo" } });
    await charger.clock.advance(1_000);
    expect(securityEvents()).toContain("CSRGenerationFailed");
    expect(requests()).toEqual([]);
  });

  test.each([
    ["longer than a message may be", { status: "Accepted", csr: "x".repeat(5_501) }],
    ["empty", { status: "Accepted", csr: "" }],
    ["absent", { status: "Accepted" }],
    ["refused", { status: "KeyGenError" }],
  ])("a request of the security module that is %s", async (_name, answer) => {
    prepare();
    await run();
    security.misbehave("generate_certificate_signing_request", { answer });
    expect(await trigger()).toEqual({ status: "Accepted" });
    await charger.clock.advance(1_000);
    expect(securityEvents()).toContain("CSRGenerationFailed");
    expect(requests()).toEqual([]);
  });

  test("two requests at once lead to one that is awaited", async () => {
    prepare();
    await run();
    security.misbehave("generate_certificate_signing_request", { slowMilliseconds: 2_000 });
    await trigger();
    await trigger();
    await charger.clock.advance(3_000);
    expect(requests()).toHaveLength(1);
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(1);
  });

  test("a CSMS that leaves out the type means the one that was asked for", async () => {
    prepare();
    await run();
    await ask();
    const chain = sign();
    expect(await deliver(chain, {})).toEqual({ status: "Accepted" });
    expect(await inUse()).toBe(chain);
    // Errata 6.2.5: it may deliver one for each request, also later.
    expect(await deliver(chain, {})).toEqual({ status: "Accepted" });
    expect(security.inventory.filter((name) => name.includes("leaf"))).toHaveLength(1);
  });

  test("a CSMS that does not sign is not asked again by itself, and Plug & Charge rests (A02.FR.21)", async () => {
    prepare({ "ISO15118Ctrlr.PnCEnabled": "true" });
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    charger.react = ({ action }) => ({
      answer:
        action === "SignCertificate"
          ? { status: "Rejected" }
          : { currentTime: NOW.toISOString(), interval: 300, status: "Accepted" },
    });
    await run();
    await ask();
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(1);
    const answer = await charger.call("GetVariables", {
      getVariableData: [{ component: { name: "ISO15118Ctrlr" }, variable: { name: "PnCEnabled" } }],
    });
    expect(answer.body).toMatchObject({ getVariableResult: [{ attributeValue: "false" }] });
  });
});

describe("A02.FR.06, FR.07, FR.20: what is not right is refused, nothing is stored, nothing is asked again", () => {
  const CASES: readonly (readonly [string, () => string])[] = [
    ["expired", () => sign({ notAfter: after(-1_000) })],
    ["not yet valid", () => sign({ notBefore: after(60_000) })],
    ["without the authorities between it and the root", () => sign().replace(hierarchy.cpo.chainPem, "")],
    ["with a forged signature", () => forge(sign()) + hierarchy.cpo.chainPem],
    ["below a forged authority", () => sign().replace(hierarchy.cpo.pem, forge(hierarchy.cpo.pem))],
    ["of an unknown root", () => sign({}, createV2gHierarchy(NOW, "P-256", "Strange "))],
    ["of another key", () => issueSecc(hierarchy, "DEICE1").chainPem],
    ["no certificate", () => "rubbish"],
    ["empty", () => ""],
  ];
  test.each(CASES)("%s", async (_name, chain) => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notAfter: after(5 * DAY) }));
    await run();
    await ask();
    const before = security.inventory;
    const asked = requests().length;
    expect(await deliver(chain())).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidCertificate" },
    });
    expect(securityEvents()).toContain("InvalidChargingStationCertificate");
    expect(security.inventory).toEqual(before);
    await charger.clock.advance(HOUR);
    charger.crash();
    await run();
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(asked);
    await ask();
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
  });

  test("an authority that has expired below a root that has not", async () => {
    prepare();
    const expired = hierarchy.v2gRoot.issueAuthority("Old Sub CA", { notAfter: after(-1_000) });
    await run();
    await ask();
    expect(await deliver(expired.sign(lastCsr(), { notAfter: after(DAY) }))).toMatchObject({ status: "Rejected" });
  });

  test.each([
    ["a module that is silent", "silent" as const, "Rejected"],
    ["one that takes its time", { slowMilliseconds: 6_000 }, "Accepted"],
    ["one that lies", { answer: "AllRight" }, "Rejected"],
  ])("%s: answered in time", async (_name, how, status) => {
    prepare();
    await run();
    await ask();
    security.misbehave("update_leaf_certificate", how);
    expect(await deliver(sign())).toMatchObject({ status });
  });
});

describe("A02.FR.17–19: what was begun goes on after kill -9", () => {
  test("promised, but not yet asked: asked after the restart", async () => {
    prepare();
    await run();
    security.misbehave("generate_certificate_signing_request", "silent");
    expect(await trigger()).toEqual({ status: "Accepted" });
    charger.crash();
    security.behave("generate_certificate_signing_request");
    await run();
    expect(requests()).toHaveLength(1);
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
  });

  test("asked, but not signed: the answer is taken, else the waits go on where they were, and end", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    await run();
    await ask();
    charger.crash();
    await run();
    expect(requests()).toHaveLength(1);
    await charger.clock.advance(10_500);
    expect(requests()).toHaveLength(2);
    charger.crash();
    await run();
    await charger.clock.advance(20_500);
    expect(requests()).toHaveLength(3);
    await charger.clock.advance(40_500);
    expect(requests()).toHaveLength(4);
    await charger.clock.advance(HOUR);
    charger.crash();
    await run();
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(4);
    // Errata 6.2.5: what was asked for is taken later, too.
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
    charger.crash();
    await run();
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(4);
  });

  test("signed while the store was at work: the CSMS may deliver again", async () => {
    prepare();
    await run();
    await ask();
    const chain = sign();
    security.misbehave("update_leaf_certificate", "silent");
    charger.sendText(
      JSON.stringify([2, "x", "CertificateSigned", { certificateChain: chain, certificateType: "V2GCertificate" }]),
    );
    await charger.clock.advance(100);
    charger.crash();
    security.behave("update_leaf_certificate");
    await run();
    expect(await deliver(chain)).toEqual({ status: "Accepted" });
    expect(await inUse()).toBe(chain);
  });
});

describe("A03: before it expires", () => {
  const requestedAfterFirstCheck = async () => {
    await charger.clock.advance(61_000);
    return requests().length;
  };

  test("a month before, and when there is none (A03.FR.02, FR.03, FR.13)", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notAfter: after(30 * DAY + HOUR / 2) }));
    await run();
    expect(await requestedAfterFirstCheck()).toBe(0);
    await charger.clock.advance(HOUR);
    expect(requests()[0]).toMatchObject({ certificateType: "V2GCertificate" });
    expect(await deliver(sign({ notBefore: NOW }))).toEqual({ status: "Accepted" });
    const asked = requests().length;
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(asked);
  });

  test("none at all", async () => {
    prepare();
    await run();
    expect(await requestedAfterFirstCheck()).toBe(1);
  });

  test("that of another root: asked for once, whatever root the CSMS signs for", async () => {
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    prepare();
    security.putRoot("V2G", other.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notBefore: after(-1_000) }));
    security.putLeaf("V2G", issueSecc(other, "DEICE1", { notBefore: after(-9_000), notAfter: after(9 * DAY) }));
    await run();
    expect(await requestedAfterFirstCheck()).toBe(1);
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(1);
  });

  test("a security module that does not know the question after all roots", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    security.misbehave("get_all_valid_certificates_info", "silent");
    await run();
    expect(await requestedAfterFirstCheck()).toBe(0);
    await ask();
    expect(await deliver(sign())).toEqual({ status: "Accepted" });
  });
});

describe("A02: one certificate for the CSMS and for vehicles", () => {
  test("where leaf certificates lie apart the trigger is not implemented (TC_F_27)", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("CSMS", issueSecc(hierarchy, "cp001"));
    await run();
    expect(await trigger("SignCombinedCertificate")).toEqual({ status: "NotImplemented" });
  });

  const prepareShared = async () => {
    prepare(PROFILE_3, true);
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "cp001", { notBefore: after(-5_000) }));
    await run();
  };

  test("where they lie together: asked for without a type, installed for both, shown to the CSMS at once (A02.FR.08)", async () => {
    await prepareShared();
    expect(await trigger("SignCombinedCertificate")).toEqual({ status: "Accepted" });
    await charger.clock.advance(200);
    expect(requests()).toEqual([{ csr: expect.any(String) }]);
    const chain = sign({ notBefore: after(-1_000) });
    expect(await deliver(chain, {})).toEqual({ status: "Accepted" });
    expect(await inUse()).toBe(chain);
    expect(charger.attempts).toHaveLength(2);
    await charger.clock.advance(HOUR);
    expect(requests()).toHaveLength(1);
  });

  test("what the CSMS side refuses is taken back from the ISO 15118 side (A02.FR.07)", async () => {
    await prepareShared();
    const before = security.inventory;
    await trigger("SignCombinedCertificate");
    await charger.clock.advance(200);
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    security.putRoot("V2G", other.v2gRoot.pem);
    expect(await deliver(sign({}, other), {})).toMatchObject({ status: "Rejected" });
    expect(security.inventory.filter((name) => !name.includes("root"))).toEqual(
      before.filter((name) => !name.includes("root")),
    );
  });

  test("renewed as one before it expires", async () => {
    prepare(PROFILE_3, true);
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "cp001", { notAfter: after(9 * DAY) }));
    await run();
    await charger.clock.advance(61_000);
    expect(requests()).toEqual([{ csr: expect.any(String) }]);
  });
});
