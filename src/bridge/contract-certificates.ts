import * as v from "valibot";
import type { Connected } from "../everest/configuration.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { Iso15118RequestExiStreamSchema } from "../everest/interfaces/index.ts";
import { plainBase64 } from "../lib/base64.ts";
import { CertificateActionEnumTypeSchema } from "../ocpp/v201/index.ts";
import { validateRequest } from "../ocpp/validation.ts";
import type { ContractCertificateRequest, VehiclePort } from "../station/ports.ts";

/** A request of which something is missing: the vehicle waits all the same, and what is empty is told to be. */
export const BareCertificateRequest = v.fallback(
  v.object({
    exi_request: v.fallback(v.string(), ""),
    iso15118_schema_version: v.fallback(v.string(), ""),
    certificate_action: v.fallback(v.string(), ""),
  }),
  { exi_request: "", iso15118_schema_version: "", certificate_action: "" },
) as v.GenericSchema<unknown, Iso15118RequestExiStreamSchema>;

/** What a vehicle's request for a contract certificate is in OCPP's words, and why it cannot be told in them (M01, M02). */
export function toContractCertificateRequest({
  exi_request,
  iso15118_schema_version,
  certificate_action,
}: Iso15118RequestExiStreamSchema): Pick<
  ContractCertificateRequest,
  "action" | "iso15118SchemaVersion" | "exiRequest" | "defect"
> {
  const exi = plainBase64(exi_request);
  const request = {
    action: certificate_action,
    iso15118SchemaVersion: iso15118_schema_version,
    exiRequest: exi ?? exi_request,
  };
  // EVerest's answer has to name the action; of a word that nobody knows it may be any.
  if (!v.is(CertificateActionEnumTypeSchema, certificate_action))
    return { ...request, action: "Install", defect: "nobody knows what it asks for" };
  if (exi === undefined) return { ...request, defect: "its EXI is not Base64" };
  const validation = validateRequest("Get15118EVCertificate", request);
  return validation.ok ? request : { ...request, defect: validation.description };
}

/** The name of a communicator among all that there are. */
export function communicatorOf({ moduleId, implementationId }: Connected): string {
  return `${moduleId}/${implementationId}`;
}

export function createVehiclePort(module: EverestModule): VehiclePort {
  const communicators = module.peers("extensions_15118", "iso15118_extensions");
  return {
    tellsChargingNeeds: communicators.length > 0,
    answerContractCertificate: async ({ communicator, action }, exiResponse) => {
      const peer = communicators.find(({ connected }) => communicatorOf(connected) === communicator);
      await peer?.call("set_get_certificate_response", {
        certificate_response: {
          status: exiResponse === undefined ? "Failed" : "Accepted",
          certificate_action: action,
          ...(exiResponse !== undefined && { exi_response: exiResponse }),
        },
      });
    },
  };
}
