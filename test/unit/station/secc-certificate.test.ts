/** A02 for the certificate that the station shows to vehicles, against a store of real certificates. */

import { afterEach, describe, expect, test } from "bun:test";
import { forge } from "../../../src/sim/everest/security/authority.ts";
import type { SimulatedSecurity } from "../../../src/sim/everest/security/simulated-security.ts";
import { createV2gHierarchy, issueSecc, type V2gHierarchy } from "../../../src/sim/everest/security/v2g-hierarchy.ts";
import { addSettingsOf } from "../../support/evse-settings.ts";
import type { InProcessCharger } from "../../support/in-process-charger.ts";
import { after, DAY, HOUR, NOW, SeccScene, type SeccSceneOptions } from "../../support/secc-scene.ts";

let scene: SeccScene;
let charger: InProcessCharger;
let security: SimulatedSecurity;
let hierarchy: V2gHierarchy;
afterEach(() => scene.dispose());

const prepare = (variables: Record<string, string> = {}, options: SeccSceneOptions = {}) => {
  scene = new SeccScene(variables, options);
  ({ charger, security, hierarchy } = scene);
};
const ask = async () => {
  expect(await scene.trigger()).toEqual({ status: "Accepted" });
  await charger.clock.advance(200);
};

describe("A02: an SECC certificate on request of the CSMS", () => {
  test.each(["P-256", "P-521"] as const)(
    "requested, signed and in use, on %s (A02.FR.02, FR.03, FR.13)",
    async (curve) => {
      hierarchy = createV2gHierarchy(NOW, curve);
      prepare();
      security.curve = curve;
      await scene.run();
      await ask();
      expect(scene.requests).toEqual([
        { csr: expect.stringMatching(/^-----BEGIN CERTIFICATE REQUEST/), certificateType: "V2GCertificate" },
      ]);
      const chain = scene.sign();
      expect(await scene.deliver(chain)).toEqual({ status: "Accepted" });
      expect(await scene.inUse()).toBe(chain);
      expect(charger.log.join("\n")).toContain("is in use");
      // The connection to the CSMS has nothing to do with it.
      expect(charger.attempts).toHaveLength(1);
    },
  );

  test("the old one serves until the new one is in place, and of one root the newest (A02.FR.15, A03.FR.15)", async () => {
    prepare();
    const old = issueSecc(hierarchy, "DEICE1", { notBefore: after(-2_000) });
    security.putLeaf("V2G", old);
    await scene.run();
    await ask();
    expect(await scene.inUse()).toBe(old.chainPem);
    const newer = scene.sign({ notBefore: after(-1_000) });
    expect(await scene.deliver(newer)).toEqual({ status: "Accepted" });
    expect(await scene.inUse()).toBe(newer);
    expect(security.inventory.filter((name) => name.startsWith("V2G leaf"))).toHaveLength(2);
    await ask();
    expect(await scene.deliver(scene.sign({ notBefore: after(-9_000) }))).toEqual({ status: "Accepted" });
    expect(await scene.inUse()).toBe(newer);
    expect(charger.log.join("\n")).toContain("is not the newest of its root");
  });

  test("of several roots each has its own (A02.FR.15)", async () => {
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    prepare();
    security.putRoot("V2G", other.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notBefore: after(-1_000) }));
    await scene.run();
    await ask();
    expect(await scene.deliver(scene.sign({ notBefore: after(-5_000) }, other))).toEqual({ status: "Accepted" });
    expect(charger.log.join("\n")).toContain("is in use");
  });

  test("switched off: no request, and nothing that was not asked for", async () => {
    prepare({ "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "false" });
    await scene.run();
    expect(await scene.trigger()).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } });
    const before = security.inventory;
    expect(await scene.deliver(issueSecc(hierarchy, "DEICE1").chainPem)).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "NotEnabled" },
    });
    await charger.clock.advance(HOUR);
    expect(scene.requests).toEqual([]);
    expect(security.inventory).toEqual(before);
  });

  test("without SeccId or organization the trigger is refused, not forgotten", async () => {
    prepare({ "ISO15118Ctrlr.SeccId": "" });
    await scene.run();
    expect(await scene.trigger()).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "MissingDevModelInfo" },
    });
    await charger.clock.advance(1_000);
    expect(scene.securityEvents).toContain("CSRGenerationFailed");
    expect(scene.requests).toEqual([]);
  });

  test.each([
    ["longer than a message may be", { status: "Accepted", csr: "x".repeat(5_501) }],
    ["empty", { status: "Accepted", csr: "" }],
    ["absent", { status: "Accepted" }],
    ["refused", { status: "KeyGenError" }],
  ])("a request of the security module that is %s", async (_name, answer) => {
    prepare();
    await scene.run();
    security.misbehave("generate_certificate_signing_request", { answer });
    expect(await scene.trigger()).toEqual({ status: "Accepted" });
    await charger.clock.advance(1_000);
    expect(scene.securityEvents).toContain("CSRGenerationFailed");
    expect(scene.requests).toEqual([]);
  });

  test("two requests at once lead to one that is awaited", async () => {
    prepare();
    await scene.run();
    security.misbehave("generate_certificate_signing_request", { slowMilliseconds: 2_000 });
    await scene.trigger();
    await scene.trigger();
    await charger.clock.advance(3_000);
    expect(scene.requests).toHaveLength(1);
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(1);
  });

  test("a CSMS that leaves out the type means the one that was asked for", async () => {
    prepare();
    await scene.run();
    await ask();
    const chain = scene.sign();
    expect(await scene.deliver(chain, {})).toEqual({ status: "Accepted" });
    expect(await scene.inUse()).toBe(chain);
    // Errata 6.2.5: it may deliver one for each request, also later.
    expect(await scene.deliver(chain, {})).toEqual({ status: "Accepted" });
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
    await scene.run();
    addSettingsOf(charger, 2, { PnCEnabled: "true" });
    await ask();
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(1);
    const answer = await charger.call("GetVariables", {
      getVariableData: [{}, { evse: { id: 2 } }].map((at) => ({
        component: { name: "ISO15118Ctrlr", ...at },
        variable: { name: "PnCEnabled" },
      })),
    });
    expect(answer.body).toMatchObject({
      getVariableResult: [{ attributeValue: "false" }, { attributeValue: "false" }],
    });
  });
});

