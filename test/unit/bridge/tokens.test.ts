import { describe, expect, test } from "bun:test";
import {
  fromIdToken,
  toAuthorizationQuery,
  toIdToken,
  toPresentedToken,
  toValidationResult,
} from "../../../src/bridge/tokens.ts";
import type { AuthorizationIdToken, AuthorizationProvidedIdToken } from "../../../src/everest/interfaces/index.ts";
import type { IdTokenInfoType } from "../../../src/ocpp/v201/index.ts";

const result = (info: Partial<IdTokenInfoType>) => toValidationResult({ idTokenInfo: { status: "Accepted", ...info } });

describe("tokens", () => {
  test.each(["Central", "eMAID", "ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress"] as const)(
    "%s passes with additional information, both ways",
    (type) => {
      const everest = { value: "A", type, additional_info: [{ value: "1", type: "t" }] };
      const ocpp = { idToken: "A", type, additionalInfo: [{ additionalIdToken: "1", type: "t" }] };
      expect(toIdToken(everest)).toEqual(ocpp);
      expect(fromIdToken(ocpp)).toEqual(everest);
    },
  );

  test("no more additional information than AdditionalInfoItemsPerMessage says", () => {
    const additional_info = Array.from({ length: 9 }, (_, index) => ({ value: String(index), type: "t" }));
    expect(toIdToken({ value: "A", type: "Local", additional_info }).additionalInfo).toHaveLength(8);
  });

  test("a start button has no text (C02.FR.01)", () => {
    expect(toIdToken({ value: "BUTTON", type: "NoAuthorization" })).toEqual({ idToken: "", type: "NoAuthorization" });
  });

  test.each(["DirectPayment", "EVCCID", "VIN"])(
    "%s, a type of later OCPP versions, needs authorization like any other",
    (type) => {
      const id_token = { value: "V", type } as unknown as AuthorizationIdToken;
      const local = { idToken: "V", type: "Local" } as const;
      expect(toIdToken(id_token)).toEqual(local);
      expect(toAuthorizationQuery({ id_token, authorization_type: "Autocharge" }).idToken).toEqual(local);
    },
  );

  test.each<[string, object]>([
    ["type of token", { id_token: { value: "A", type: "Broken" } }],
    ["kind of authorization", { authorization_type: "Broken" }],
    ["hash algorithm", { iso15118CertificateHashData: [{ hashAlgorithm: "MD5" }] }],
  ])("validate_token is refused with an unknown %s", (_, part) => {
    const token = { id_token: { value: "A", type: "Local" }, authorization_type: "RFID", ...part };
    expect(() => toAuthorizationQuery(token as AuthorizationProvidedIdToken)).toThrow(/^unknown word "(Broken|MD5)"$/);
  });

  const longest = "A".repeat(36);
  test.each<[string, Omit<AuthorizationIdToken, "type">, boolean]>([
    ["36 characters", { value: longest }, true],
    ["37 characters", { value: `${longest}A` }, false],
    ["an additional one of 37", { value: "A", additional_info: [{ value: `${longest}A`, type: "t" }] }, false],
    ["a kind of 51", { value: "A", additional_info: [{ value: "A", type: "t".repeat(51) }] }, false],
  ])("what OCPP has no room for is refused at the border: %s", (_, text, fits) => {
    const provided = { id_token: { type: "Local", ...text }, authorization_type: "RFID" } as const;
    const ask = () => toAuthorizationQuery(provided);
    if (fits) expect(ask().idToken.idToken).toBe(longest);
    else expect(ask).toThrow(/OCPP has room for/);
    const lines: string[] = [];
    expect(toPresentedToken(provided, (line) => lines.push(line)) !== undefined).toBe(fits);
    expect(lines).toHaveLength(fits ? 0 : 1);
    expect(lines.join()).not.toContain(longest);
  });

  test("a group that OCPP has no room for is left out, the token stays", () => {
    const id_token = { value: "A", type: "Local" } as const;
    const parent_id_token = { value: `${longest}A`, type: "Central" } as const;
    const lines: string[] = [];
    const provided = { id_token, parent_id_token, authorization_type: "RFID" } as const;
    expect(toPresentedToken(provided, (line) => lines.push(line))).toEqual({
      idToken: { idToken: "A", type: "Local" },
      remote: false,
    });
    expect(lines).toEqual(["The group of the token is left out: a token of 37 characters, OCPP has room for 36"]);
  });

  test("what comes with a contract certificate, and EVSEs (named connectors), is handed on (C07.FR.02, C01.FR.20)", () => {
    const hash = {
      hashAlgorithm: "SHA256" as const,
      issuerNameHash: "a",
      issuerKeyHash: "b",
      serialNumber: "1",
      responderURL: "http://ocsp",
    };
    expect(
      toAuthorizationQuery({
        id_token: { value: "DE8AA", type: "eMAID" },
        authorization_type: "PlugAndCharge",
        certificate: "PEM",
        iso15118CertificateHashData: [hash],
        connectors: [2],
      }),
    ).toEqual({
      idToken: { idToken: "DE8AA", type: "eMAID" },
      certificate: "PEM",
      certificateHashData: [hash],
      isPlugAndCharge: true,
      evseIds: [2],
    });
  });

  test.each([{ issuerNameHash: "a".repeat(129) }, { serialNumber: "1".repeat(41) }, { responderURL: "u".repeat(513) }])(
    "hash data that OCPP has no room for are refused: %p",
    (more) => {
      const hash = {
        hashAlgorithm: "SHA256" as const,
        issuerNameHash: "a",
        issuerKeyHash: "b",
        serialNumber: "1",
        responderURL: "http://ocsp",
      };
      expect(() =>
        toAuthorizationQuery({
          id_token: { value: "DE8AA", type: "eMAID" },
          authorization_type: "PlugAndCharge",
          iso15118CertificateHashData: [{ ...hash, ...more }],
        }),
      ).toThrow("no room");
    },
  );
});

