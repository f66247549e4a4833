import type { VariableHandle } from "../../device-model/variable-handle.ts";
import { LocalAuthListCtrlr } from "../../device-model/variables.ts";
import type { AuthorizationData, SendLocalListRequest, SendLocalListResponse } from "../../ocpp/v201/index.ts";
import type { Usage } from "../../store/table-usage.ts";
import { foldedTokenHash } from "../../store/token-hash.ts";
import { declareBlock, type Given } from "../block.ts";
import { checkMessageLimits } from "../model/message-limits.ts";

/** An entry without optional members, and with an idToken of 36 characters. */
const SHORTEST_ENTRY_BYTES = 128;

/** Thrown to withdraw a change that the list has no room for. */
class ListTooLong extends Error {}

/** D01 and D02: the Local Authorization List, changed by the CSMS only (D01.FR.09) and kept on disk (D01.FR.10). */
export const localList = declareBlock({ name: "local-list", letter: "D", needs: ["customerData"], create });

function create({ core, csms, deviceModel, hardware, logger, model, customerData }: Given<"customerData">) {
  const enabled = (): boolean => deviceModel.read(LocalAuthListCtrlr.Enabled) === true; // D01.FR.13

  /** D01.FR.12: always what the list holds. */
  const tellUsage = (): void => {
    const { entries, bytes } = core.localList.usage;
    deviceModel.write(LocalAuthListCtrlr.Entries, entries, "internal");
    deviceModel.write(LocalAuthListCtrlr.Storage, bytes, "internal", true);
  };

  const fail = (reasonCode: string, additionalInfo: string): SendLocalListResponse => ({
    status: "Failed",
    statusInfo: { reasonCode, additionalInfo },
  });

  const limitOf = (handle: VariableHandle<"number">): number => {
    const variable = deviceModel.find(handle);
    return (typeof variable === "string" ? undefined : variable.characteristics.maxLimit) ?? Number.POSITIVE_INFINITY;
  };

  /** D01.FR.11, as for the other messages with such limits (B06.FR.16, FR.17). @throws OcppError */
  const checkMessageSize = (request: SendLocalListRequest): void => {
    checkMessageLimits(request, request.localAuthorizationList?.length ?? 0, {
      items: deviceModel.read(LocalAuthListCtrlr.ItemsPerMessage),
      bytes: deviceModel.read(LocalAuthListCtrlr.BytesPerMessage),
      shortestItemBytes: SHORTEST_ENTRY_BYTES,
    });
  };

  const defect = (
    { updateType, versionNumber }: SendLocalListRequest,
    list: readonly AuthorizationData[],
  ): SendLocalListResponse | undefined => {
    if (!enabled()) return fail("NotEnabled", "the local list is switched off");
    if (versionNumber <= 0) return fail("InvalidValue", "version numbers start at 1"); // D01.FR.18
    if (new Set(list.map(({ idToken }) => foldedTokenHash(idToken))).size !== list.length)
      return fail("InvalidIdToken", "a token occurs twice"); // D01.FR.06
    if (updateType === "Full" && list.some(({ idTokenInfo }) => idTokenInfo === undefined))
      return fail("MissingParam", "an entry of a full list has no idTokenInfo");
    if (updateType === "Differential" && versionNumber <= core.localList.version) return { status: "VersionMismatch" }; // D01.FR.19
    return undefined;
  };

  const checkRoom = ({ entries, bytes }: Usage): void => {
    const entryLimit = limitOf(LocalAuthListCtrlr.Entries);
    if (entries > entryLimit) throw new ListTooLong(`at most ${entryLimit} entries`);
    const byteLimit = limitOf(LocalAuthListCtrlr.Storage);
    if (bytes > byteLimit) throw new ListTooLong(`at most ${byteLimit} bytes`);
  };

  const store = (
    { updateType, versionNumber }: SendLocalListRequest,
    list: readonly AuthorizationData[],
  ): SendLocalListResponse => {
    try {
      core.unitOfWork.run(() => {
        const usage =
          updateType === "Full"
            ? core.localList.replace(list, versionNumber) // D01.FR.04, FR.15
            : core.localList.update(list, versionNumber); // D01.FR.05, FR.16, FR.17
        checkRoom(usage);
        core.unitOfWork.afterCommit(tellUsage);
      });
      return { status: "Accepted" };
    } catch (error) {
      if (error instanceof ListTooLong) return fail("TooManyElements", error.message);
      logger.error(`The local list could not be stored: ${(error as Error).message}`);
      return fail("InternalError", "the list could not be stored");
    }
  };

  /** Whoever charges with a token of the list is under the new information from now on. */
  const tellChangedTokens = (list: readonly AuthorizationData[]): void => {
    const charging = model.evses.flatMap(({ evseId, authorized, transaction }) =>
      authorized && transaction?.idToken !== undefined ? [{ evseId, key: foldedTokenHash(transaction.idToken) }] : [],
    );
    if (charging.length === 0) return;
    for (const { idToken, idTokenInfo } of list) {
      if (idTokenInfo === undefined) continue;
      const key = foldedTokenHash(idToken);
      for (const { evseId } of charging.filter((one) => one.key === key))
        hardware.authorization.publishValidationUpdate({ evseId, idTokenInfo });
    }
  };

  csms.handle("SendLocalList", (request) => {
    checkMessageSize(request);
    const list = request.localAuthorizationList ?? [];
    const response = defect(request, list) ?? store(request, list);
    return {
      response, // D01.FR.02
      ...(response.status === "Accepted" && { afterResponse: () => tellChangedTokens(list) }),
    };
  });

  csms.handle("GetLocalListVersion", () => ({
    response: { versionNumber: enabled() ? core.localList.version : 0 }, // D02.FR.01–03
  }));

  // Never forgotten with the customer: only the CSMS changes the list (D01.FR.09, N10.FR.06).
  customerData.register({
    name: "localAuthorizationList",
    find: ({ keys }) => keys.map((key) => core.localList.getByKey(key)).find((info) => info !== undefined),
  });

  return { start: tellUsage };
}
