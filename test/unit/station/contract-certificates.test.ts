import { afterEach, describe, expect, test } from "bun:test";
import type { OCSPRequestDataType } from "../../../src/ocpp/v201/index.ts";
import type { CertificateValidation } from "../../../src/station/ports.ts";
import { answerTokens, card, entry, goOffline, present, sendLocalList } from "../../support/authorization.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const emaid = card("DE8AA1A2B3C4D5", "eMAID");
const certificate = "-----BEGIN CERTIFICATE-----\nCONTRACT\n-----END CERTIFICATE-----";
const hash = (serialNumber: string): OCSPRequestDataType => ({
  hashAlgorithm: "SHA256",
  issuerNameHash: "aa",
  issuerKeyHash: "bb",
  serialNumber,
  responderURL: "http://ocsp.example",
});
const start = async (
  variables: Record<string, string> = {},
  validation: CertificateValidation = "Valid",
  hashes: readonly OCSPRequestDataType[] = [hash("1"), hash("2")],
) => {
  charger = await new InProcessCharger(1, variables).start();
  charger.hardwareAnswers.verifyCertificate = () => validation;
  charger.hardwareAnswers.moOcspRequestData = () => hashes;
  await charger.clock.advance(100);
};
const central = (allowed: boolean) => ({ "ISO15118Ctrlr.CentralContractValidationAllowed": String(allowed) });
const asked = () => charger.callsOf("Authorize");

describe("online", () => {
  test("TC_C_50: the CSMS is asked with eMAID and hash data, even if the list knows the eMAID (C07.FR.01, FR.02)", async () => {
    await start();
    await sendLocalList(charger, 1, "Full", [{ idToken: emaid, idTokenInfo: { status: "Accepted" } }]);
    charger.react = () => ({ answer: { idTokenInfo: { status: "Accepted" }, certificateStatus: "Accepted" } });
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Accepted" },
      certificateStatus: "Accepted",
    });
    expect(asked()).toEqual([{ idToken: emaid, iso15118CertificateHashData: [hash("1"), hash("2")] }]);
  });

  test("hash data of the ISO 15118 stack are passed on without verifying again, four at most", async () => {
    await start();
    const given = ["1", "2", "3", "4", "5"].map(hash);
    await present(charger, emaid, { certificate, certificateHashData: given });
    expect(asked()).toEqual([{ idToken: emaid, iso15118CertificateHashData: given.slice(0, 4) }]);
    expect(charger.hardwareCalls.some(({ name }) => name === "verifyCertificate")).toBe(false);
  });

  test("TC_C_51: what the CSMS says of the certificate is told", async () => {
    await start();
    charger.react = () => ({ answer: { idTokenInfo: { status: "Invalid" }, certificateStatus: "CertificateRevoked" } });
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Invalid" },
      certificateStatus: "CertificateRevoked",
    });
  });

  test("TC_C_52: without the root certificate the CSMS gets the chain, where that is allowed (C07.FR.06)", async () => {
    await start(central(true), "IssuerNotFound");
    await present(charger, emaid, { certificate });
    expect(asked()).toEqual([{ idToken: emaid, certificate }]);
  });

  test("incident: an unverified contract was sent as if it were any token; now it is refused", async () => {
    await start(central(false), "IssuerNotFound");
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Invalid");
    await charger.clock.advance(10);
    expect(asked()).toEqual([]);
  });

  test("no hash data to be had: the chain, or Invalid", async () => {
    await start(central(true), "Valid", []);
    await present(charger, emaid, { certificate });
    expect(asked()).toEqual([{ idToken: emaid, certificate }]);
  });

  test("a forged certificate does not charge even if the CSMS, which sees hashes only, takes it", async () => {
    await start(central(false), "InvalidSignature");
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Invalid" },
      certificateStatus: "SignatureError",
    });
    expect(asked()).toHaveLength(1);
  });

  test("an expired certificate is for the CSMS to judge (C07.FR.01)", async () => {
    await start(central(false), "Expired");
    charger.react = () => ({ answer: { idTokenInfo: { status: "Expired" }, certificateStatus: "CertificateExpired" } });
    expect((await present(charger, emaid, { certificate })).certificateStatus).toBe("CertificateExpired");
  });

  test("an eMAID that somebody else than an EV presents is a token like others; an EV needs a certificate (C07.FR.02)", async () => {
    await start(central(true));
    await present(charger, emaid);
    expect(asked()).toEqual([{ idToken: emaid }]);
    expect((await present(charger, emaid, { isPlugAndCharge: true })).idTokenInfo.status).toBe("Invalid");
    expect(asked()).toHaveLength(1);
  });

  test("DisableRemoteAuthorization: the certificate is verified here, list and cache know the eMAID or nobody does", async () => {
    await start({ "AuthCtrlr.DisableRemoteAuthorization": "true" });
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Unknown");
    await sendLocalList(charger, 1, "Full", [{ idToken: emaid, idTokenInfo: { status: "Accepted" } }]);
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Accepted");
    expect(asked()).toEqual([]);
  });
});

