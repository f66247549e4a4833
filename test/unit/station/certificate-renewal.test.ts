import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificateHash, LeafCertificateFiles } from "../../../src/station/ports.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

const directory = mkdtempSync(join(tmpdir(), "renewal-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let rootPem: string;
const leaves: LeafCertificateFiles[] = [];
beforeAll(() => {
  const authority = new TestAuthority(directory, "root");
  rootPem = readFileSync(authority.rootPath, "utf8");
  for (const name of ["old", "new", "newer"]) {
    const files = authority.issue(name, ["station"]);
    leaves.push({ ...files, chainPem: readFileSync(files.certificatePath, "utf8") });
  }
});
const leaf = (name: "old" | "new" | "newer"): LeafCertificateFiles & { chainPem: string } => {
  const found = leaves[["old", "new", "newer"].indexOf(name)];
  if (found?.chainPem === undefined) throw new Error(`no leaf ${name}`);
  return { ...found, chainPem: found.chainPem };
};
const nameOf = (path: string | undefined) => /(\w+)\.pem$/.exec(path ?? "")?.[1] ?? "none";

let charger: InProcessCharger;
/** What the hardware side offers as the newest, what was deleted there, and which certificates the CSMS takes. */
let newest: LeafCertificateFiles | undefined;
let deleted: CertificateHash[];
let valid: readonly string[];
let shown: string[];
beforeEach(() => {
  newest = undefined;
  deleted = [];
  valid = ["old", "new", "newer"];
  shown = [];
});
afterEach(() => charger.dispose());

const create = (variables: Record<string, string> = {}): void => {
  charger = new InProcessCharger(1, {
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1",
    "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
    "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "2",
    ...variables,
  });
  charger.clock.jumpTo(new Date());
  charger.judge = ({ profile, certificatePath }) => {
    if (profile.securityProfile !== 3) return undefined;
    shown.push(nameOf(certificatePath));
    return valid.includes(nameOf(certificatePath)) ? undefined : { kind: "network", text: "connection reset" };
  };
  charger.hardwareAnswers = {
    leafCertificateFiles: (use) => (use === "CSMS" ? newest : undefined),
    caCertificates: () => [rootPem],
    updateLeafCertificate: (chain) => {
      newest = leaves.find(({ chainPem }) => chainPem === chain);
      return { accepted: true };
    },
    deleteCertificate: (hash) => {
      deleted.push(hash as CertificateHash);
      return "Accepted";
    },
  };
};
const run = async () => {
  await charger.start();
  await charger.clock.advance(100);
};
const PROFILE_3 = {
  "SecurityCtrlr.SecurityProfile": "3",
  "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
    { configurationSlot: 1, connectionData: { ocppCsmsUrl: "wss://csms", securityProfile: 3 } },
  ]),
  "OCPPCommCtrlr.NetworkConfigurationPriority": "1",
};
const startWithCertificate = async () => {
  create(PROFILE_3);
  newest = leaf("old");
  await run();
  expect(shown).toEqual(["old"]);
};
const deliver = async (certificateChain: string, certificateType = "ChargingStationCertificate") =>
  (await charger.call("CertificateSigned", { certificateChain, certificateType })).body as { status: string };
const securityEvents = () => charger.callsOf("SecurityEventNotification").map(({ type }) => type);
const trigger = (requestedMessage: string) => charger.call("TriggerMessage", { requestedMessage });
const signRequests = () => charger.callsOf("SignCertificate").length;

