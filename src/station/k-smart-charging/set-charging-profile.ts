import * as v from "valibot";
import type { SetChargingProfileRequest, SetChargingProfileResponse } from "../../ocpp/v201/index.ts";
import type { SmartChargingParts } from "./parts.ts";
import { profileRules } from "./profile-rules.ts";
import { reportsOf } from "./report-charging-profiles.ts";
import { requireSmartCharging } from "./scene-builder.ts";
import { profileDefect } from "./validation/profile-defect.ts";

/** Profiles that were installed, and of whose answer it is not known whether it has left. */
const UNANSWERED_KEY = "charging-profiles-unanswered";
const Unanswered = v.array(v.number());
/** ReportChargingProfiles that nobody has asked for (SC.02). */
const NO_REQUEST_ID = 0;

export interface UnansweredProfiles {
  /** In the unit of work that installs the profile. */
  note(id: number): void;
  answered(id: number): void;
  /** Tells the CSMS of what holds without its having been told so. */
  report(): void;
}

/**
 * A profile is in force from its commit on, and the answer follows. Should the process end between the two, the CSMS
 * cannot know: when it can be reached again it is told what was installed.
 */
export function createUnansweredProfiles({
  context,
  store,
}: Pick<SmartChargingParts, "context" | "store">): UnansweredProfiles {
  const { core, csms, logger } = context;
  const read = (): readonly number[] => core.keyValues.get(UNANSWERED_KEY, Unanswered) ?? [];
  const forget = (done: readonly number[]): void => {
    const left = read().filter((id) => !done.includes(id));
    core.unitOfWork.runRelaxed(() =>
      left.length === 0 ? core.keyValues.remove(UNANSWERED_KEY) : core.keyValues.set(UNANSWERED_KEY, left),
    );
  };
  return {
    note: (id) => core.keyValues.set(UNANSWERED_KEY, [...read().filter((other) => other !== id), id]),
    answered(id) {
      try {
        forget([id]);
      } catch (error) {
        logger.warn(`Charging profile ${id} will be reported though it was answered: ${(error as Error).message}`);
      }
    },
    report() {
      const ids = read();
      const installed = ids.flatMap((id) => store.get(id) ?? []);
      for (const request of reportsOf(NO_REQUEST_ID, installed))
        csms.call("ReportChargingProfiles", request, { queueWhenOffline: true }).catch(() => {});
      if (ids.length > 0) forget(ids);
    },
  };
}

/** K01: SetChargingProfile. What is refused changes nothing. */
export function handleSetChargingProfile(parts: SmartChargingParts, unanswered: UnansweredProfiles): void {
  const { context, distribution, store } = parts;
  const { core, csms, logger } = context;

  const install = ({ evseId, chargingProfile }: SetChargingProfileRequest): SetChargingProfileResponse => {
    const refusal = profileDefect(
      { evseId, profile: chargingProfile, source: "SetChargingProfile" },
      profileRules(parts),
    );
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
    distribution.refresh(); // K01.FR.07, FR.14, FR.15, FR.32
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
