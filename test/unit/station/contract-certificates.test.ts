import { afterEach, describe, expect, test } from "bun:test";
import type { OCSPRequestDataType } from "../../../src/ocpp/v201/index.ts";
import type { CertificateValidation } from "../../../src/station/ports.ts";
import {
  answerTokens,
  card,
  entry,
  goOffline,
  present,
  sendLocalList,
  setVariable,
} from "../../support/authorization.ts";
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
const OFFLINE = { "ISO15118Ctrlr.ContractValidationOffline": "true" };
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

  test("an expired certificate is told to the CSMS, in whose words it is refused (C07.FR.01)", async () => {
    await start(central(false), "Expired");
    charger.react = () => ({ answer: { idTokenInfo: { status: "Expired" }, certificateStatus: "CertificateExpired" } });
    expect((await present(charger, emaid, { certificate })).certificateStatus).toBe("CertificateExpired");
  });

  test.each([
    ["Expired", "Expired", "CertificateExpired"],
    ["InvalidLeafSignature", "Invalid", "SignatureError"],
    ["InvalidChain", "Invalid", "CertChainError"],
    ["Unknown", "Invalid", "CertChainError"],
  ] as const)(
    "a certificate that is %s does not charge, even if the CSMS accepts what it sees of it; nothing is remembered",
    async (validation, status, certificateStatus) => {
      await start({ ...central(false), ...OFFLINE }, validation);
      charger.react = () => ({ answer: { idTokenInfo: { status: "Accepted" }, certificateStatus: "Accepted" } });
      expect(await present(charger, emaid, { certificate })).toMatchObject({
        idTokenInfo: { status },
        certificateStatus,
      });
      expect(asked()).toEqual([{ idToken: emaid, iso15118CertificateHashData: [hash("1"), hash("2")] }]);
      expect(charger.core.authCache.entries).toBe(0);
    },
  );

  test.each(["InvalidChain", "Unknown"] as const)(
    "a chain that is %s and that the CSMS gets is for the CSMS to judge (C07.FR.06)",
    async (validation) => {
      await start(central(true), validation, []);
      charger.react = () => ({ answer: { idTokenInfo: { status: "Accepted" }, certificateStatus: "Accepted" } });
      expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Accepted");
    },
  );

  test("neither root nor hash data, and the CSMS may not be asked for more: why is told to the vehicle", async () => {
    await start(central(false), "Expired", []);
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Expired" },
      certificateStatus: "CertificateExpired",
    });
    charger.hardwareAnswers.verifyCertificate = () => "IssuerNotFound";
    expect(await present(charger, emaid, { certificate })).toMatchObject({
      idTokenInfo: { status: "Invalid" },
      certificateStatus: "CertChainError",
    });
    expect(asked()).toEqual([]);
  });

  test.each([
    ["Accepted", "Accepted", "Accepted"],
    ["Accepted", "ConcurrentTx", "ConcurrentTx"],
    ["ContractCancelled", "Blocked", "Blocked"],
    ["CertificateExpired", "Expired", "Expired"],
    ["CertificateRevoked", "Invalid", "Invalid"],
    ["CertChainError", "Invalid", "Invalid"],
    ["CertificateExpired", "Accepted", "Expired"],
    ["CertificateRevoked", "Accepted", "Invalid"],
    ["CertChainError", "Accepted", "Invalid"],
    ["ContractCancelled", "Accepted", "Invalid"],
    ["NoCertificateAvailable", "Accepted", "Invalid"],
    ["SignatureError", "Accepted", "Invalid"],
    [undefined, "Accepted", "Accepted"],
    [undefined, "Unknown", "Unknown"],
  ] as const)(
    "the CSMS says %s of the certificate and %s of the eMAID: %s (C07.FR.13–17)",
    async (certificateStatus, status, expected) => {
      await start();
      const ofCertificate = certificateStatus !== undefined && { certificateStatus };
      charger.react = () => ({ answer: { idTokenInfo: { status }, ...ofCertificate } });
      const decision = await present(charger, emaid, { certificate });
      expect(decision).toEqual({ idTokenInfo: { status: expected }, ...ofCertificate, source: "csms" });
    },
  );

  test("a token that the CSMS accepts with a revoked certificate does not charge offline either", async () => {
    await start(OFFLINE);
    charger.react = () => ({
      answer: { idTokenInfo: { status: "Accepted" }, certificateStatus: "CertificateRevoked" },
    });
    await present(charger, emaid, { certificate });
    goOffline(charger);
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Invalid");
  });

  test.each([
    ["Accepted", "a status of the certificate that nobody knows", { certificateStatus: "Fine" }],
    ["Perhaps", "a status of the eMAID that nobody knows", {}],
  ])("%s with %s does not charge", async (status, _what, more) => {
    await start();
    charger.react = () => ({ answer: { idTokenInfo: { status }, ...more } });
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Unknown");
  });

  test("the CSMS does not answer: no charging, and an end to the waiting", async () => {
    await start();
    charger.react = () => "silence";
    expect((await present(charger, emaid, { certificate }, 31_000)).idTokenInfo.status).toBe("Unknown");
  });

  test("a security module that gives no answer: the CSMS decides by the hash data", async () => {
    await start();
    charger.hardwareAnswers.verifyCertificate = () => Promise.reject(new Error("no answer in 8 s"));
    expect((await present(charger, emaid, { certificate })).idTokenInfo.status).toBe("Accepted");
    expect(asked()).toHaveLength(1);
  });

  test("a chain of more than 5,500 characters has no room in AuthorizeRequest: refused, nothing leaves", async () => {
    await start(central(true), "IssuerNotFound");
    const long = `${certificate}\n`.repeat(100);
    expect((await present(charger, emaid, { certificate: long })).idTokenInfo.status).toBe("Invalid");
    expect(asked()).toEqual([]);
    await present(charger, emaid, { certificate: long.slice(0, 5_500) });
    expect(asked()).toHaveLength(1);
  });

  test.each(["", "MIIB", "-----BEGIN CERTIFICATE REQUEST-----"])(
    "a certificate that is no PEM text is none: %p",
    async (text) => {
      await start(central(true));
      expect((await present(charger, emaid, { certificate: text })).idTokenInfo.status).toBe("Invalid");
      expect(asked()).toEqual([]);
    },
  );

  test("hash data of the security module with wrong lengths are not sent: the chain, or refused", async () => {
    await start(central(true), "Valid", [{ ...hash("1"), issuerKeyHash: "b".repeat(129) }]);
    await present(charger, emaid, { certificate });
    expect(asked()).toEqual([{ idToken: emaid, certificate }]);
  });

  test.each(["PnCEnabled", "Enabled"])("%s false: no contract charges; other tokens do", async (variable) => {
    await start();
    await setVariable(charger, "ISO15118Ctrlr", variable, "false");
    expect((await present(charger, emaid, { certificate, evseIds: [1] })).idTokenInfo.status).toBe("Invalid");
    expect(asked()).toEqual([]);
    expect((await present(charger, card("04A1B2C3D4"))).idTokenInfo.status).toBe("Accepted");
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

  test("list and cache know an eMAID in whatever letter case it is presented", async () => {
    await start({ ...OFFLINE, "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" });
    await sendLocalList(charger, 1, "Full", [{ ...entry("x", "Blocked"), idToken: emaid }]);
    answerTokens(charger, { status: "Accepted" });
    await present(charger, card("FR8AA9", "eMAID"), { certificate });
    goOffline(charger);
    const status = async (text: string) =>
      (await present(charger, card(text, "eMAID"), { certificate })).idTokenInfo.status;
    expect([await status(emaid.idToken.toLowerCase()), await status("fr8Aa9")]).toEqual(["Blocked", "Accepted"]);
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