describe("A02, A03: which certificate the station presents", () => {
  test("the new one at once; once it has connected the old one is discarded (A02.FR.08, FR.10, A03.FR.08, FR.10)", async () => {
    await startWithCertificate();
    expect(await deliver(leaf("new").chainPem)).toEqual({ status: "Accepted" });
    await charger.clock.advance(5_000);
    expect(shown).toEqual(["old", "new"]);
    expect(charger.csms.connected).toBe(true);
    expect(deleted).toHaveLength(1);
    expect(securityEvents()).not.toContain("DiscardedRenewedClientCertificate");
  });

  test("old and new in turns when no profile works with the new one; the unused one is discarded and reported (A02.FR.28, FR.29, A03.FR.24, FR.25)", async () => {
    await startWithCertificate();
    valid = [];
    await deliver(leaf("new").chainPem);
    await charger.clock.advance(60_000);
    expect(shown.slice(1, 7)).toEqual(["new", "new", "old", "old", "new", "new"]);
    valid = ["old"];
    await charger.clock.advance(60_000);
    expect(charger.csms.connected).toBe(true);
    expect(securityEvents()).toContain("DiscardedRenewedClientCertificate");
    expect(deleted).toHaveLength(1);
    // Even if the hardware side goes on offering it.
    charger.crash();
    shown = [];
    await run();
    expect(shown).toEqual(["old"]);
    expect(securityEvents().filter((type) => type === "DiscardedRenewedClientCertificate")).toHaveLength(1);
  });

  test("a discarded one that the hardware side refuses the second time stays discarded", async () => {
    await startWithCertificate();
    valid = ["old"];
    await deliver(leaf("new").chainPem);
    await charger.clock.advance(60_000);
    charger.hardwareAnswers.updateLeafCertificate = () => ({ accepted: false });
    expect(await deliver(leaf("new").chainPem)).toMatchObject({ status: "Rejected" });
    charger.crash();
    shown = [];
    await run();
    expect(shown).toEqual(["old"]);
  });

  test("a renewal after a discarded one starts anew, and the one that works stays at hand", async () => {
    await startWithCertificate();
    valid = ["old"];
    await deliver(leaf("new").chainPem);
    await charger.clock.advance(60_000);
    await deliver(leaf("newer").chainPem);
    await charger.clock.advance(60_000);
    expect(shown.at(-1)).toBe("old");
    valid = ["newer"];
    await deliver(leaf("newer").chainPem);
    await charger.clock.advance(60_000);
    expect(charger.csms.connected).toBe(true);
    expect(shown.at(-1)).toBe("newer");
    expect(securityEvents().filter((type) => type === "DiscardedRenewedClientCertificate")).toHaveLength(2);
  });

  test("several signed certificates before the next connection do not push out the one that works", async () => {
    await startWithCertificate();
    valid = [];
    charger.reachable = false;
    await deliver(leaf("new").chainPem);
    newest = leaf("newer");
    valid = ["old"];
    charger.reachable = true;
    await charger.clock.advance(60_000);
    expect(charger.csms.connected).toBe(true);
    expect(shown.at(-1)).toBe("old");
  });

  test.each(["before the hardware side has it", "after"])("kill -9 %s: the station comes back", async (moment) => {
    await startWithCertificate();
    valid = ["old"];
    if (moment === "after") await deliver(leaf("new").chainPem);
    else {
      charger.hardwareAnswers.updateLeafCertificate = () => new Promise(() => {});
      charger.sendText(JSON.stringify([2, "x", "CertificateSigned", { certificateChain: leaf("new").chainPem }]));
      await charger.clock.advance(10);
    }
    charger.crash();
    await run();
    await charger.clock.advance(60_000);
    expect(charger.csms.connected).toBe(true);
    expect(shown.at(-1)).toBe("old");
  });

  test("what the hardware side refuses changes nothing", async () => {
    await startWithCertificate();
    charger.hardwareAnswers.updateLeafCertificate = () => ({ accepted: false, reason: "InvalidSignature" });
    expect(await deliver(leaf("new").chainPem)).toMatchObject({ status: "Rejected" });
    charger.disconnect();
    await charger.clock.advance(10_000);
    expect(shown).toEqual(["old", "old"]);
    expect(deleted).toEqual([]);
  });

  test("with a password in use nothing is connected anew", async () => {
    create();
    await run();
    expect(await deliver(leaf("new").chainPem)).toEqual({ status: "Accepted" });
    await charger.clock.advance(1_000);
    expect(charger.attempts).toHaveLength(1);
  });
});

describe("A02, A03: CertificateSigned is checked", () => {
  test.each([
    ["not yet valid", -2],
    ["expired", 30],
  ])("%s: Rejected and InvalidChargingStationCertificate (A02.FR.06, FR.07, A03.FR.06, FR.07)", async (_, days) => {
    create();
    await run();
    charger.clock.jumpTo(new Date(Date.now() + days * 86_400_000));
    expect(await deliver(leaf("new").chainPem)).toMatchObject({ status: "Rejected" });
    await charger.clock.advance(100);
    expect(securityEvents()).toContain("InvalidChargingStationCertificate");
    expect(charger.hardwareCalls.some(({ name }) => name === "updateLeafCertificate")).toBe(false);
  });

  test("longer than MaxCertificateChainSize: Rejected (A02.FR.16, A03.FR.16)", async () => {
    create({ "SecurityCtrlr.MaxCertificateChainSize": "100" });
    await run();
    expect(await deliver("x".repeat(101))).toMatchObject({ status: "Rejected" });
    expect(await deliver("x".repeat(100))).toEqual({ status: "Accepted" });
  });

  test("an invalid one ends the repetitions, until the CSMS asks again (A02.FR.20)", async () => {
    create({
      ...PROFILE_3,
      "SecurityCtrlr.CertSigningWaitMinimum": "20",
      "SecurityCtrlr.CertSigningRepeatTimes": "5",
    });
    newest = leaf("old");
    await run();
    await trigger("SignChargingStationCertificate");
    charger.hardwareAnswers.updateLeafCertificate = () => ({ accepted: false, reason: "Expired" });
    await deliver("x");
    charger.hardwareAnswers.leafExpiryDays = () => 1;
    await charger.clock.advance(86_400_000);
    expect(signRequests()).toBe(1);
    await trigger("SignChargingStationCertificate");
    await charger.clock.advance(100);
    expect(signRequests()).toBe(2);
  });
});