describe("A02.FR.06, FR.07, FR.20: what is not right is refused, nothing is stored, nothing is asked again", () => {
  const CASES: readonly (readonly [string, () => string])[] = [
    ["expired", () => scene.sign({ notAfter: after(-1_000) })],
    ["not yet valid", () => scene.sign({ notBefore: after(60_000) })],
    ["without the authorities between it and the root", () => scene.sign().replace(hierarchy.cpo.chainPem, "")],
    ["with a forged signature", () => forge(scene.sign()) + hierarchy.cpo.chainPem],
    ["below a forged authority", () => scene.sign().replace(hierarchy.cpo.pem, forge(hierarchy.cpo.pem))],
    ["of an unknown root", () => scene.sign({}, createV2gHierarchy(NOW, "P-256", "Strange "))],
    ["of another key", () => issueSecc(hierarchy, "DEICE1").chainPem],
    ["no certificate", () => "rubbish"],
    ["empty", () => ""],
  ];
  test.each(CASES)("%s", async (_name, chain) => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notAfter: after(5 * DAY) }));
    await scene.run();
    await ask();
    const before = security.inventory;
    const asked = scene.requests.length;
    expect(await scene.deliver(chain())).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidCertificate" },
    });
    expect(scene.securityEvents).toContain("InvalidChargingStationCertificate");
    expect(security.inventory).toEqual(before);
    await charger.clock.advance(HOUR);
    charger.crash();
    await scene.run();
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(asked);
    await ask();
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
  });

  test("an authority that has expired below a root that has not", async () => {
    prepare();
    const expired = hierarchy.v2gRoot.issueAuthority("Old Sub CA", { notAfter: after(-1_000) });
    await scene.run();
    await ask();
    expect(await scene.deliver(expired.sign(scene.requests.at(-1)?.csr ?? "", { notAfter: after(DAY) }))).toMatchObject(
      { status: "Rejected" },
    );
  });

  test.each([
    ["a module that is silent", "silent" as const, "Rejected"],
    ["one that takes its time", { slowMilliseconds: 6_000 }, "Accepted"],
    ["one that lies", { answer: "AllRight" }, "Rejected"],
  ])("%s: answered in time", async (_name, how, status) => {
    prepare();
    await scene.run();
    await ask();
    security.misbehave("update_leaf_certificate", how);
    expect(await scene.deliver(scene.sign())).toMatchObject({ status });
  });
});

describe("A02.FR.17–19: what was begun goes on after kill -9", () => {
  test("promised, but not yet asked: asked after the restart", async () => {
    prepare();
    await scene.run();
    security.misbehave("generate_certificate_signing_request", "silent");
    expect(await scene.trigger()).toEqual({ status: "Accepted" });
    charger.crash();
    security.behave("generate_certificate_signing_request");
    await scene.run();
    expect(scene.requests).toHaveLength(1);
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
  });

  test("asked, but not signed: the answer is taken, else the waits go on where they were, and end", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    await scene.run();
    await ask();
    charger.crash();
    await scene.run();
    expect(scene.requests).toHaveLength(1);
    await charger.clock.advance(10_500);
    expect(scene.requests).toHaveLength(2);
    charger.crash();
    await scene.run();
    await charger.clock.advance(20_500);
    expect(scene.requests).toHaveLength(3);
    await charger.clock.advance(40_500);
    expect(scene.requests).toHaveLength(4);
    await charger.clock.advance(HOUR);
    charger.crash();
    await scene.run();
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(4);
    // Errata 6.2.5: what was asked for is taken later, too.
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
    charger.crash();
    await scene.run();
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(4);
  });

  test("signed while the store was at work: the CSMS may deliver again", async () => {
    prepare();
    await scene.run();
    await ask();
    const chain = scene.sign();
    security.misbehave("update_leaf_certificate", "silent");
    charger.sendText(
      JSON.stringify([2, "x", "CertificateSigned", { certificateChain: chain, certificateType: "V2GCertificate" }]),
    );
    await charger.clock.advance(100);
    charger.crash();
    security.behave("update_leaf_certificate");
    await scene.run();
    expect(await scene.deliver(chain)).toEqual({ status: "Accepted" });
    expect(await scene.inUse()).toBe(chain);
  });
});
