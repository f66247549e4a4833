import { InternalCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type {
  ChargingProfileCriterionType,
  ChargingProfileType,
  GetChargingProfilesRequest,
  ReportChargingProfilesRequest,
} from "../../ocpp/v201/index.ts";
import type { InstalledProfile } from "./installed-profile.ts";
import type { SmartChargingParts } from "./parts.ts";
import { requireSmartCharging } from "./scene-builder.ts";

const DEFAULT_MESSAGE_BYTES = 32_000;
const ENVELOPE_BYTES = 500;
/** A part holds at least something, whatever the configuration says. */
const SMALLEST_MESSAGE_BYTES = 2_000;
/** Reports that may wait for the one that is being sent. */
const REPORTS_WAITING_LIMIT = 10;

/** Does a profile meet all criteria? An id says everything by itself (K09.FR.03). */
function meets({ profile, source }: InstalledProfile, criterion: ChargingProfileCriterionType): boolean {
  const { chargingProfileId, chargingLimitSource, chargingProfilePurpose, stackLevel } = criterion;
  if (chargingProfileId !== undefined) return chargingProfileId.includes(profile.id);
  return (
    (chargingProfilePurpose === undefined || profile.chargingProfilePurpose === chargingProfilePurpose) &&
    (stackLevel === undefined || profile.stackLevel === stackLevel) &&
    (chargingLimitSource === undefined || chargingLimitSource.includes(source))
  );
}

/** K09.FR.04–06: those of one EVSE, of the station itself, or all. */
export function matchingProfiles(
  installed: readonly InstalledProfile[],
  { evseId, chargingProfile }: Pick<GetChargingProfilesRequest, "evseId" | "chargingProfile">,
): readonly InstalledProfile[] {
  return installed.filter((one) => (evseId === undefined || one.evseId === evseId) && meets(one, chargingProfile));
}

function inParts(
  profiles: readonly ChargingProfileType[],
  byteLimit: number,
): readonly (readonly ChargingProfileType[])[] {
  const parts: ChargingProfileType[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const profile of profiles) {
    const size = Buffer.byteLength(JSON.stringify(profile)) + 1;
    if (bytes + size > byteLimit) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(profile);
    bytes += size;
  }
  return parts;
}

/** One message for each EVSE and source, or several if they would be too long; all but the last say that more comes. */
export function reportsOf(
  requestId: number,
  installed: readonly InstalledProfile[],
  byteLimit = DEFAULT_MESSAGE_BYTES,
): readonly ReportChargingProfilesRequest[] {
  const groups = new Map<string, InstalledProfile[]>();
  for (const one of installed) {
    const key = `${one.evseId} ${one.source}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const reports = [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { evseId, source } = first;
    return inParts(
      group.map(({ profile }) => profile),
      byteLimit,
    ).map((chargingProfile) => ({ requestId, chargingLimitSource: source, evseId, chargingProfile })); // K09.FR.01
  });
  return reports.map((report, index) => ({ ...report, tbc: index < reports.length - 1 })); // K09.FR.02
}

/** K09: GetChargingProfiles, answered with ReportChargingProfiles. */
export function handleGetChargingProfiles({ context, store }: SmartChargingParts): void {
  const { csms, deviceModel, logger } = context;
  /** Reports are sent one after the other, each whole. */
  let queue: Promise<void> = Promise.resolve();
  let waiting = 0;

  const send = async (requestId: number, installed: readonly InstalledProfile[]): Promise<void> => {
    const messageBytes = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
    const byteLimit = Math.max(SMALLEST_MESSAGE_BYTES, messageBytes) - ENVELOPE_BYTES;
    for (const report of reportsOf(requestId, installed, byteLimit)) {
      const outcome = await csms.call("ReportChargingProfiles", report, { beforeAccepted: true });
      if (outcome.kind === "response") continue;
      logger.warn(`A part of the report ${requestId} of charging profiles is not delivered: ${outcome.kind}`);
      if (outcome.kind !== "error") return;
    }
  };

  csms.handle("GetChargingProfiles", (request) => {
    requireSmartCharging(context);
    const found = matchingProfiles(store.all, request);
    if (found.length === 0) return { response: { status: "NoProfiles" } };
    if (waiting > REPORTS_WAITING_LIMIT)
      throw new OcppError("GenericError", `${REPORTS_WAITING_LIMIT} reports are waiting`);
    waiting++;
    return {
      response: { status: "Accepted" },
      afterResponse: () => {
        queue = queue
          .then(() => send(request.requestId, found))
          .catch((error: Error) => logger.error(`Report ${request.requestId} failed: ${error.message}`))
          .finally(() => waiting--);
      },
    };
  });
}
