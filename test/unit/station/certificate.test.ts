import { afterAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  certificateHash,
  certificateHashAmong,
  chainDefect,
  fingerprint,
  isIssuedBy,
  isNamedBy,
  isSameHash,
  parseCertificates,
  rootDefect,
} from "../../../src/station/model/certificate.ts";
import { TestAuthority } from "../../support/certificates.ts";

const directory = mkdtempSync(join(tmpdir(), "certificate-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const only = (path: string) => {
  const [certificate] = parseCertificates(readFileSync(path, "utf8"));
  if (certificate === undefined) throw new Error(`no certificate in ${path}`);
  return certificate;
};

test.each(["ec", "rsa"] as const)(
  "the hash data of a certificate with an %s key are those of openssl (M03.FR.04)",
  (algorithm) => {
    const authority = new TestAuthority(join(directory, algorithm), "root");
    const { certificatePath } = authority.issue("leaf", ["station"], { algorithm });
    const request = execFileSync(
      "openssl",
      ["ocsp", "-sha256", "-issuer", authority.rootPath, "-cert", certificatePath, "-req_text", "-no_nonce"],
      { encoding: "utf8" },
    );
    const field = (name: string) => new RegExp(`${name}: ([0-9A-F]+)`).exec(request)?.[1]?.toLowerCase() ?? "";
    const leaf = only(certificatePath);
    const hash = certificateHash(leaf, only(authority.rootPath));
    const expected = {
      hashAlgorithm: "SHA256" as const,
      issuerNameHash: field("Issuer Name Hash"),
      issuerKeyHash: field("Issuer Key Hash"),
      serialNumber: field("Serial Number").replace(/^0+/, ""),
    };
    expect(hash).toEqual(expected);
    expect(isNamedBy(leaf, hash)).toBe(true);
    expect(isNamedBy(only(authority.rootPath), hash)).toBe(false);
    expect(isSameHash(hash, { ...hash, serialNumber: `0${hash.serialNumber.toUpperCase()}` })).toBe(true);
    expect(isIssuedBy(leaf, only(authority.rootPath))).toBe(true);
    expect(isIssuedBy(only(authority.rootPath), leaf)).toBe(false);
  },
);

test.each(["ed448", "brainpool"])(
  "a root with an %s key, which Bun does not know, is left to the hardware side to judge",
  (kind) => {
    const path = join(directory, `${kind}.pem`);
    const key =
      kind === "ed448" ? ["-newkey", "ed448"] : ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"];
    const out = ["-keyout", join(directory, `${kind}.key`), "-out", path];
    execFileSync("openssl", ["req", "-x509", ...key, "-nodes", "-subj", "/CN=root", ...out], { stdio: "pipe" });
    const root = only(path);
    const files = ["-issuer", path, "-cert", path];
    const request = execFileSync("openssl", ["ocsp", "-sha256", ...files, "-req_text", "-no_nonce"], {
      encoding: "utf8",
    });
    expect(request.toLowerCase()).toContain(`issuer key hash: ${certificateHash(root, root).issuerKeyHash}`);
    expect(rootDefect(root, new Date())).toBeUndefined();
    expect(chainDefect([root], new Date())).toBeUndefined();
    expect(certificateHashAmong(root, [root])).toEqual(certificateHash(root, root));
    expect(isIssuedBy(root, root)).toBe(false);
  },
);

test("what is no certificate has a name all the same, and no certificates in it", () => {
  expect(parseCertificates("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")).toEqual([]);
  expect(fingerprint("PEM\n")).toBe(fingerprint("PEM"));
  expect(fingerprint("PEM")).not.toBe(fingerprint("other"));
});
