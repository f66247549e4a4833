import type { DataTransferResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { DataTransferPort } from "../ports.ts";

type Deliver = NonNullable<DataTransferPort["deliver"]>;

/** So long a module may think: the CSMS's other CALLs wait behind this one. */
const DELIVERY_LIMIT_MILLISECONDS = 20_000;

/** P01: a DataTransfer from the CSMS goes to whoever takes it on the hardware side. */
export function createDataTransferBlock(context: StationContext): Block {
  const { clock, csms, hardware, logger } = context;

  const deliverInTime = (deliver: Deliver, request: Parameters<Deliver>[0]): ReturnType<Deliver> =>
    new Promise((resolve, reject) => {
      const timer = clock.after(DELIVERY_LIMIT_MILLISECONDS, () =>
        reject(new Error(`no answer within ${DELIVERY_LIMIT_MILLISECONDS} ms`)),
      );
      deliver(request)
        .then(resolve, reject)
        .finally(() => timer.cancel());
    });

  csms.handle("DataTransfer", async ({ vendorId, messageId, data, customData }) => {
    const { deliver } = hardware.dataTransfer;
    if (deliver === undefined) return { response: { status: "UnknownVendorId" } satisfies DataTransferResponse }; // P01.FR.05
    const request = {
      vendorId,
      ...(messageId !== undefined && { messageId }),
      ...(data !== undefined && { data }),
      ...(customData !== undefined && { customData }),
    };
    try {
      const answer = await deliverInTime(deliver, request); // P01.FR.06, FR.07: status and data are the module's
      return {
        response: {
          status: answer.status,
          ...(answer.data !== undefined && { data: answer.data }),
          ...(answer.customData !== undefined && { customData: answer.customData }),
        },
      };
    } catch (error) {
      logger.warn(`DataTransfer for ${vendorId} failed on the hardware side: ${(error as Error).message}`);
      return { response: { status: "Rejected" } };
    }
  });

  return { name: "data-transfer", start() {}, stop() {} };
}
