import type { DataTransferResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** P01: a DataTransfer from the CSMS goes to whoever takes it on the hardware side. */
export function createDataTransferBlock(context: StationContext): Block {
  const { csms, hardware, logger } = context;

  csms.handle("DataTransfer", async ({ vendorId, messageId, data }) => {
    const unknownVendor: DataTransferResponse = { status: "UnknownVendorId" }; // P01.FR.05
    if (hardware.dataTransfer.deliver === undefined) return { response: unknownVendor };
    try {
      const answer = await hardware.dataTransfer.deliver({
        vendorId,
        ...(messageId !== undefined && { messageId }),
        ...(data !== undefined && { data }),
      });
      return { response: { status: answer.status, ...(answer.data !== undefined && { data: answer.data }) } };
    } catch (error) {
      logger.warn(`DataTransfer for ${vendorId} failed on the hardware side: ${(error as Error).message}`);
      return { response: { status: "Rejected" } };
    }
  });

  return { name: "data-transfer", start() {}, stop() {} };
}