describe("A02, A03: SignCertificate", () => {
  test("on request of the CSMS, after the answer, with the kind asked for (A02.FR.02, FR.03, FR.13)", async () => {
    create({
      "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "true",
      "ISO15118Ctrlr.SeccId": "SECC1",
      "InternalCtrlr.UseTPMSeccLeafCertificate": "true",
    });
    await run();
    await trigger("SignV2GCertificate");
    await charger.clock.advance(100);
    expect(charger.callsOf("SignCertificate")).toEqual([{ csr: "CSR", certificateType: "V2GCertificate" }]);
    expect(charger.hardwareCalls.find(({ name }) => name === "generateSigningRequest")?.args).toMatchObject([
      "V2G",
      { commonName: "SECC1", useTpm: true },
    ]);
  });

  test("TC_A_23: the first repetition was counted as an increment, so one request was missing (A02.FR.17–19, A03.FR.17–19)", async () => {
    create({ "SecurityCtrlr.CertSigningWaitMinimum": "3", "SecurityCtrlr.CertSigningRepeatTimes": "1" });
    await run();
    await trigger("SignChargingStationCertificate");
    const counts: number[] = [];
    for (const seconds of [2, 2, 4, 2, 3_600]) {
      await charger.clock.advance(seconds * 1000);
      counts.push(signRequests());
    }
    expect(counts).toEqual([1, 2, 2, 3, 3]);
    // Errata 6.2.5: what was asked for is taken later, too.
    expect(await deliver(leaf("new").chainPem)).toEqual({ status: "Accepted" });
    await trigger("SignChargingStationCertificate");
    await charger.clock.advance(100);
    expect(signRequests()).toBe(4);
  });

  test("while there is no connection nothing is counted, and no key is made in vain", async () => {
    create({ "SecurityCtrlr.CertSigningWaitMinimum": "5", "SecurityCtrlr.CertSigningRepeatTimes": "1" });
    await run();
    await trigger("SignChargingStationCertificate");
    charger.reachable = false;
    charger.disconnect();
    await charger.clock.advance(3_600_000);
    charger.reachable = true;
    await charger.clock.advance(600_000);
    expect(signRequests()).toBe(3);
    expect(charger.hardwareCalls.filter(({ name }) => name === "generateSigningRequest")).toHaveLength(3);
  });

  test("a month before the certificate expires, without being asked (A03.FR.02, FR.03, FR.13)", async () => {
    create({ ...PROFILE_3, "SecurityCtrlr.CertSigningRepeatTimes": "0" });
    newest = leaf("old");
    await run();
    charger.hardwareAnswers.leafExpiryDays = () => 30;
    await charger.clock.advance(61_000);
    expect(signRequests()).toBe(0);
    charger.hardwareAnswers.leafExpiryDays = () => 29;
    await charger.clock.advance(43_200_000);
    expect(charger.callsOf("SignCertificate")).toEqual([{ csr: "CSR", certificateType: "ChargingStationCertificate" }]);
  });

  test("a CSMS that does not sign for ISO 15118 switches Plug & Charge off until the next boot (A02.FR.21)", async () => {
    create({
      "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "true",
      "ISO15118Ctrlr.SeccId": "SECC1",
      "ISO15118Ctrlr.PnCEnabled": "true",
    });
    await run();
    charger.react = () => ({ answer: { status: "Rejected" } });
    await trigger("SignV2GCertificate");
    await charger.clock.advance(100);
    const read = async () =>
      (
        (
          await charger.call("GetVariables", {
            getVariableData: [{ component: { name: "ISO15118Ctrlr" }, variable: { name: "PnCEnabled" } }],
          })
        ).body as { getVariableResult: { attributeValue: string }[] }
      ).getVariableResult[0]?.attributeValue;
    expect(await read()).toBe("false");
    charger.crash();
    charger.react = (call) => ({
      answer:
        call.action === "BootNotification"
          ? { currentTime: new Date().toISOString(), interval: 300, status: "Accepted" }
          : {},
    });
    await run();
    expect(await read()).toBe("true");
  });

  test("without a request from the hardware side, or without a subject, the CSMS is told", async () => {
    create({ "SecurityCtrlr.OrganizationName": "" });
    await run();
    await trigger("SignChargingStationCertificate");
    await charger.clock.advance(100);
    expect(signRequests()).toBe(0);
    expect(charger.callsOf("SecurityEventNotification").at(-1)).toMatchObject({
      type: "CSRGenerationFailed",
      techInfo: expect.stringContaining("organization"),
    });
  });
});
