/** The simulated store of certificates, with openssl as witness: what other tests are built on must be real. */
import { afterAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { createSign } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { forge, SimulatedAuthority } from "../../../src/sim/everest/security/authority.ts";
import { SimulatedSecurity } from "../../../src/sim/everest/security/simulated-security.ts";
import {
  createV2gHierarchy,
  issueContract,
  issueSecc,
  signSecc,
  type V2gHierarchy,
  validFor,
} from "../../../src/sim/everest/security/v2g-hierarchy.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const directory = mkdtempSync(join(tmpdir(), "simulated-security-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Certificates know no milliseconds. */
const NOW = new Date(Math.floor(Date.now() / 1000) * 1000);
const DAY = 24 * 3_600_000;
let count = 0;
let clock: FakeClock;
let security: SimulatedSecurity;
let told: unknown[];
let store: string;
const ask = async (command: string, args: Record<string, unknown> = {}) => {
  const answer = security.commands[command];
  if (answer === undefined) throw new Error(`no command ${command}`);
  return answer(args) as Promise<never>;
};
const file = (name: string, content: string): string => {
  const path = join(directory, `${++count}-${name}`);
  writeFileSync(path, content);
  return path;
};
const openssl = (...args: string[]) => execFileSync("openssl", args, { encoding: "utf8", stdio: "pipe" });

beforeEach(() => {
  clock = new FakeClock();
  clock.jumpTo(NOW);
  told = [];
  const bus = {
    variable: async (_module: string, _implementation: string, name: string, value: unknown) =>
      void told.push([name, value]),
  };
  store = join(directory, `store-${++count}`);
  security = new SimulatedSecurity(bus, store, clock);
});

/** The hash data as openssl puts them into an OCSP request. */
function hashData(pem: string, issuerPem: string) {
  const files = ["-issuer", file("issuer.pem", issuerPem), "-cert", file("certificate.pem", pem)];
  const request = openssl("ocsp", "-sha256", ...files, "-req_text", "-no_nonce");
  const member = (name: string) => new RegExp(`${name}: (\\w+)`).exec(request)?.[1]?.toLowerCase();
  return {
    hash_algorithm: "SHA256",
    issuer_name_hash: member("Issuer Name Hash"),
    issuer_key_hash: member("Issuer Key Hash"),
    serial_number: member("Serial Number"),
  };
}

/** An SECC certificate over the CSR of the store. */
async function renewSecc(hierarchy: V2gHierarchy, notBefore = new Date(NOW.getTime() - DAY)): Promise<string> {
  const { csr } = (await ask("generate_certificate_signing_request", {
    certificate_type: "V2G",
    common: "DEICE1",
    organization: "ICE",
    country: "DE",
    use_tpm: false,
  })) as { csr: string };
  const chain = signSecc(hierarchy, csr, { notBefore });
  expect(await ask("update_leaf_certificate", { certificate_chain: chain, certificate_type: "V2G" })).toBe(
    "Accepted" as never,
  );
  return chain;
}

describe.each(["P-256", "P-521"] as const)("hierarchies and requests on %s", (curve) => {
  const hierarchy = createV2gHierarchy(NOW, curve);

  test("openssl verifies chains of two sub CAs, and refuses a forged one", () => {
    const root = file("root.pem", hierarchy.moRoot.pem);
    const { pem, chainPem } = issueContract(hierarchy, "DE8AA1A2B3C4D5");
    const verify = (leaf: string) =>
      openssl(
        "verify",
        "-x509_strict",
        "-CAfile",
        root,
        "-untrusted",
        file("chain.pem", chainPem),
        file("leaf.pem", leaf),
      );
    expect(verify(pem)).toContain("OK");
    expect(() => verify(forge(pem))).toThrow("certificate signature failure");
  });

  test("openssl reads the request that the store makes, the certificate for it and its key", async () => {
    security.curve = curve;
    security.putRoot("V2G", hierarchy.v2gRoot.pem);
    const chain = await renewSecc(hierarchy);
    const csr = security.requests[0]?.csr ?? "";
    expect(openssl("req", "-verify", "-noout", "-subject", "-in", file("request.pem", csr))).toContain("DEICE1");
    expect(openssl("x509", "-noout", "-subject", "-in", file("secc.pem", chain))).toContain("CN = DEICE1, DC = CPO");
    const { info } = (await ask("get_leaf_certificate_info", { certificate_type: "V2G" })) as unknown as {
      info: { key: string; certificate: string };
    };
    expect(readFileSync(info.certificate, "utf8")).toBe(chain);
    expect(openssl("pkey", "-pubout", "-in", info.key)).toBe(
      openssl("x509", "-pubkey", "-noout", "-in", info.certificate),
    );
  });

  test("the V2G chain is listed with its children; the hashes are those of RFC 6960", async () => {
    security.putRoot("V2G", hierarchy.v2gRoot.pem);
    security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1"));
    const chainPath = join(store, `client/cso/leaf-${security.serialNumbers("V2G")[0]}.chain.pem`);
    const chain = readFileSync(chainPath, "utf8").match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/g) ?? [];
    const [leaf = "", sub2 = "", sub1 = ""] = chain;
    const list = await ask("get_installed_certificates", {
      certificate_types: ["V2GRootCertificate", "V2GCertificateChain", "MORootCertificate"],
    });
    const root = hierarchy.v2gRoot.pem;
    const expected = [hashData(leaf, sub2), hashData(sub2, sub1), hashData(sub1, root)];
    expect(list as unknown).toEqual({
      status: "Accepted",
      certificate_hash_data_chain: [
        { certificate_type: "V2GRootCertificate", certificate_hash_data: hashData(root, root) },
        {
          certificate_type: "V2GCertificateChain",
          certificate_hash_data: expected[0],
          child_certificate_hash_data: expected.slice(1),
        },
      ],
    });
    expect((await ask("get_v2g_ocsp_request_data")) as unknown).toEqual({
      ocsp_request_data_list: expected.map((certificate_hash_data) => ({
        certificate_hash_data,
        responder_url: "http://ocsp.example/cpo",
      })),
    });
  });

  test("contract certificates: verified against MO roots, with OCSP data of each", async () => {
    const { chainPem } = issueContract(hierarchy, "DE8AA1A2B3C4D5");
    const question = { certificate_chain: chainPem, certificate_types: ["MO", "V2G"] };
    const data = async () =>
      ((await ask("get_mo_ocsp_request_data", { certificate_chain: chainPem })) as { ocsp_request_data_list: [] })
        .ocsp_request_data_list.length;
    expect([await ask("verify_certificate", question), await data()]).toEqual(["IssuerNotFound", 0] as never);
    security.putRoot("MO", hierarchy.moRoot.pem);
    expect([await ask("verify_certificate", question), await data()]).toEqual(["Valid", 3] as never);
  });
});

