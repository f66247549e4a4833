import type { SetChargingProfileRequest, SetChargingProfileResponse } from "../../ocpp/v201/index.ts";
import type { ChargingNeeds } from "./needs/charging-needs.ts";
import type { SmartChargingParts } from "./parts.ts";
import { profileRules } from "./profile-rules.ts";
import { requireSmartCharging } from "./scene-builder.ts";
import type { UnansweredProfiles } from "./unanswered-profiles.ts";
import { defect } from "./validation/defect.ts";
import { profileDefect } from "./validation/profile-defect.ts";

/** K01, K16: SetChargingProfile. What is refused changes nothing. */
export function handleSetChargingProfile(
  parts: SmartChargingParts,
  unanswered: UnansweredProfiles,
  needs: Pick<ChargingNeeds, "isTooEarly" | "profileInstalled">,
): void {
  const { context, distribution, store } = parts;
  const { core, csms, logger } = context;

  const install = ({ evseId, chargingProfile }: SetChargingProfileRequest): SetChargingProfileResponse => {
    const refusal = needs.isTooEarly(evseId, chargingProfile)
      ? defect("InvalidMessageSeq", "NotifyEVChargingNeedsNotSentYet") // K15.FR.17
      : profileDefect({ evseId, profile: chargingProfile, source: "SetChargingProfile" }, profileRules(parts));
    if (refusal !== undefined) return { status: "Rejected", statusInfo: refusal };
    try {
      core.unitOfWork.run(() => {
        store.install({ evseId, source: "CSO", profile: chargingProfile }); // K01.FR.04, FR.05, FR.27
        unanswered.note(chargingProfile.id);
      });
    } catch (error) {
      logger.critical(`Charging profile ${chargingProfile.id} cannot be stored: ${(error as Error).message}`);
      return { status: "Rejected", statusInfo: { reasonCode: "InternalError", additionalInfo: "it cannot be stored" } };
    }
    distribution.refresh("csms"); // K01.FR.07, FR.14, FR.15, FR.32, K16.FR.01, FR.11
    needs.profileInstalled(evseId, chargingProfile);
    return { status: "Accepted" };
  };

  csms.handle("SetChargingProfile", (request) => {
    requireSmartCharging(context); // K01.FR.29
    const response = install(request);
    return {
      response,
      ...(response.status === "Accepted" && {
        afterResponse: () => unanswered.answered(request.chargingProfile.id),
      }),
    };
  });
}
