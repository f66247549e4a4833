import * as v from "valibot";
import { type ChargingProfileType, ChargingProfileTypeSchema } from "../../ocpp/v201/index.ts";
import type { TransactionView } from "../model/station-model.ts";
import type { SmartChargingParts } from "./parts.ts";
import { profileRules } from "./profile-rules.ts";
import { isSmartChargingOn } from "./scene-builder.ts";
import type { ProfileDefect } from "./validation/defect.ts";
import { profileDefect } from "./validation/profile-defect.ts";

const PENDING_KEY = "remote-start-profiles";
/** Remote starts that may wait for their transaction; the oldest are forgotten. */
const PENDING_LIMIT = 64;
const Pending = v.array(v.object({ remoteStartId: v.number(), profile: ChargingProfileTypeSchema }));

export interface RemoteStartProfiles {
  /** Why a profile of RequestStartTransaction cannot be carried out; undefined when it can, or is ignored. */
  defect(evseId: number | undefined, profile: ChargingProfileType): ProfileDefect | undefined;
  /** Keeps the profile of an accepted remote start, or that it had none, for the transaction that comes of it. */
  keep(remoteStartId: number, profile: ChargingProfileType | undefined): void;
  /** Binds what was kept for a transaction to it; true if there was something. */
  bind(transaction: TransactionView): boolean;
}

/** F01.FR.10–12, F02.FR.18–20, K05: TxProfiles that come with RequestStartTransaction, before there is a transaction. */
export function createRemoteStartProfiles(parts: SmartChargingParts): RemoteStartProfiles {
  const { context, store } = parts;
  const { core, logger } = context;
  let pending = core.keyValues.get(PENDING_KEY, Pending) ?? [];

  const write = (next: typeof pending): void => {
    core.keyValues.set(PENDING_KEY, next);
    core.unitOfWork.afterCommit(() => {
      pending = next;
    });
  };

  return {
    defect(evseId, profile) {
      if (!isSmartChargingOn(context)) return undefined; // K05.FR.04, F01.FR.12, F02.FR.20
      const place = evseId ?? context.model.evses[0]?.evseId ?? 1;
      const found = profileDefect({ evseId: place, profile, source: "RequestStartTransaction" }, profileRules(parts));
      // As in EVerest (CHANGES c.3): a profile is taken for an EVSE that the CSMS has chosen (F01.FR.07 leaves that open).
      if (found === undefined && evseId === undefined)
        return { reasonCode: "UnsupportedParam", additionalInfo: "a charging profile needs an evseId" };
      if (found === undefined) return undefined;
      // K05.FR.05, F01.FR.26, F02.FR.27 know two reasons.
      return { ...found, reasonCode: found.reasonCode === "InvalidSchedule" ? "InvalidSchedule" : "InvalidProfile" };
    },
    keep(remoteStartId, profile) {
      const others = pending.filter((one) => one.remoteStartId !== remoteStartId);
      const wanted = profile !== undefined && isSmartChargingOn(context) ? [{ remoteStartId, profile }] : [];
      if (wanted.length === 0 && others.length === pending.length) return;
      core.unitOfWork.run(() => write([...others, ...wanted].slice(-PENDING_LIMIT)));
    },
    bind({ transactionId, evseId, remoteStartId }) {
      const found = pending.find((one) => one.remoteStartId === remoteStartId);
      if (found === undefined) return false;
      try {
        core.unitOfWork.run(() => {
          store.install({ evseId, source: "CSO", profile: { ...found.profile, transactionId } }); // K05.FR.03, F01.FR.10, F02.FR.18
          write(pending.filter((one) => one !== found));
        });
        return true;
      } catch (error) {
        logger.critical(
          `The charging profile of transaction ${transactionId} cannot be stored: ${(error as Error).message}`,
        );
        return false;
      }
    },
  };
}
