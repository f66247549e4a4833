import { InternalCtrlr } from "../../device-model/variables.ts";
import type { CustomerInformationRequest, CustomerInformationResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import type { Customer } from "../registries/customer-data.ts";

/** NotifyCustomerInformation.data holds so much. */
const PART_CHARACTERS = 512;
const DEFAULT_DATA_CHARACTERS = 51_200;
/** Reports that may be on their way at once; another request has to wait (N09.FR.03, N10.FR.05). */
const REPORT_LIMIT = 4;

/** The one message that says that nothing is known carries no data (N09.FR.06, N10.FR.04). */
const NO_DATA = "";
const CLEARED = "data cleared";

function toParts(text: string): readonly string[] {
  const characters = [...text];
  const count = Math.max(1, Math.ceil(characters.length / PART_CHARACTERS));
  return Array.from({ length: count }, (_, index) =>
    characters.slice(index * PART_CHARACTERS, (index + 1) * PART_CHARACTERS).join(""),
  );
}

/** N09 and N10: what the station knows about a customer, told and forgotten on request. */
export const customerInformation = declareBlock({
  name: "customer-information",
  letter: "N",
  needs: ["customerData"],
  create,
});

function create({ clock, core, csms, deviceModel, logger, customerData }: Given<"customerData">) {
  let reportsUnderWay = 0;

  const references = ({ idToken, customerCertificate, customerIdentifier }: CustomerInformationRequest): number =>
    [idToken, customerCertificate, customerIdentifier].filter((reference) => reference !== undefined).length;

  /** Other identifiers than tokens and contract certificates are kept nowhere. */
  const identify = ({ idToken, customerCertificate }: CustomerInformationRequest): Customer => {
    const keys = new Set(idToken === undefined ? [] : core.tokenAliases.keysOf(idToken));
    if (customerCertificate !== undefined)
      for (const key of core.tokenAliases.keysOfCertificate(customerCertificate)) keys.add(key);
    return {
      keys: [...keys],
      isToken: (token) => [...core.tokenAliases.keysOf(token)].some((key) => keys.has(key)),
    };
  };

  const forget = (customer: Customer): void =>
    core.unitOfWork.run(() => {
      customerData.forget(customer);
      core.tokenAliases.prune();
    });

  const report = async (requestId: number, text: string): Promise<void> => {
    const parts = toParts(text);
    const generatedAt = clock.now().toISOString();
    for (const [seqNo, data] of parts.entries()) {
      const tbc = seqNo < parts.length - 1;
      const outcome = await csms.call(
        "NotifyCustomerInformation",
        { requestId, generatedAt, seqNo, tbc, data },
        { queueWhenOffline: true },
      ); // N09.FR.05, FR.06, N10.FR.03, FR.04, FR.06
      if (outcome.kind === "error" || outcome.kind === "timeout") {
        logger.warn(`Customer information of request ${requestId} ends at part ${seqNo}: ${outcome.kind}`);
        return;
      }
    }
  };

  const answer = (request: CustomerInformationRequest): CustomerInformationResponse & { readonly text?: string } => {
    const { clear } = request;
    if (references(request) !== 1) return { status: "Invalid" }; // N09.FR.09
    if (!request.report && !clear)
      return { status: "Rejected", statusInfo: { reasonCode: "InvalidValue", additionalInfo: "nothing to do" } }; // N09.FR.07, N10.FR.07
    if (reportsUnderWay >= REPORT_LIMIT)
      return {
        status: "Rejected",
        statusInfo: { reasonCode: "TooManyElements", additionalInfo: "other reports are under way" },
      };
    const customer = identify(request);
    const known = customerData.find(customer);
    if (clear) forget(customer);
    if (!request.report) return { status: "Accepted", text: CLEARED };
    const limit = deviceModel.read(InternalCtrlr.MaxCustomerInformationDataLength) ?? DEFAULT_DATA_CHARACTERS;
    const text = Object.keys(known).length === 0 ? NO_DATA : JSON.stringify(known).slice(0, limit);
    return { status: "Accepted", text }; // N09.FR.02, N10.FR.01
  };

  csms.handle("CustomerInformation", (request) => {
    try {
      const { text, ...response } = answer(request);
      if (text === undefined) return { response };
      reportsUnderWay++;
      const afterResponse = (): void =>
        void report(request.requestId, text).finally(() => {
          reportsUnderWay--;
        });
      return { response, afterResponse };
    } catch (error) {
      logger.error(`Customer information could not be processed: ${(error as Error).message}`);
      return { response: { status: "Rejected", statusInfo: { reasonCode: "InternalError" } } }; // N09.FR.03, N10.FR.05
    }
  });

  return {};
}
