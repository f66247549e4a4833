import { ChargingStation, EVSE, SmartChargingCtrlr } from "../../device-model/variables.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import type { StationContext } from "../context.ts";
import type { StationEvents } from "../events.ts";
import { alternativeSchedules } from "./calculator/alternatives.ts";
import { compositeSchedules } from "./calculator/composite-schedule.ts";
import { secondsOf } from "./calculator/prepared-profile.ts";
import { ChargingPriorities } from "./charging-priorities.ts";
import { handleClearChargingProfile } from "./clear-charging-profile.ts";
import { createDistribution } from "./distribution.ts";
import { createExternalLimits } from "./external-limits.ts";
import { handleGetCompositeSchedule, toMessage } from "./get-composite-schedule.ts";
import type { InstalledProfile } from "./installed-profile.ts";
import { ChargingNeeds } from "./needs/charging-needs.ts";
import { needsView } from "./needs/needs-store.ts";
import type { SmartChargingParts } from "./parts.ts";
import { DEFAULT_ENTRIES_LIMIT } from "./profile-rules.ts";
import { ProfileStore } from "./profile-store.ts";
import { profilesView } from "./profiles-view.ts";
import { createRateChanges } from "./rate-changes.ts";
import { createRemoteStartProfiles } from "./remote-start-profiles.ts";
import { handleGetChargingProfiles } from "./report-charging-profiles.ts";
import { createSceneBuilder } from "./scene-builder.ts";
import { handleSetChargingProfile } from "./set-charging-profile.ts";
import { UnansweredProfiles } from "./unanswered-profiles.ts";

/** Variables that limits follow from. */
const LIMITING = [
  SmartChargingCtrlr.Enabled,
  SmartChargingCtrlr.CompositeScheduleDefaultLimitAmps,
  SmartChargingCtrlr.CompositeScheduleDefaultLimitWatts,
  SmartChargingCtrlr.CompositeScheduleDefaultNumberPhases,
  SmartChargingCtrlr.SupplyVoltage,
  SmartChargingCtrlr.IgnoredProfilePurposesOffline,
  ChargingStation.SupplyPhases,
] as const;

/** So far ahead an overview looks. */
const OVERVIEW_SECONDS = 86_400;

function summary({ evseId, source, profile }: InstalledProfile) {
  const { id, stackLevel, chargingProfilePurpose: purpose, chargingProfileKind: kind, transactionId } = profile;
  return { id, evseId, purpose, stackLevel, kind, source, ...(transactionId !== undefined && { transactionId }) };
}

/** SmartChargingCtrlr.Entries: how many profiles are installed, and as its maxLimit how many may be. */
function describeEntries({ deviceModel }: StationContext, store: ProfileStore): void {
  const entries = deviceModel.find(SmartChargingCtrlr.Entries_ChargingProfiles);
  const maxLimit = typeof entries === "string" ? undefined : entries.characteristics.maxLimit;
  deviceModel.describe(SmartChargingCtrlr.Entries_ChargingProfiles, { maxLimit: maxLimit ?? DEFAULT_ENTRIES_LIMIT });
  deviceModel.compute(SmartChargingCtrlr.Entries_ChargingProfiles, () => String(store.size));
}

/** K01–K13, K15–K17: charging profiles, composite schedules and their distribution, charging needs of EVs. */
export const smartCharging = declareBlock({
  name: "smart-charging",
  letter: "K",
  needs: ["transactions", "statusViews"],
  provides: ["remoteStartProfiles"],
  hears: {
    "hardware.chargingNeeds": "follow-up",
    "hardware.evInfo": "follow-up",
    "hardware.externalLimit": "follow-up",
    "station.transactionStarted": "follow-up",
    "station.transactionResumed": "follow-up",
    "station.transactionEnded": "follow-up",
    "station.transactionEventAnswered": "follow-up",
    "station.evseChanged": "follow-up",
    "station.accepted": "follow-up",
    "link.connected": "follow-up",
    "link.disconnected": "follow-up",
  },
  views: { profiles: profilesView, needs: needsView },
  create,
});

