/** kill -9 at random instants of the exchanges about certificates, on the compiled executable with a real store. */
import { expect, test } from "bun:test";
import { createV2gHierarchy, issueSecc, signSecc } from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { certificateHash, parseCertificates } from "../../src/station/model/certificate.ts";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const ROUNDS = Number(process.env.CERTIFICATE_KILL_ROUNDS ?? 5);
/** From before the question to the security module to well after the answer. */
const LATEST_KILL_MILLISECONDS = 40;
const hierarchy = createV2gHierarchy(new Date());

async function withCharger(scenario: (charger: Charger, random: SeededRandom) => Promise<void>): Promise<void> {
  const charger = await Charger.start({
    certificates: "separate",
    evseCount: 1,
    patch: {
      ISO15118Ctrlr: { V2GCertificateInstallationEnabled: true, SeccId: "DEICE1" },
      SecurityCtrlr: { OrganizationName: "ICE", CertSigningWaitMinimum: 1, CertSigningRepeatTimes: 3 },
    },
  });
  try {
    charger.security.putRoot("V2G", hierarchy.v2gRoot.pem);
    charger.security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    await scenario(charger, new SeededRandom(15_118));
    expect([...charger.csms.violations, ...charger.everest.violations]).toEqual([]);
  } finally {
    await charger.stop();
  }
}

/** The process ends a while after the CALL was sent; resolves to whether its answer said Accepted. */
async function killWhile(charger: Charger, call: Promise<unknown>, random: SeededRandom): Promise<boolean> {
  let accepted = false;
  call.then(
    (answer) => {
      accepted = JSON.stringify(answer).includes('"Accepted"');
    },
    () => {},
  );
  await Bun.sleep(random.below(LATEST_KILL_MILLISECONDS));
  await charger.end("SIGKILL");
  return accepted;
}

const requestsOf = (charger: Charger) => charger.csms.calls.filter(({ action }) => action === "SignCertificate");

test(
  `A02: kill -9 at ${ROUNDS} instants of a promised request: it comes, before or after`,
  () =>
    withCharger(async (charger, random) => {
      for (let round = 0; round < ROUNDS; round++) {
        const from = charger.csms.calls.length;
        const call = charger.csms.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" });
        const promised = await killWhile(charger, call, random);
        await charger.startStation();
        if (!promised) continue;
        await charger.csms.waitFor("SignCertificate", () => true, 8_000, from);
        const csr = String(requestsOf(charger).at(-1)?.request.csr);
        const certificateChain = signSecc(hierarchy, csr);
        expect(
          await charger.csms.send("CertificateSigned", { certificateChain, certificateType: "V2GCertificate" }),
        ).toMatchObject({ response: { status: "Accepted" } });
      }
    }),
  120_000,
);

test(
  `A02: kill -9 at ${ROUNDS} instants of CertificateSigned: what was Accepted serves, and there is always one that does`,
  () =>
    withCharger(async (charger, random) => {
      for (let round = 0; round < ROUNDS; round++) {
        const from = charger.csms.calls.length;
        await charger.csms.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" });
        await charger.csms.waitFor("SignCertificate", () => true, 8_000, from);
        const certificateChain = signSecc(hierarchy, String(requestsOf(charger).at(-1)?.request.csr));
        const [leaf] = parseCertificates(certificateChain);
        const isKept = () => charger.security.serialNumbers("V2G").includes(leaf?.serialNumber.toLowerCase() ?? "none");
        const signed = { certificateChain, certificateType: "V2GCertificate" } as const;
        const accepted = await killWhile(charger, charger.csms.send("CertificateSigned", signed), random);
        if (accepted) expect(isKept()).toBe(true);
        expect(charger.security.serialNumbers("V2G")).not.toEqual([]);
        await charger.startStation();
        // A CSMS without an answer delivers again.
        expect(await charger.csms.send("CertificateSigned", signed)).toMatchObject({
          response: { status: "Accepted" },
        });
        expect(isKept()).toBe(true);
        const asked = requestsOf(charger).length;
        await Bun.sleep(1_500);
        expect(requestsOf(charger)).toHaveLength(asked);
      }
    }),
  120_000,
);

test(
  `M04, M05: kill -9 at ${ROUNDS} instants of an installation and a deletion: what was Accepted is done`,
  () =>
    withCharger(async (charger, random) => {
      const { pem: certificate } = hierarchy.moRoot;
      const [root] = parseCertificates(certificate);
      if (root === undefined) throw new Error("no root");
      const isThere = () => charger.security.hasRoot("MO", certificate);
      const install = { certificateType: "MORootCertificate", certificate } as const;
      const remove = { certificateHashData: certificateHash(root, root) };
      for (let round = 0; round < ROUNDS; round++) {
        if (await killWhile(charger, charger.csms.send("InstallCertificate", install), random))
          expect(isThere()).toBe(true);
        await charger.startStation();
        expect(await charger.csms.send("InstallCertificate", install)).toMatchObject({
          response: { status: "Accepted" },
        });
        if (await killWhile(charger, charger.csms.send("DeleteCertificate", remove), random))
          expect(isThere()).toBe(false);
        await charger.startStation();
        const again = await charger.csms.send("DeleteCertificate", remove);
        expect(["Accepted", "NotFound"]).toContain((again as { response: { status: string } }).response.status);
        expect(isThere()).toBe(false);
      }
    }),
  120_000,
);
