import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ocspAnswer } from "../../../src/sim/ocsp-responder.ts";
import { readOcspAnswer } from "../../../src/station/m-certificates/ocsp-answer.ts";
import { certificateHash, parseCertificates } from "../../../src/station/model/certificate.ts";
import type { CertificateHash } from "../../../src/station/ports.ts";
import { TestAuthority } from "../../support/certificates.ts";

const certificate: CertificateHash = {
  hashAlgorithm: "SHA256",
  issuerNameHash: "0a".repeat(32),
  issuerKeyHash: "0b".repeat(32),
  serialNumber: "90FF",
};
const why = (text: string): string => {
  try {
    return readOcspAnswer(text, certificate).status;
  } catch (error) {
    return (error as Error).message;
  }
};

describe("answers of openssl", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "ocsp-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  test.each(["-sha1", "-sha256", "-sha384", "-sha512"])(
    "good, revoked and not known, named by %s (M06.FR.08, FR.09)",
    (digest) => {
      const authority = new TestAuthority(join(directory, digest), "root");
      const [good, revoked, foreign] = ["good", "revoked", "foreign"].map((name) => authority.issue(name, [name]));
      if (good === undefined || revoked === undefined || foreign === undefined) throw new Error("not issued");
      authority.revoke(revoked);
      const path = (name: string): string => join(directory, digest, name);
      const ask = (certificatePath: string, index: string): string => {
        const run = (...args: readonly string[]) =>
          execFileSync("openssl", ["ocsp", ...args], { stdio: ["ignore", "ignore", "ignore"] });
        run(digest, "-issuer", authority.rootPath, "-cert", certificatePath, "-reqout", path("q.der"));
        const responder = ["-CA", authority.rootPath, "-rsigner", authority.rootPath, "-rkey", path("root.key")];
        run("-index", index, ...responder, "-ndays", "7", "-reqin", path("q.der"), "-respout", path("a.der"));
        return readFileSync(path("a.der")).toString("base64");
      };
      const read = (name: string, index = path("root.index.txt")) => {
        const [leaf] = parseCertificates(readFileSync(path(`${name}.pem`), "utf8"));
        const [root] = parseCertificates(readFileSync(authority.rootPath, "utf8"));
        if (leaf === undefined || root === undefined) throw new Error("not issued");
        const upper = digest.slice(1).toUpperCase();
        const hash = certificateHash(leaf, root, upper === "SHA1" ? "SHA256" : (upper as "SHA256"));
        return readOcspAnswer(ask(path(`${name}.pem`), index), hash);
      };
      expect(read("good").status).toBe("good");
      expect(read("revoked").status).toBe("revoked");
      const days = ((read("good").nextUpdate?.getTime() ?? 0) - Date.now()) / 86_400_000;
      expect(Math.round(days)).toBe(7);
      expect(() => read("foreign", "/dev/null")).toThrow("does not know the certificate");
    },
  );
});

test("an answer with line breaks is handed on without; nextUpdate may be missing", () => {
  const plain = ocspAnswer(certificate);
  const wrapped = plain.replace(/(.{64})/g, "$1\n");
  expect(readOcspAnswer(wrapped, certificate)).toEqual({ result: plain, status: "good", nextUpdate: undefined });
});

test("hash data are compared without regard to case and leading zeros", () => {
  const same = {
    ...certificate,
    issuerNameHash: certificate.issuerNameHash.toUpperCase(),
    issuerKeyHash: certificate.issuerKeyHash.toUpperCase(),
    serialNumber: "0090ff",
  };
  expect(readOcspAnswer(ocspAnswer(certificate), same).status).toBe("good");
});

test.each([
  ["another serial number", { ...certificate, serialNumber: "90fe" }],
  ["another issuer", { ...certificate, issuerNameHash: "0c".repeat(32) }],
  ["another key of the issuer", { ...certificate, issuerKeyHash: "0c".repeat(32) }],
])("an answer about another certificate, by %s, is none", (_what, other) => {
  expect(why(ocspAnswer(other))).toBe("it is about another certificate");
});

test("a responder that names certificates by other hashes is believed by the serial number", () => {
  expect(why(ocspAnswer(certificate, { algorithm: "SHA1" }))).toBe("good");
  expect(why(ocspAnswer({ ...certificate, serialNumber: "1" }, { algorithm: "SHA1" }))).toBe(
    "it is about another certificate",
  );
});

test.each([
  ["nothing", "", "it is not base64"],
  ["text", "not base64!", "it is not base64"],
  ["no DER", "QUJD", "no OCSPResponse"],
  ["BER without length", "MIA=", "no OCSPResponse"],
  ["success without an answer", "MAMKAQA=", "no OCSPResponse: responseBytes is missing"],
  ["a length without end", Buffer.from(`30840fffffff${"00".repeat(8)}`, "hex").toString("base64"), "it ends too soon"],
  ["tryLater", ocspAnswer(certificate, { responseStatus: 3 }), "the responder has no answer: tryLater"],
  ["another status", ocspAnswer(certificate, { responseStatus: 9 }), "the responder has no answer: 9"],
  ["another kind", ocspAnswer(certificate, { kind: "2b0601050507300102" }), "its kind is not id-pkix-ocsp-basic"],
  ["unknown", ocspAnswer(certificate, { status: "unknown" }), "the responder does not know the certificate"],
])("%s is no answer", (_what, text, reason) => {
  expect(why(text)).toContain(reason);
});

test("an answer that is cut or changed at any place is read or refused, nothing else", () => {
  const whole = Buffer.from(ocspAnswer(certificate, { nextUpdate: new Date("2026-01-08T00:00:00Z") }), "base64");
  for (let at = 0; at < whole.length; at++) {
    expect(why(whole.subarray(0, at).toString("base64"))).not.toMatch(/^(good|revoked)$/);
    for (const change of [0x01, 0x80, 0xff]) {
      const changed = Buffer.from(whole);
      changed[at] = (changed[at] ?? 0) ^ change;
      expect(why(changed.toString("base64"))).toMatch(/^(good|revoked|no OCSPResponse|it is|its kind|the responder)/);
    }
  }
  const followed = Buffer.concat([whole, Buffer.from([0])]);
  expect(why(followed.toString("base64"))).toBe("no OCSPResponse: something follows it");
});
