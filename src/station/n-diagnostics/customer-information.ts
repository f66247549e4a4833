import { InternalCtrlr } from "../../device-model/variables.ts";
import type { CustomerInformationRequest, CustomerInformationResponse } from "../../ocpp/v201/index.ts";
import type { Token } from "../../store/token-hash.ts";
import type { Block, StationContext } from "../context.ts";

/** NotifyCustomerInformation.data holds so much. */
const PART_CHARACTERS = 512;
const DEFAULT_DATA_CHARACTERS = 51_200;
/** Reports that may be on their way at once; another request has to wait (N09.FR.03, N10.FR.05). */
const REPORT_LIMIT = 4;

/** The one message that says that nothing is known carries no data (N09.FR.06, N10.FR.04). */
const NO_DATA = "";
const CLEARED = "data cleared";

/** Whom a request means: the keys under which cache and list hold the customer, and which tokens are the customer's. */
interface Customer {
  readonly keys: readonly string[];
  isToken(token: Token): boolean;
}

function toParts(text: string): readonly string[] {
  const characters = [...text];
  const count = Math.max(1, Math.ceil(characters.length / PART_CHARACTERS));
  return Array.from({ length: count }, (_, index) =>
    characters.slice(index * PART_CHARACTERS, (index + 1) * PART_CHARACTERS).join(""),
  );
}

/** N09 and N10: what the station knows about a customer, told and forgotten on request. */
export function createCustomerInformationBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, logger, model } = context;
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

  const collect = ({ keys, isToken }: Customer): Readonly<Record<string, unknown>> => {
    const cached = keys.map((key) => core.authCache.getByKey(key)?.idTokenInfo).find((info) => info !== undefined);
    const listed = keys.map((key) => core.localList.getByKey(key)).find((info) => info !== undefined);
    const running = model.evses.flatMap(({ transaction }) =>
      transaction?.idToken !== undefined && isToken(transaction.idToken)
        ? [{ transactionId: transaction.transactionId, evseId: transaction.evseId }]
        : [],
    );
    const waiting = core.customerMessages.waitingTransactions(isToken);
    const rejected = core.customerMessages.rejectedTransactions(isToken);
    return {
      ...(cached !== undefined && { authorizationCache: cached }),
      ...(listed !== undefined && { localAuthorizationList: listed }),
      ...(running.length > 0 && { transactions: running }),
      ...(waiting.length > 0 && { transactionsWaitingForDelivery: waiting }),
      ...(rejected.length > 0 && { transactionsNotDelivered: rejected }),
    };
  };

  /**
   * N10.FR.03, FR.06: never the local list, which only the CSMS changes (D01.FR.09). What a running transaction and
   * its undelivered events need goes with them.
   */
  const forget = ({ keys, isToken }: Customer): void =>
    core.unitOfWork.run(() => {
      for (const key of keys) core.authCache.remove(key);
      core.customerMessages.removeRejected(isToken);
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
    const known = collect(customer);
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

  return { name: "customer-information", start() {}, stop() {} };
}
