import type { ClearChargingProfileRequest, ClearChargingProfileResponse } from "../../ocpp/v201/index.ts";
import type { InstalledProfile } from "./installed-profile.ts";
import type { SmartChargingParts } from "./parts.ts";
import { requireSmartCharging } from "./scene-builder.ts";

/**
 * What a request means: the profile with that id, or all that meet every criterion; without any all. External
 * constraints are not the CSMS's to clear (K10.FR.03, FR.04, FR.08, FR.09).
 */
export function clearedProfiles(
  installed: readonly InstalledProfile[],
  { chargingProfileId, chargingProfileCriteria: criteria = {} }: ClearChargingProfileRequest,
): readonly InstalledProfile[] {
  return installed.filter(({ evseId, profile }) => {
    if (profile.chargingProfilePurpose === "ChargingStationExternalConstraints") return false;
    if (chargingProfileId !== undefined) return profile.id === chargingProfileId;
    return (
      (criteria.evseId === undefined || evseId === criteria.evseId) &&
      (criteria.stackLevel === undefined || profile.stackLevel === criteria.stackLevel) &&
      (criteria.chargingProfilePurpose === undefined ||
        profile.chargingProfilePurpose === criteria.chargingProfilePurpose)
    );
  });
}

/** K10: ClearChargingProfile. */
export function handleClearChargingProfile({ context, distribution, store }: SmartChargingParts): void {
  const { core, csms, logger } = context;

  const clear = (request: ClearChargingProfileRequest): ClearChargingProfileResponse => {
    const purpose = request.chargingProfileCriteria?.chargingProfilePurpose;
    if (request.chargingProfileId === undefined && purpose === "ChargingStationExternalConstraints")
      return {
        status: "Unknown",
        statusInfo: {
          reasonCode: "InvalidValue",
          additionalInfo: "ChargingStationExternalConstraintsInClearChargingProfileRequest", // K10.FR.06
        },
      };
    const ids = clearedProfiles(store.all, request).map(({ profile }) => profile.id);
    if (ids.length === 0) return { status: "Unknown" }; // K10.FR.01
    try {
      core.unitOfWork.run(() => store.remove(ids));
    } catch (error) {
      logger.critical(`Charging profiles cannot be cleared: ${(error as Error).message}`);
      return {
        status: "Unknown",
        statusInfo: { reasonCode: "InternalError", additionalInfo: "nothing can be stored" },
      };
    }
    distribution.refresh("csms"); // K10.FR.05, FR.07
    return { status: "Accepted" };
  };

  csms.handle("ClearChargingProfile", (request) => {
    requireSmartCharging(context);
    return { response: clear(request) };
  });
}
