import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Peer } from "../everest/everest-module.ts";
import {
  type EvseSecurityCertificateHashData,
  type EvseSecurityCertificateInfo,
  type EvseSecurityCertificateType,
  EvseSecurityCertificateValidationResultWords,
  EvseSecurityDeleteCertificateResultWords,
} from "../everest/interfaces/index.ts";
import { CertificateHashDataTypeSchema, type OCSPRequestDataType } from "../ocpp/v201/index.ts";
import type {
  CaCertificateUse,
  CertificateHash,
  InstalledCertificate,
  LeafCertificateFiles,
  SecurityPort,
} from "../station/ports.ts";
import { known } from "./words.ts";

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

const USES: ReadonlyMap<string, InstalledCertificate["use"]> = new Map([
  ["V2GRootCertificate", "V2GRootCertificate"],
  ["MORootCertificate", "MORootCertificate"],
  ["CSMSRootCertificate", "CSMSRootCertificate"],
  ["V2GCertificateChain", "V2GCertificateChain"],
  ["MFRootCertificate", "ManufacturerRootCertificate"],
]);

/** OCPP could not name a certificate by a hash of any other kind or length. */
function isHash(hash: EvseSecurityCertificateHashData): boolean {
  return v.is(CertificateHashDataTypeSchema, toHash(hash));
}

function toOcspRequestData(
  list: readonly {
    readonly certificate_hash_data?: EvseSecurityCertificateHashData;
    readonly responder_url?: string;
  }[],
): readonly OCSPRequestDataType[] {
  return list.flatMap(({ certificate_hash_data, responder_url }) =>
    certificate_hash_data === undefined || !responder_url || !isHash(certificate_hash_data)
      ? [] // Without a responder nobody can be asked (M06, remarks).
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

function toFiles({
  key,
  certificate,
  certificate_single,
  password,
}: EvseSecurityCertificateInfo): LeafCertificateFiles | undefined {
  const certificatePath = certificate ?? certificate_single;
  if (certificatePath === undefined) return undefined;
  const chainPem = readText(certificatePath);
  return {
    certificatePath,
    keyPath: key,
    ...(password !== undefined && { password }),
    ...(chainPem !== undefined && { chainPem }),
  };
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
    deleteCertificate: async (hash) => {
      const result = await security.call("delete_certificate", { certificate_hash_data: fromHash(hash) });
      return known(EvseSecurityDeleteCertificateResultWords, result, "Failed");
    },
    installedCertificates: async (uses) => {
      const { certificate_hash_data_chain } = await security.call("get_installed_certificates", {
        certificate_types: uses.map(fromUse),
      });
      return certificate_hash_data_chain.flatMap(
        ({ certificate_type, certificate_hash_data, child_certificate_hash_data }) => {
          const use = USES.get(certificate_type);
          if (use === undefined || !isHash(certificate_hash_data)) return [];
          const children = (child_certificate_hash_data ?? []).filter(isHash).map(toHash);
          return [{ use, hash: toHash(certificate_hash_data), children }];
        },
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
    verifyCertificate: async (chainPem, uses) => {
      const result = await security.call("verify_certificate", {
        certificate_chain: chainPem,
        certificate_types: uses,
      });
      return known(EvseSecurityCertificateValidationResultWords, result, "Unknown");
    },
    leafCertificateFiles: async (use) => {
      const { status, info } = await security.call("get_leaf_certificate_info", {
        certificate_type: use,
        encoding: "PEM",
        include_ocsp: false,
      });
      return status === "Accepted" && info !== undefined ? toFiles(info) : undefined;
    },
    newestLeaves: async (use) => {
      const { info } = await security.call("get_all_valid_certificates_info", {
        certificate_type: use,
        encoding: "PEM",
        include_ocsp: false,
      });
      return info.flatMap((one) => toFiles(one) ?? []);
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
    updateOcspCache: async (hash, ocspResult) => {
      await security.call("update_ocsp_cache", { certificate_hash_data: fromHash(hash), ocsp_response: ocspResult });
    },
  };
}
