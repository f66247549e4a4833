import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Peer } from "../everest/everest-module.ts";
import type { EvseSecurityCertificateHashData, EvseSecurityCertificateType } from "../everest/interfaces/index.ts";
import type { OCSPRequestDataType } from "../ocpp/v201/index.ts";
import type { CaCertificateUse, CertificateHash, InstalledCertificate, SecurityPort } from "../station/ports.ts";

function fromHash(hash: CertificateHash): EvseSecurityCertificateHashData {
  return {
    hash_algorithm: hash.hashAlgorithm,
    issuer_name_hash: hash.issuerNameHash,
    issuer_key_hash: hash.issuerKeyHash,
    serial_number: hash.serialNumber,
  };
}

function toHash(hash: EvseSecurityCertificateHashData): CertificateHash {
  return {
    hashAlgorithm: hash.hash_algorithm,
    issuerNameHash: hash.issuer_name_hash,
    issuerKeyHash: hash.issuer_key_hash,
    serialNumber: hash.serial_number,
  };
}

function fromUse(use: InstalledCertificate["use"]): EvseSecurityCertificateType {
  return use === "ManufacturerRootCertificate" ? "MFRootCertificate" : use;
}

function toUse(type: EvseSecurityCertificateType): InstalledCertificate["use"] {
  return type === "MFRootCertificate" ? "ManufacturerRootCertificate" : type;
}

function toOcspRequestData(
  list: readonly {
    readonly certificate_hash_data?: EvseSecurityCertificateHashData;
    readonly responder_url?: string;
  }[],
): readonly OCSPRequestDataType[] {
  return list.flatMap(({ certificate_hash_data, responder_url }) =>
    certificate_hash_data === undefined || responder_url === undefined
      ? []
      : [{ ...toHash(certificate_hash_data), responderURL: responder_url }],
  );
}

function existing(path: string): string | undefined {
  return path !== "" && statSync(path, { throwIfNoEntry: false }) !== undefined ? path : undefined;
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The PEM texts of a file, or of a directory of files. */
function readPemTexts(location: string): readonly string[] {
  const files = statSync(location).isDirectory()
    ? readdirSync(location)
        .filter((file) => /\.(pem|crt)$/.test(file))
        .map((file) => join(location, file))
    : [location];
  return files.flatMap((file) => readText(file) ?? []);
}

/** EVerest's `evse_security`: it keeps all certificates and keys (BEHAVIOUR 14). */
export function createSecurityPort(security: Peer<"evse_security">): SecurityPort {
  const verifyFile = async (use: CaCertificateUse) =>
    existing(await security.call("get_verify_file", { certificate_type: use }));
  const verifyLocation = async (use: CaCertificateUse) =>
    existing(await security.call("get_verify_location", { certificate_type: use }));
  return {
    installCaCertificate: async (pem, use) => {
      const result = await security.call("install_ca_certificate", { certificate: pem, certificate_type: use });
      return result === "Accepted" ? "Accepted" : result === "WriteError" ? "Failed" : "Rejected";
    },
    deleteCertificate: (hash) => security.call("delete_certificate", { certificate_hash_data: fromHash(hash) }),
    installedCertificates: async (uses) => {
      const { certificate_hash_data_chain } = await security.call("get_installed_certificates", {
        certificate_types: uses.map(fromUse),
      });
      return certificate_hash_data_chain.map(
        ({ certificate_type, certificate_hash_data, child_certificate_hash_data }) => ({
          use: toUse(certificate_type),
          hash: toHash(certificate_hash_data),
          children: (child_certificate_hash_data ?? []).map(toHash),
        }),
      );
    },
    generateSigningRequest: async (use, { country, organization, commonName, useTpm }) => {
      const { status, csr } = await security.call("generate_certificate_signing_request", {
        certificate_type: use,
        country,
        organization,
        common: commonName,
        use_tpm: useTpm,
      });
      return status === "Accepted" && csr !== undefined ? { csr } : { failure: status };
    },
    updateLeafCertificate: async (chainPem, use) => {
      const result = await security.call("update_leaf_certificate", {
        certificate_chain: chainPem,
        certificate_type: use,
      });
      return result === "Accepted" ? { accepted: true } : { accepted: false, reason: result };
    },
    verifyCertificate: (chainPem, uses) =>
      security.call("verify_certificate", { certificate_chain: chainPem, certificate_types: uses }),
    leafCertificateFiles: async (use) => {
      const { status, info } = await security.call("get_leaf_certificate_info", {
        certificate_type: use,
        encoding: "PEM",
        include_ocsp: false,
      });
      const certificatePath = info?.certificate ?? info?.certificate_single;
      if (status !== "Accepted" || info === undefined || certificatePath === undefined) return undefined;
      const chainPem = readText(certificatePath);
      return {
        certificatePath,
        keyPath: info.key,
        ...(info.password !== undefined && { password: info.password }),
        ...(chainPem !== undefined && { chainPem }),
      };
    },
    verifyLocation,
    verifyFile,
    caCertificates: async (use) => {
      const location = (await verifyFile(use)) ?? (await verifyLocation(use));
      return location === undefined ? [] : readPemTexts(location);
    },
    leafExpiryDays: (use) => security.call("get_leaf_expiry_days_count", { certificate_type: use }),
    isCaInstalled: (use) => security.call("is_ca_certificate_installed", { certificate_type: use }),
    v2gOcspRequestData: async () =>
      toOcspRequestData((await security.call("get_v2g_ocsp_request_data", {})).ocsp_request_data_list),
    moOcspRequestData: async (chainPem) =>
      toOcspRequestData(
        (await security.call("get_mo_ocsp_request_data", { certificate_chain: chainPem })).ocsp_request_data_list,
      ),
  };
}