function create(context: Given<"statusViews" | "transactions">) {
  const { clock, core, csms, deviceModel, logger, model, settings, statusViews, transactions } = context;
  const store = new ProfileStore(core, logger);
  const builder = createSceneBuilder(context, store);
  const priorities = new ChargingPriorities();
  const rateChanges = createRateChanges(context, transactions);
  const distribution = createDistribution(context, builder, priorities, rateChanges);
  const parts: SmartChargingParts = { context, store, builder, distribution };
  const remoteStarts = createRemoteStartProfiles(parts);
  const unanswered = new UnansweredProfiles(parts);
  const external = createExternalLimits(parts);
  const needs = new ChargingNeeds(context);
  const unsubscribes: (() => void)[] = [];

  handleSetChargingProfile(parts, unanswered, needs);
  handleGetChargingProfiles(parts);
  handleClearChargingProfile(parts);
  handleGetCompositeSchedule(parts);
  describeEntries(context, store);
  statusViews.register("charging", () => {
    const startSeconds = secondsOf(clock.now());
    const window = { startSeconds, endSeconds: startSeconds + OVERVIEW_SECONDS };
    const { unit } = settings.compositeSchedule;
    const scene = builder.scene();
    return {
      profiles: store.all.map(summary),
      needs: needs.entries.map((entry) => ({
        ...entry,
        alternatives: alternativeSchedules(scene, store.all, entry.evseId, window, unit).map(toMessage),
      })),
      schedules: compositeSchedules(scene, window, unit).map(toMessage),
    };
  });

  /** K02.FR.05: a TxProfile is gone with its transaction, also when that has not survived a restart. */
  const dropProfilesOfEnded = (): void => {
    const ended = store.all.filter(
      ({ profile }) =>
        profile.chargingProfilePurpose === "TxProfile" && model.transaction(profile.transactionId ?? "") === undefined,
    );
    if (ended.length === 0) return;
    try {
      core.unitOfWork.run(() => store.remove(ended.map(({ profile }) => profile.id)));
    } catch (error) {
      // They count for nothing without their transaction; the next end or start removes them.
      logger.error(`Charging profiles of ended transactions cannot be removed: ${(error as Error).message}`);
    }
  };

  /** Was any bound? */
  const bindProfiles = (): boolean =>
    model.evses.filter(({ transaction }) => transaction !== undefined && remoteStarts.bind(transaction)).length > 0;

  const follow = (): void => {
    bindProfiles();
    distribution.refreshSoon();
  };

  /** Of what happens at an EVSE few things change what it may draw: who shares the station's limit, and with which profile. */
  let followed = "";
  const followEvses = (): void => {
    const isBound = bindProfiles();
    const state = model.evses
      .map(({ evConnected, authorized, transaction }) => {
        const { transactionId, readyAt } = transaction ?? {};
        return `${evConnected}${authorized}${transactionId}${readyAt?.getTime()}`;
      })
      .join();
    if (state === followed && !isBound) return;
    followed = state;
    distribution.refreshSoon();
  };

  const catchUp = (): void => {
    if (csms.registration !== "Accepted") return;
    unanswered.report();
    needs.reconnected();
  };

  return {
    provides: { remoteStartProfiles: { defect: remoteStarts.defect, keep: remoteStarts.keep } },
    hears: {
      "hardware.chargingNeeds": (event: HeardEvents["hardware.chargingNeeds"]) => needs.take(event),
      "hardware.evInfo": (event: HeardEvents["hardware.evInfo"]) => needs.learnProtocol(event),
      "hardware.externalLimit": external.take,
      "station.transactionStarted"({ evseId }: StationEvents["transactionStarted"]) {
        follow();
        needs.transactionStarted(evseId);
      },
      "station.transactionResumed": follow,
      "station.transactionEnded"({ transactionId, evseId }: StationEvents["transactionEnded"]) {
        priorities.forget(transactionId);
        needs.transactionEnded(evseId);
        dropProfilesOfEnded();
        distribution.refreshSoon();
      },
      "station.transactionEventAnswered"({ request, response }: StationEvents["transactionEventAnswered"]) {
        if (priorities.learn(request, response)) distribution.refreshSoon();
        needs.lookAgain();
      },
      "station.evseChanged"({ evseId }: StationEvents["evseChanged"]) {
        followEvses();
        needs.evseChanged(evseId);
      },
      "station.accepted": catchUp,
      "link.connected"() {
        distribution.refreshSoon();
        catchUp();
      },
      "link.disconnected"() {
        unanswered.disconnected();
        distribution.refreshSoon();
      },
    },
    async start() {
      store.load();
      dropProfilesOfEnded();
      bindProfiles();
      needs.restore();
      for (const handle of [...LIMITING, ...model.evses.map(({ evseId }) => EVSE.SupplyPhases.at(evseId))])
        unsubscribes.push(deviceModel.onChange(handle, () => distribution.refreshSoon()));
      await distribution.start();
    },
    stop() {
      distribution.stop();
      needs.stop();
      unanswered.disconnected();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
