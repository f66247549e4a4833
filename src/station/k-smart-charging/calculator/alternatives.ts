import type { InstalledProfile } from "../installed-profile.ts";
import { type CompositeSchedule, compositeSchedule, type Scene } from "./composite-schedule.ts";
import type { Window } from "./pieces.ts";
import { prepareProfile, type RateUnit } from "./prepared-profile.ts";
import { ProfileIndex } from "./profile-index.ts";

/**
 * The composite schedules among which the EV of an EVSE may choose, at most three (K15.FR.22): the first schedules of all
 * profiles together, the second ones, the third ones. A profile that has no such schedule counts with its first one, since
 * what it limits holds whatever the EV chooses. The first of them is the one in force; there is just that one where no
 * TxProfile of the transaction offers a choice.
 */
export function alternativeSchedules(
  scene: Scene,
  installed: readonly InstalledProfile[],
  evseId: number,
  window: Window,
  unit: RateUnit,
): readonly CompositeSchedule[] {
  const transactionId = scene.evses.find((evse) => evse.evseId === evseId)?.transaction?.transactionId;
  const ofTransaction = installed.filter(
    ({ profile }) => profile.chargingProfilePurpose === "TxProfile" && profile.transactionId === transactionId,
  );
  const count = Math.max(1, ...ofTransaction.map(({ profile }) => profile.chargingSchedule.length));
  return Array.from({ length: count }, (_, choice) => {
    const prepared = installed.map(({ profile, evseId: place, source }) =>
      prepareProfile(profile, place, source, choice),
    );
    return compositeSchedule({ ...scene, profiles: new ProfileIndex(prepared) }, evseId, window, unit);
  });
}
