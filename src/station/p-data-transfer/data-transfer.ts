import type { DataTransferResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";

/** P01: a DataTransfer from the CSMS goes to whoever takes it on the hardware side. */
export const dataTransfer = declareBlock({ name: "data-transfer", letter: "P", create });

function create({ csms, hardware, logger }: Given) {
  csms.handle(
    "DataTransfer",
    async ({ vendorId, messageId, data, customData }) => {
      const { deliver } = hardware.dataTransfer;
      if (deliver === undefined) return { response: { status: "UnknownVendorId" } satisfies DataTransferResponse }; // P01.FR.05
      const request = {
        vendorId,
        ...(messageId !== undefined && { messageId }),
        ...(data !== undefined && { data }),
        ...(customData !== undefined && { customData }),
      };
      try {
        const answer = await deliver(request); // P01.FR.06, FR.07: status and data are the module's
        return {
          response: {
            status: answer.status,
            ...(answer.data !== undefined && { data: answer.data }),
            ...(answer.customData !== undefined && { customData: answer.customData }),
          },
        };
      } catch (error) {
        logger.warn(`DataTransfer for ${vendorId} failed on the hardware side: ${(error as Error).message}`);
        return {
          response: {
            status: "Rejected",
            statusInfo: { reasonCode: "InternalError", additionalInfo: "the module did not answer" },
          },
        };
      }
    },
    // A module may think for a while, and nothing here depends on what it thinks.
    { lane: () => undefined, beside: true },
  );

  return {};
}
