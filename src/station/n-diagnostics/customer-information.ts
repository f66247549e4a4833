import { InternalCtrlr } from "../../device-model/variables.ts";
import type { CustomerInformationRequest, CustomerInformationResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import type { Customer } from "../registries/customer-data.ts";
import { CustomerReports } from "./customer-reports.ts";

const DEFAULT_DATA_CHARACTERS = 51_200;
/** Reports that may be on their way at once; another request has to wait (N09.FR.03, N10.FR.05). */
const REPORT_LIMIT = 4;

/** The one message that says that nothing is known carries no data (N09.FR.06, N10.FR.04). */
const NO_DATA = "";
const CLEARED = "data cleared";

/** N09 and N10: what the station knows about a customer, told and forgotten on request. */
export const customerInformation = declareBlock({
  name: "customer-information",
  letter: "N",
  needs: ["customerData"],
  create,
});

function create(context: Given<"customerData">) {
  const { core, csms, deviceModel, logger, customerData } = context;
  const reports = new CustomerReports(context);

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

  const forget = (customer: Customer): void => {
    customerData.forget(customer);
    core.tokenAliases.prune();
  };

  interface Answer extends CustomerInformationResponse {
    readonly afterResponse?: () => void;
  }

  const answer = (request: CustomerInformationRequest): Answer => {
    const { clear, requestId } = request;
    if (references(request) !== 1) return { status: "Invalid" }; // N09.FR.09
    if (!request.report && !clear)
      return { status: "Rejected", statusInfo: { reasonCode: "InvalidValue", additionalInfo: "nothing to do" } }; // N09.FR.07, N10.FR.07
    if (reports.underWay >= REPORT_LIMIT)
      return {
        status: "Rejected",
        statusInfo: { reasonCode: "TooManyElements", additionalInfo: "other reports are under way" },
      };
    const customer = identify(request);
    const known = customerData.find(customer);
    const limit = deviceModel.read(InternalCtrlr.MaxCustomerInformationDataLength) ?? DEFAULT_DATA_CHARACTERS;
    const found = Object.keys(known).length === 0 ? NO_DATA : JSON.stringify(known).slice(0, limit);
    const afterResponse = core.unitOfWork.run(() => {
      if (clear) forget(customer);
      return reports.promise(requestId, request.report ? found : CLEARED);
    });
    return { status: "Accepted", afterResponse }; // N09.FR.02, N10.FR.01
  };

  csms.handle("CustomerInformation", (request) => {
    try {
      const { afterResponse, ...response } = answer(request);
      return { response, ...(afterResponse !== undefined && { afterResponse }) };
    } catch (error) {
      logger.error(`Customer information could not be processed: ${(error as Error).message}`);
      return { response: { status: "Rejected", statusInfo: { reasonCode: "InternalError" } } }; // N09.FR.03, N10.FR.05
    }
  });

  return { start: () => reports.resume(), stop: () => reports.stop() };
}