describe("the store", () => {
  const hierarchy = createV2gHierarchy(NOW);
  const install = (certificate: string, certificate_type = "MO") =>
    ask("install_ca_certificate", { certificate, certificate_type }) as Promise<unknown>;
  const verify = (certificate_chain: string) =>
    ask("verify_certificate", { certificate_chain, certificate_types: ["MO"] }) as Promise<unknown>;

  test("roots: installed and told, replaced, bundled in a file, deleted by their hash", async () => {
    const { pem } = hierarchy.moRoot;
    expect(await install(pem)).toBe("Accepted");
    expect(await install(pem)).toBe("Accepted");
    expect(await install("rubbish")).toBe("InvalidFormat");
    expect(await install(SimulatedAuthority.root("old", validFor(NOW, -1)).pem)).toBe("Expired");
    security.maximumRoots = 1;
    expect(await install(hierarchy.oemRoot.pem)).toBe("CertificateStoreMaxLengthExceeded");
    const bundle = (await ask("get_verify_file", { certificate_type: "MO" })) as string;
    expect(readFileSync(bundle, "utf8")).toBe(pem);
    expect((await ask("is_ca_certificate_installed", { certificate_type: "MO" })) as boolean).toBe(true);
    const hash = hashData(pem, pem);
    const remove = () => ask("delete_certificate", { certificate_hash_data: hash }) as Promise<unknown>;
    expect(await remove()).toBe("Accepted");
    expect(await remove()).toBe("NotFound");
    expect(readFileSync(bundle, "utf8")).toBe("");
    const update = (operation: string) => ["certificate_store_update", { operation, ca_certificate_type: "MO" }];
    expect(told).toEqual([update("Installed"), update("Installed"), update("Deleted")]);
  });

  test("chains that are expired, too early, forged or broken do not verify", async () => {
    security.putRoot("MO", hierarchy.moRoot.pem);
    const { pem, chainPem } = issueContract(hierarchy, "DE8AA1A2B3C4D5");
    expect(await verify(chainPem)).toBe("Valid");
    expect(await verify(pem)).toBe("IssuerNotFound");
    expect(await verify(chainPem.replace(pem, forge(pem)))).toBe("InvalidLeafSignature");
    const sub1 = hierarchy.mo.issuer?.pem ?? "";
    expect(await verify(chainPem.replace(sub1, forge(sub1)))).toBe("InvalidSignature");
    expect(await verify("rubbish")).toBe("Unknown");
    const late = issueContract(hierarchy, "DE1", { notAfter: new Date(NOW.getTime() - 1_000) });
    expect(await verify(late.chainPem)).toBe("Expired");
    const leafAsIssuer = pem + hierarchy.mo.pem;
    expect(await verify(leafAsIssuer)).toBe("IssuerNotFound");
  });

  test("SECC leaves: only with the key of a request; the newest of each root serves (A02.FR.15)", async () => {
    const other = createV2gHierarchy(NOW, "P-256", "Other ");
    expect(
      (await ask("update_leaf_certificate", {
        certificate_chain: issueSecc(hierarchy, "DEICE1").chainPem,
        certificate_type: "V2G",
      })) as unknown,
    ).toBe("NoRootCertificateInstalled");
    security.putRoot("V2G", hierarchy.v2gRoot.pem);
    security.putRoot("V2G", other.v2gRoot.pem);
    expect(
      (await ask("update_leaf_certificate", {
        certificate_chain: issueSecc(hierarchy, "DEICE1").chainPem,
        certificate_type: "V2G",
      })) as unknown,
    ).toBe("WriteError");
    await renewSecc(hierarchy, new Date(NOW.getTime() - 3_000));
    const newest = await renewSecc(hierarchy, new Date(NOW.getTime() - 1_000));
    await renewSecc(hierarchy, new Date(NOW.getTime() - 2_000));
    await renewSecc(other, new Date(NOW.getTime() - 9_000));
    const { info } = (await ask("get_all_valid_certificates_info", { certificate_type: "V2G" })) as {
      info: readonly { certificate: string; certificate_root: string }[];
    };
    expect(info.map(({ certificate_root }) => certificate_root)).toEqual([hierarchy.v2gRoot.pem, other.v2gRoot.pem]);
    expect(readFileSync(info[0]?.certificate ?? "", "utf8")).toBe(newest);
    expect(security.serialNumbers("V2G")).toHaveLength(4);
    expect((await ask("get_leaf_expiry_days_count", { certificate_type: "V2G" })) as number).toBe(3_650);
    expect(told.at(-1)).toEqual(["certificate_store_update", { operation: "Installed", leaf_certificate_type: "V2G" }]);
  });

  test("an SECC leaf is deleted with its key; without a key it does not serve", async () => {
    security.putRoot("V2G", hierarchy.v2gRoot.pem);
    const secc = issueSecc(hierarchy, "DEICE1");
    security.putLeaf("V2G", secc);
    const leafInfo = () =>
      ask("get_leaf_certificate_info", { certificate_type: "V2G" }) as Promise<{
        status: string;
        info?: { key: string };
      }>;
    const key = (await leafInfo()).info?.key ?? "";
    const content = readFileSync(key);
    writeFileSync(key, "");
    expect((await leafInfo()).status).toBe("PrivateKeyNotFound");
    writeFileSync(key, content);
    const hash = hashData(secc.pem, hierarchy.cpo.pem);
    expect((await ask("delete_certificate", { certificate_hash_data: hash })) as unknown).toBe("Accepted");
    expect(existsSync(key)).toBe(false);
    expect((await leafInfo()).status).toBe("NotFound");
    expect((await ask("get_leaf_expiry_days_count", { certificate_type: "V2G" })) as number).toBe(0);
  });

  test("OCSP answers are kept for their certificate, signatures of files checked", async () => {
    await ask("update_ocsp_cache", { certificate_hash_data: { serial_number: "AB" }, ocsp_response: "MAA=" });
    expect([...security.ocspResponses]).toEqual([["ab", "MAA="]]);
    const signer = issueContract(hierarchy, "signer");
    const path = file("firmware", "new firmware");
    const signature = createSign("sha256").update("new firmware").sign(signer.keys.privateKey).toString("base64");
    const isSigned = (file_path: string) =>
      ask("verify_file_signature", { file_path, signing_certificate: signer.pem, signature }) as Promise<unknown>;
    expect(await isSigned(path)).toBe(true);
    expect(await isSigned(file("other", "other firmware"))).toBe(false);
    expect(await isSigned("/nonexistent")).toBe(false);
  });

  test("it can be silent, slow, or lie, and be itself again", async () => {
    security.misbehave("is_ca_certificate_installed", { answer: true });
    const isInstalled = () => ask("is_ca_certificate_installed", { certificate_type: "MO" }) as Promise<unknown>;
    expect(await isInstalled()).toBe(true);
    security.misbehave("is_ca_certificate_installed", { slowMilliseconds: 5_000 });
    const answers: unknown[] = [];
    void isInstalled().then((answer) => answers.push(answer));
    await clock.advance(4_000);
    expect(answers).toEqual([]);
    await clock.advance(2_000);
    expect(answers).toEqual([false]);
    security.misbehave("is_ca_certificate_installed", "silent");
    void isInstalled().then((answer) => answers.push(answer));
    await clock.advance(600_000);
    expect(answers).toEqual([false]);
    security.behave("is_ca_certificate_installed");
    expect(await isInstalled()).toBe(false);
  });
});
