import { LocalAuthListCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { SendLocalListRequest, SendLocalListResponse } from "../../ocpp/v201/index.ts";
import { tokenHash } from "../../store/token-hash.ts";
import type { Block, StationContext } from "../context.ts";

/** D01 and D02: the Local Authorization List. */
export function createLocalListBlock(context: StationContext): Block {
  const { core, csms, deviceModel, logger } = context;

  const enabled = (): boolean => deviceModel.read(LocalAuthListCtrlr.Enabled) === true;
  const tellEntries = (): void => deviceModel.write(LocalAuthListCtrlr.Entries, core.localList.count, "internal");
  const fail = (reasonCode: string, additionalInfo: string): SendLocalListResponse => ({
    status: "Failed",
    statusInfo: { reasonCode, additionalInfo },
  });

  const defect = ({
    localAuthorizationList: list = [],
    updateType,
    versionNumber,
  }: SendLocalListRequest): SendLocalListResponse | undefined => {
    if (!enabled()) return fail("NotEnabled", "the local list is switched off");
    if (versionNumber <= 0) return fail("InvalidValue", "version numbers start at 1"); // D01.FR.18
    const keys = new Set(list.map(({ idToken }) => tokenHash(idToken)));
    if (keys.size !== list.length) return fail("InvalidIdToken", "a token occurs twice");
    if (updateType === "Full" && list.some(({ idTokenInfo }) => idTokenInfo === undefined))
      return fail("MissingParam", "an entry of a full list has no idTokenInfo");
    if (updateType === "Differential" && versionNumber <= core.localList.version) return { status: "VersionMismatch" }; // D01.FR.13
    return capacityDefect(list, updateType);
  };

  /** D01.FR.12 would need more room than Entries.maxLimit has. */
  const capacityDefect = (
    list: NonNullable<SendLocalListRequest["localAuthorizationList"]>,
    updateType: SendLocalListRequest["updateType"],
  ): SendLocalListResponse | undefined => {
    const variable = deviceModel.find(LocalAuthListCtrlr.Entries);
    const limit = typeof variable === "string" ? undefined : variable.characteristics.maxLimit;
    if (limit === undefined) return undefined;
    const added = list.filter(
      ({ idToken, idTokenInfo }) => idTokenInfo !== undefined && !core.localList.has(tokenHash(idToken)),
    ).length;
    const removed = list.filter(
      ({ idToken, idTokenInfo }) => idTokenInfo === undefined && core.localList.has(tokenHash(idToken)),
    ).length;
    const count = updateType === "Full" ? list.length : core.localList.count + added - removed;
    return count > limit ? fail("TooManyElements", `at most ${limit} entries`) : undefined;
  };

  csms.handle("SendLocalList", (request) => {
    const list = request.localAuthorizationList ?? [];
    const itemLimit = deviceModel.read(LocalAuthListCtrlr.ItemsPerMessage);
    if (itemLimit !== undefined && list.length > itemLimit)
      throw new OcppError("OccurrenceConstraintViolation", `at most ${itemLimit} entries in one message`); // D01.FR.11
    const refused = defect(request);
    if (refused !== undefined) return { response: refused };
    const entries = list.map(({ idToken, idTokenInfo }) => ({ hash: tokenHash(idToken), idTokenInfo }));
    try {
      core.unitOfWork.run(() => {
        if (request.updateType === "Full")
          core.localList.replace(entries, request.versionNumber); // D01.FR.15
        else core.localList.update(entries, request.versionNumber); // D01.FR.16, FR.17
      });
    } catch (error) {
      logger.error(`The local list could not be stored: ${(error as Error).message}`);
      return { response: fail("InternalError", "the list could not be stored") };
    }
    tellEntries();
    return { response: { status: "Accepted" } };
  });

  csms.handle("GetLocalListVersion", () => ({
    response: { versionNumber: enabled() ? core.localList.version : 0 }, // D02.FR.01–03
  }));

  return { name: "local-list", start: tellEntries, stop() {} };
}
