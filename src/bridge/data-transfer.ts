import type { Peer } from "../everest/everest-module.ts";
import {
  type OcppCustomData,
  type OcppDataTransferRequest,
  type OcppDataTransferResponse,
  OcppDataTransferStatusWords,
} from "../everest/interfaces/index.ts";
import { parseJson } from "../lib/json-text.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import type { CustomDataType, DataTransferRequest } from "../ocpp/v201/index.ts";
import type { DataTransferPort } from "../station/ports.ts";
import { known } from "./words.ts";

/** Text that is not JSON stays text: a module that forgot the quotes is understood all the same. */
function parseJsonText(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return text;
  }
}

/** EVerest's custom data carry the members of OCPP's as one JSON text beside the vendor. */
function toCustomData({ vendor_id, data }: OcppCustomData): CustomDataType {
  const members = parseJsonText(data);
  return typeof members === "object" && members !== null && !Array.isArray(members)
    ? { ...members, vendorId: vendor_id }
    : { vendorId: vendor_id, data: members };
}

function fromCustomData(customData: CustomDataType): OcppCustomData {
  return { vendor_id: customData.vendorId, data: JSON.stringify(customData) };
}

function toRequest({ vendor_id, message_id, data, custom_data }: OcppDataTransferRequest): DataTransferRequest {
  return {
    vendorId: vendor_id,
    ...(message_id !== undefined && { messageId: message_id }),
    ...(data !== undefined && { data: parseJsonText(data) }),
    ...(custom_data !== undefined && { customData: toCustomData(custom_data) }),
  };
}

/** P02: what another module has to say to the CSMS, with its own vendor and message id (P02.FR.04), and the answer (BEHAVIOUR 18). */
export async function transferToCsms(
  csms: CsmsLink | undefined,
  request: OcppDataTransferRequest,
): Promise<OcppDataTransferResponse> {
  const outcome = await csms?.call("DataTransfer", toRequest(request));
  if (outcome?.kind === "error") return { status: "Rejected" };
  if (outcome?.kind !== "response") return { status: "Offline" };
  const { status, data, customData } = outcome.response; // P02.FR.06–08: the CSMS says whether it knows vendor and message
  return {
    status,
    ...(data !== undefined && { data: JSON.stringify(data) }),
    ...(customData !== undefined && { custom_data: fromCustomData(customData) }),
  };
}

/** P01: the module that takes the CSMS's data transfers by vendor and message id (P01.FR.03), if one is connected. */
export function createDataTransferPort(peer: Peer<"ocpp_data_transfer"> | undefined): DataTransferPort {
  if (peer === undefined) return { deliver: undefined };
  return {
    deliver: async ({ vendorId, messageId, data, customData }) => {
      const answer = await peer.call("data_transfer", {
        request: {
          vendor_id: vendorId,
          ...(messageId !== undefined && { message_id: messageId }),
          ...(data !== undefined && { data: JSON.stringify(data) }),
          ...(customData !== undefined && { custom_data: fromCustomData(customData) }),
        },
      });
      const status = known(OcppDataTransferStatusWords, answer.status, "Rejected");
      return {
        status: status === "Offline" ? "UnknownVendorId" : status,
        ...(answer.data !== undefined && { data: parseJsonText(answer.data) }),
        ...(answer.custom_data !== undefined && { customData: toCustomData(answer.custom_data) }),
      };
    },
  };
}