describe("offline", () => {
  const offlineWith = async (
    variables: Record<string, string>,
    validation: CertificateValidation,
    listed: boolean = false,
  ) => {
    await start({ "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false", ...variables }, validation);
    if (listed) await sendLocalList(charger, 1, "Full", [{ ...entry("x", "Accepted"), idToken: emaid }]);
    goOffline(charger);
    const { idTokenInfo, certificateStatus } = await present(charger, emaid, { certificate });
    return [idTokenInfo.status, certificateStatus];
  };
  const OFFLINE = { "ISO15118Ctrlr.ContractValidationOffline": "true" };

  test("TC_C_55: ContractValidationOffline false: no charging (C07.FR.07)", async () => {
    expect(await offlineWith({ "ISO15118Ctrlr.ContractValidationOffline": "false" }, "Valid", true)).toEqual([
      "NotAtThisTime",
      undefined,
    ]);
  });

  test("TC_C_54: a valid certificate and an eMAID that list or cache know (C07.FR.08–11)", async () => {
    expect(await offlineWith(OFFLINE, "Valid", true)).toEqual(["Accepted", "Accepted"]);
    charger.dispose();
    await start({ ...OFFLINE, "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" });
    answerTokens(charger, { status: "Accepted" });
    await present(charger, emaid, { certificate });
    goOffline(charger);
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Accepted" },
      certificateStatus: "Accepted",
      source: "cache",
    });
  });

  test("an unknown eMAID charges where unknown ids may (C07.FR.12)", async () => {
    expect(await offlineWith(OFFLINE, "Valid")).toEqual(["Unknown", "Accepted"]);
    charger.dispose();
    expect(await offlineWith({ ...OFFLINE, "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true" }, "Valid")).toEqual([
      "Accepted",
      "Accepted",
    ]);
  });

  test("LocalAuthorizeOffline false: list and cache are not looked at (C07.FR.09)", async () => {
    expect(await offlineWith({ ...OFFLINE, "AuthCtrlr.LocalAuthorizeOffline": "false" }, "Valid", true)).toEqual([
      "Unknown",
      "Accepted",
    ]);
  });

  test("incident: the connection was lost while the CSMS was asked, and the contract charged as any unknown id", async () => {
    await start({
      "ISO15118Ctrlr.ContractValidationOffline": "false",
      "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true",
    });
    charger.react = () => "silence";
    const decision = present(charger, emaid, { certificate });
    await charger.clock.advance(5);
    goOffline(charger);
    expect((await decision).idTokenInfo.status).toBe("NotAtThisTime");
  });

  test.each([
    ["Expired", "Expired", "CertificateExpired"],
    ["IssuerNotFound", "Unknown", undefined],
    ["InvalidSignature", "Unknown", undefined],
    ["InvalidChain", "Unknown", undefined],
  ] as const)("a certificate that is %s does not charge (C07.FR.08)", async (validation, status, certificateStatus) => {
    expect(await offlineWith(OFFLINE, validation, true)).toEqual([status, certificateStatus]);
  });
});
