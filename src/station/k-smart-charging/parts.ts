import type { StationContext } from "../context.ts";
import type { Distribution } from "./distribution.ts";
import type { ProfileStore } from "./profile-store.ts";
import type { SceneBuilder } from "./scene-builder.ts";

/** What the parts of this block work on. */
export interface SmartChargingParts {
  readonly context: StationContext;
  readonly store: ProfileStore;
  readonly builder: SceneBuilder;
  readonly distribution: Distribution;
}
