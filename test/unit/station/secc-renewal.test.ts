/** A03 for the certificate that the station shows to vehicles, and one certificate for the CSMS and for vehicles. */
import { afterEach, describe, expect, test } from "bun:test";
import type { SimulatedSecurity } from "../../../src/sim/everest/security/simulated-security.ts";
import { createV2gHierarchy, issueSecc, type V2gHierarchy } from "../../../src/sim/everest/security/v2g-hierarchy.ts";
import type { InProcessCharger } from "../../support/in-process-charger.ts";
import { after, DAY, HOUR, NOW, SeccScene, type SeccSceneOptions } from "../../support/secc-scene.ts";

const PROFILE_3 = {
  "SecurityCtrlr.SecurityProfile": "3",
  "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
    { configurationSlot: 1, connectionData: { ocppCsmsUrl: "wss://csms", securityProfile: 3 } },
  ]),
  "OCPPCommCtrlr.NetworkConfigurationPriority": "1",
};

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

describe("A03: before it expires", () => {
  const requestedAfterFirstCheck = async () => {
    await charger.clock.advance(61_000);
    return scene.requests.length;
  };

  test("a month before, and when there is none (A03.FR.02, FR.03, FR.13)", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notAfter: after(30 * DAY + HOUR / 2) }));
    await scene.run();
    expect(await requestedAfterFirstCheck()).toBe(0);
    await charger.clock.advance(HOUR);
    expect(scene.requests[0]).toMatchObject({ certificateType: "V2GCertificate" });
    expect(await scene.deliver(scene.sign({ notBefore: NOW }))).toEqual({ status: "Accepted" });
    const asked = scene.requests.length;
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(asked);
  });

  test("none at all", async () => {
    prepare();
    await scene.run();
    expect(await requestedAfterFirstCheck()).toBe(1);
  });

  test("that of another root: asked for once, whatever root the CSMS signs for", async () => {
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    prepare();
    security.putRoot("V2G", other.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", { notBefore: after(-1_000) }));
    security.putLeaf("V2G", issueSecc(other, "DEICE1", { notBefore: after(-9_000), notAfter: after(9 * DAY) }));
    await scene.run();
    expect(await requestedAfterFirstCheck()).toBe(1);
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(1);
  });

  test("a security module that does not know the question after all roots", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    security.misbehave("get_all_valid_certificates_info", "silent");
    await scene.run();
    expect(await requestedAfterFirstCheck()).toBe(0);
    await ask();
    expect(await scene.deliver(scene.sign())).toEqual({ status: "Accepted" });
  });
});

describe("A02: one certificate for the CSMS and for vehicles", () => {
  test("where leaf certificates lie apart the trigger is not implemented (TC_F_27)", async () => {
    prepare();
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("CSMS", issueSecc(hierarchy, "cp001"));
    await scene.run();
    expect(await scene.trigger("SignCombinedCertificate")).toEqual({ status: "NotImplemented" });
  });

  const prepareShared = async () => {
    prepare(PROFILE_3, { sharesLeaves: true });
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "cp001", { notBefore: after(-5_000) }));
    await scene.run();
  };

  test("where they lie together: asked for without a type, installed for both, shown to the CSMS at once (A02.FR.08)", async () => {
    await prepareShared();
    expect(await scene.trigger("SignCombinedCertificate")).toEqual({ status: "Accepted" });
    await charger.clock.advance(200);
    expect(scene.requests).toEqual([{ csr: expect.any(String) }]);
    const chain = scene.sign({ notBefore: after(-1_000) });
    expect(await scene.deliver(chain, {})).toEqual({ status: "Accepted" });
    expect(await scene.inUse()).toBe(chain);
    expect(charger.attempts).toHaveLength(2);
    await charger.clock.advance(HOUR);
    expect(scene.requests).toHaveLength(1);
  });

  test("what the CSMS side refuses is taken back from the ISO 15118 side (A02.FR.07)", async () => {
    await prepareShared();
    const before = security.inventory;
    await scene.trigger("SignCombinedCertificate");
    await charger.clock.advance(200);
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    security.putRoot("V2G", other.v2gRoot.pem);
    expect(await scene.deliver(scene.sign({}, other), {})).toMatchObject({ status: "Rejected" });
    expect(security.inventory.filter((name) => !name.includes("root"))).toEqual(
      before.filter((name) => !name.includes("root")),
    );
  });

  test("renewed as one before it expires", async () => {
    prepare(PROFILE_3, { sharesLeaves: true });
    security.putRoot("CSMS", hierarchy.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "cp001", { notAfter: after(9 * DAY) }));
    await scene.run();
    await charger.clock.advance(61_000);
    expect(scene.requests).toEqual([{ csr: expect.any(String) }]);
  });
});