describe("the answer to validate_token (BEHAVIOUR 7)", () => {
  test("every field that OCPP has something for", () => {
    expect(
      toValidationResult({
        idTokenInfo: {
          status: "Accepted",
          cacheExpiryDateTime: "2030-01-01T00:00:00+01:00",
          groupIdToken: { idToken: "G", type: "Central" },
          evseId: [1, 3],
          personalMessage: { format: "UTF8", language: "en", content: "Hello" },
        },
        certificateStatus: "ContractCancelled",
      }),
    ).toEqual({
      authorization_status: "Accepted",
      certificate_status: "ContractCancelled",
      expiry_time: "2029-12-31T23:00:00.000Z",
      parent_id_token: { value: "G", type: "Central" },
      evse_ids: [1, 3],
      tariff_messages: [{ format: "UTF8", language: "en", content: "Hello" }],
    });
  });

  test("an empty list of EVSEs means all of them (C01.FR.19)", () => {
    expect(result({ evseId: [] })).toEqual({ authorization_status: "Accepted", tariff_messages: [] });
  });

  test("texts in the driver's first language come first, then those in the second (C01.FR.08, FR.09)", () => {
    const text = (content: string, language?: string) => ({
      format: "UTF8" as const,
      content,
      ...(language !== undefined && { language }),
    });
    const customData = {
      vendorId: "org.openchargealliance.multilanguage",
      personalMessageExtra: [
        text("Bonjour", "fr"),
        text("Hallo", "de"),
        text("Hoi", "nl"),
        text("Hej", "sv"),
        text("x"),
      ],
    };
    const messages = (info: Partial<IdTokenInfoType>) =>
      result({ personalMessage: text("Hello", "en"), customData, ...info }).tariff_messages.map(
        ({ content }) => content,
      );
    expect(messages({ language1: "de", language2: "fr" })).toEqual(["Hallo", "Bonjour", "Hello", "Hoi", "Hej"]);
    expect(messages({ language1: "it", language2: "nl" })).toEqual(["Hoi", "Hello", "Bonjour", "Hallo", "Hej"]);
    expect(messages({})).toEqual(["Hello", "Bonjour", "Hallo", "Hoi", "Hej"]);
    expect(messages({ customData: { vendorId: "somebody.else", personalMessageExtra: "?" } })).toEqual(["Hello"]);
  });

  test("an accepted driver without a tariff of the CSMS gets the configured text (I04.FR.01), another one not (I01.FR.03)", () => {
    const text = (content: string, language: string) => ({ format: "UTF8" as const, language, content });
    const fallback = [text("0.30 per kWh", "en"), text("0,30 je kWh", "de")];
    const contents = (info: IdTokenInfoType) =>
      toValidationResult({ idTokenInfo: info }, fallback).tariff_messages.map(({ content }) => content);
    expect(contents({ status: "Accepted" })).toEqual(["0.30 per kWh", "0,30 je kWh"]);
    expect(contents({ status: "Accepted", language1: "de" })).toEqual(["0,30 je kWh", "0.30 per kWh"]);
    expect(contents({ status: "Accepted", personalMessage: text("yours", "en") })).toEqual(["yours"]);
    expect(contents({ status: "Blocked" })).toEqual([]);
  });
});
