/** OCSP status of V2G certificates (M06), on the compiled executable with real certificates in EVerest's store. */
import { describe, expect, test } from "bun:test";
import type { GetCertificateStatusResponse, OCSPRequestDataType } from "../../src/ocpp/v201/index.ts";
import {
  createV2gHierarchy,
  issueSecc,
  signSecc,
  type V2gHierarchy,
} from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { ocspAnswer } from "../../src/sim/ocsp-responder.ts";
import { certificateHash, parseCertificates } from "../../src/station/model/certificate.ts";
import { onCharger, type TestSystem } from "../support/test-system.ts";

const ISO15118Ctrlr = {
  SeccId: "DEICEE12345",
  CountryName: "DE",
  OrganizationName: "ICE",
  V2GCertificateInstallationEnabled: true,
};

/** What the CSMS is to be asked about, leaf first, by its serial number in lower case. */
function expectedRequests(chainPem: string, { v2gRoot }: V2gHierarchy): readonly object[] {
  const chain = [...parseCertificates(chainPem), ...parseCertificates(v2gRoot.pem)];
  return chain.slice(0, -1).map((certificate, index) => {
    const issuer = chain[index + 1];
    if (issuer === undefined) throw new Error("a chain without root");
    return { ...certificateHash(certificate, issuer), responderURL: expect.stringMatching(/^http:/) };
  });
}

const requestsOf = ({ charger }: TestSystem): readonly OCSPRequestDataType[] =>
  charger.csms.calls
    .filter(({ action }) => action === "GetCertificateStatus")
    .map(({ request }) => request.ocspRequestData as OCSPRequestDataType);
const serials = (requests: readonly object[]) =>
  requests.map((request) => (request as OCSPRequestDataType).serialNumber).sort();

type Answer = (request: OCSPRequestDataType) => GetCertificateStatusResponse | undefined;
const good: Answer = (request) => ({ status: "Accepted", ocspResult: ocspAnswer(request) });

const answerWith = ({ charger }: TestSystem, answer: Answer): void =>
  charger.csms.on("GetCertificateStatus", ({ ocspRequestData }) => answer(ocspRequestData));

const given = ({ charger }: TestSystem) => [...charger.security.ocspResponses.keys()].sort();

async function until(isSo: () => boolean): Promise<void> {
  for (let waited = 0; !isSo(); waited += 20) {
    if (waited > 15_000) throw new Error("it did not come to it within 15 s");
    await Bun.sleep(20);
  }
}

/** A station whose factory has put an SECC certificate in; it is started by the scenario. */
const withSecc = (
  scenario: (system: TestSystem, expected: readonly object[], hierarchy: V2gHierarchy) => Promise<void>,
) =>
  onCharger({ certificates: "separate", stopped: true, patch: { ISO15118Ctrlr } }, async (system) => {
    const hierarchy = createV2gHierarchy(new Date());
    const { security } = system.charger;
    security.putRoot("V2G", hierarchy.v2gRoot.pem);
    const secc = issueSecc(hierarchy, ISO15118Ctrlr.SeccId);
    security.putLeaf("V2G", secc);
    answerWith(system, good);
    await scenario(system, expectedRequests(secc.chainPem, hierarchy), hierarchy);
  });

/** Memory state RenewV2GChargingStationCertificate; the new chain. */
async function renew(system: TestSystem, hierarchy: V2gHierarchy): Promise<string> {
  await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
  const { csr } = await system.receive("SignCertificate", { certificateType: "V2GCertificate" });
  const certificateChain = signSecc(hierarchy, String(csr));
  await system.send(
    "CertificateSigned",
    { certificateType: "V2GCertificate", certificateChain },
    { status: "Accepted" },
  );
  return certificateChain;
}

test.each(["P-256", "P-521"] as const)(
  "TC_M_24_CS with %s: after a new certificate the CSMS is asked about it and both intermediates (M06.FR.06, FR.07)",
  (curve) =>
    onCharger({ certificates: "separate", patch: { ISO15118Ctrlr } }, async (system) => {
      const hierarchy = createV2gHierarchy(new Date(), curve);
      system.charger.security.curve = curve;
      system.charger.security.putRoot("V2G", hierarchy.v2gRoot.pem);
      answerWith(system, good);
      const expected = expectedRequests(await renew(system, hierarchy), hierarchy);
      expect(expected).toHaveLength(3);
      await until(() => given(system).length === 3);
      expect(requestsOf(system)).toEqual(expected as OCSPRequestDataType[]);
      expect(given(system)).toEqual(serials(expected));
      for (const answer of system.charger.security.ocspResponses.values())
        expect(Buffer.from(answer, "base64").toString("base64")).toBe(answer);
    }),
  20_000,
);

