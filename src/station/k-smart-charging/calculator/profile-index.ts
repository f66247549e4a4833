import type { ChargingProfilePurposeEnumType } from "../../../ocpp/v201/index.ts";
import type { PreparedProfile } from "./prepared-profile.ts";

const NONE: readonly PreparedProfile[] = [];

/** Installed profiles by where they are installed and what they are for. */
export class ProfileIndex {
  private readonly byPlace = new Map<string, PreparedProfile[]>();

  constructor(profiles: Iterable<PreparedProfile>) {
    for (const profile of profiles) {
      const key = `${profile.evseId} ${profile.purpose}`;
      const here = this.byPlace.get(key);
      if (here === undefined) this.byPlace.set(key, [profile]);
      else here.push(profile);
    }
  }

  at(evseId: number, purpose: ChargingProfilePurposeEnumType): readonly PreparedProfile[] {
    return this.byPlace.get(`${evseId} ${purpose}`) ?? NONE;
  }
}
