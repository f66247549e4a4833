import type { CustomerInformationRequest } from "../../ocpp/v201/index.ts";
import { tokenHash } from "../../store/token-hash.ts";
import type { Block, StationContext } from "../context.ts";

/** NotifyCustomerInformation.data holds so much. */
const PART_LENGTH = 512;

/** N09 and N10: what the station knows about a customer, told and forgotten on request. */
export function createCustomerInformationBlock(context: StationContext): Block {
  const { clock, core, csms, model } = context;

  const references = ({ idToken, customerCertificate, customerIdentifier }: CustomerInformationRequest): number =>
    [idToken, customerCertificate, customerIdentifier].filter((reference) => reference !== undefined).length;

  /** Only tokens are known here; certificates and identifiers of customers are kept nowhere. */
  const collect = ({ idToken }: CustomerInformationRequest): string => {
    if (idToken === undefined) return "";
    const hash = tokenHash(idToken);
    const cached = core.authCache.get(hash)?.idTokenInfo;
    const listed = core.localList.get(hash);
    const transactions = model.evses.flatMap(({ transaction }) =>
      transaction?.idToken !== undefined && tokenHash(transaction.idToken) === hash ? [transaction.transactionId] : [],
    );
    const known = {
      ...(cached !== undefined && { authorizationCache: cached }),
      ...(listed !== undefined && { localAuthorizationList: listed }),
      ...(transactions.length > 0 && { transactions }),
    };
    return Object.keys(known).length === 0 ? "" : JSON.stringify(known);
  };

  const send = async (requestId: number, text: string): Promise<void> => {
    const parts =
      text === ""
        ? [""]
        : Array.from({ length: Math.ceil(text.length / PART_LENGTH) }, (_, index) =>
            text.slice(index * PART_LENGTH, (index + 1) * PART_LENGTH),
          );
    const generatedAt = clock.now().toISOString();
    for (const [seqNo, data] of parts.entries()) {
      const outcome = await csms.call("NotifyCustomerInformation", {
        requestId,
        generatedAt,
        seqNo,
        tbc: seqNo < parts.length - 1,
        data,
      }); // N09.FR.05, FR.06
      if (outcome.kind !== "response") return;
    }
  };

  csms.handle("CustomerInformation", (request) => {
    if (references(request) !== 1) return { response: { status: "Invalid" } }; // N09.FR.09
    if (!request.report && !request.clear) return { response: { status: "Rejected" } }; // N09.FR.07, N10.FR.07
    const text = collect(request);
    if (request.clear && request.idToken !== undefined) {
      const hash = tokenHash(request.idToken);
      core.unitOfWork.run(() => core.authCache.remove(hash)); // N10.FR.03, FR.06: never the local list
    }
    const tells = request.report || request.clear;
    return {
      response: { status: "Accepted" },
      ...(tells && {
        afterResponse: () => void send(request.requestId, request.report ? text || "no data found" : "data cleared"),
      }),
    };
  });

  return { name: "customer-information", start() {}, stop() {} };
}