describe("after the boot", () => {
  test(
    "the CSMS is asked about leaf and intermediates; after a restart nobody asks again, and the module has all answers",
    () =>
      withSecc(async (system, expected) => {
        const { charger } = system;
        await charger.startStation();
        await until(() => given(system).length === 3);
        expect(requestsOf(system)).toEqual(expected as OCSPRequestDataType[]);
        await charger.end("SIGKILL");
        charger.security.ocspResponses.clear();
        await charger.startStation();
        await until(() => given(system).length === 3);
        await Bun.sleep(500);
        expect(requestsOf(system)).toHaveLength(3);
      }),
    30_000,
  );

  const bad: readonly (readonly [string, (about: OCSPRequestDataType, first: OCSPRequestDataType) => unknown])[] = [
    ["Failed", () => ({ status: "Failed" })],
    ["an unknown status", (about) => ({ status: "Good", ocspResult: ocspAnswer(about) })],
    ["a result for another certificate", (_about, first) => ({ status: "Accepted", ocspResult: ocspAnswer(first) })],
    ["a result that is no DER", () => ({ status: "Accepted", ocspResult: "b2NzcA==" })],
    ["a result that is too long", () => ({ status: "Accepted", ocspResult: "A".repeat(5_504) })],
  ];
  test.each(bad)("%s: that one is not stored, the round goes on", (_what, answer) =>
    withSecc(async (system, expected) => {
      const [first, second] = expected as readonly OCSPRequestDataType[];
      if (first === undefined || second === undefined) throw new Error("no chain");
      answerWith(system, (request) =>
        request.serialNumber === second.serialNumber ? (answer(request, first) as never) : good(request),
      );
      await system.charger.startStation();
      await until(() => given(system).length === 2);
      expect(requestsOf(system)).toEqual(expected as OCSPRequestDataType[]);
      expect(given(system)).not.toContain(second.serialNumber);
      expect(system.charger.log).toContain(`There is no OCSP answer for the V2G certificate ${second.serialNumber}`);
    }),
  );
});

describe("kill -9", () => {
  test(
    "while the CSMS is being asked: the round goes on behind what was stored",
    () =>
      withSecc(async (system, expected) => {
        const { charger } = system;
        const [first = "", second = "", third = ""] = expected.map(
          (request) => (request as OCSPRequestDataType).serialNumber,
        );
        answerWith(system, (request) => (request.serialNumber === second ? undefined : good(request)));
        await charger.startStation();
        await until(() => requestsOf(system).length === 2 && given(system).length === 1);
        await charger.end("SIGKILL");
        charger.security.ocspResponses.clear();
        answerWith(system, good);
        await charger.startStation();
        await until(() => given(system).length === 3);
        expect(requestsOf(system).map(({ serialNumber }) => serialNumber)).toEqual([first, second, second, third]);
      }),
    30_000,
  );

  test(
    "while an answer is being handed over: it is handed over after the restart",
    () =>
      withSecc(async (system) => {
        const { charger } = system;
        charger.security.misbehave("update_ocsp_cache", "silent");
        await charger.startStation();
        await until(() => charger.everest.recorded("update_ocsp_cache").length === 1);
        await charger.end("SIGKILL");
        charger.security.behave("update_ocsp_cache");
        await charger.startStation();
        await until(() => given(system).length === 3);
        expect(requestsOf(system)).toHaveLength(3);
      }),
    30_000,
  );

  test(
    "after a new certificate was taken: it and the intermediates are asked about after the restart (M06.FR.07)",
    () =>
      withSecc(async (system, expected, hierarchy) => {
        const { charger } = system;
        await charger.startStation();
        await until(() => given(system).length === 3);
        system.skip();
        const renewed = expectedRequests(await renew(system, hierarchy), hierarchy);
        await charger.end("SIGKILL");
        const before = requestsOf(system).length;
        charger.security.ocspResponses.clear();
        await charger.startStation();
        await until(() => serials(renewed).every((serial) => given(system).includes(serial)));
        await Bun.sleep(300);
        const after = serials(requestsOf(system).slice(before));
        expect(after).toEqual(expect.arrayContaining([...serials(renewed)]));
        expect(after.every((serial) => [...serials(renewed), ...serials(expected)].includes(serial))).toBe(true);
      }),
    30_000,
  );
});
