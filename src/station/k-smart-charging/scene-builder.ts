import { ChargingStation, EVSE, SmartChargingCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { ChargingProfilePurposeEnumType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { Scene } from "./calculator/composite-schedule.ts";
import type { Electrical } from "./calculator/pieces.ts";
import { secondsOf } from "./calculator/prepared-profile.ts";
import type { ProfileStore } from "./profile-store.ts";
import type { RunningTransaction } from "./validation/profile-defect.ts";
import type { Supply } from "./validation/schedule-defects.ts";

const DEFAULT_LIMIT_AMPERES = 48;
const DEFAULT_LIMIT_WATTS = 33_120;
const DEFAULT_PHASES = 3;
const DEFAULT_VOLTAGE = 230;

const OF_CSMS: readonly ChargingProfilePurposeEnumType[] = [
  "ChargingStationMaxProfile",
  "TxDefaultProfile",
  "TxProfile",
];

/** Does the station offer smart charging, and is it switched on (K01.FR.29, K05.FR.04, F01.FR.12)? */
export function isSmartChargingOn({ deviceModel }: StationContext): boolean {
  return (
    deviceModel.read(SmartChargingCtrlr.Available) !== false && deviceModel.read(SmartChargingCtrlr.Enabled) !== false
  );
}

/** @throws what a station without smart charging answers (K01.FR.29). */
export function requireSmartCharging(context: StationContext): void {
  if (!isSmartChargingOn(context))
    throw new OcppError("NotSupported", "smart charging is not available or switched off");
}

export interface SceneBuilder {
  /** The station as it is now. */
  scene(): Scene;
  supplyOf(evseId: number): Supply;
  transactionOn(evseId: number): RunningTransaction | undefined;
  wattsPerAmpere(): number;
}

/** Everything that composite schedules follow from, gathered from the station. */
export function createSceneBuilder(context: StationContext, store: ProfileStore): SceneBuilder {
  const { csms, deviceModel, model } = context;

  const positive = (value: number | undefined, otherwise: number): number =>
    value === undefined || value <= 0 ? otherwise : value;

  /** The default is the fixed limit of an EVSE for which there is no profile (K04.FR.02, K06.FR.02). */
  const electrical = (): Electrical => ({
    voltage: positive(deviceModel.read(SmartChargingCtrlr.SupplyVoltage), DEFAULT_VOLTAGE),
    defaultPhases: positive(deviceModel.read(SmartChargingCtrlr.CompositeScheduleDefaultNumberPhases), DEFAULT_PHASES),
    defaultLimit: {
      A: deviceModel.read(SmartChargingCtrlr.CompositeScheduleDefaultLimitAmps) ?? DEFAULT_LIMIT_AMPERES,
      W: deviceModel.read(SmartChargingCtrlr.CompositeScheduleDefaultLimitWatts) ?? DEFAULT_LIMIT_WATTS,
    },
  });

  /** K06.FR.01, K07.FR.01 hold as long as nobody has configured otherwise; while switched off the CSMS's profiles rest. */
  const ignoredPurposes = (): ReadonlySet<ChargingProfilePurposeEnumType> => {
    if (!isSmartChargingOn(context)) return new Set(OF_CSMS);
    const offline = csms.connected ? [] : (deviceModel.read(SmartChargingCtrlr.IgnoredProfilePurposesOffline) ?? []);
    return new Set(OF_CSMS.filter((purpose) => offline.includes(purpose)));
  };

  /** No phases: the supply is direct current (part 2, SupplyPhases). */
  const phasesOf = (evseId: number): number =>
    deviceModel.read(EVSE.SupplyPhases.at(evseId)) ?? deviceModel.read(ChargingStation.SupplyPhases) ?? DEFAULT_PHASES;
  const supplyOf = (evseId: number): Supply => {
    const phases = evseId === 0 ? Math.max(0, ...model.evses.map((evse) => phasesOf(evse.evseId))) : phasesOf(evseId);
    return { isDirectCurrent: phases === 0, phases };
  };

  const transactionOn = (evseId: number): RunningTransaction | undefined => {
    const transaction = model.evse(evseId)?.transaction;
    if (transaction === undefined) return undefined;
    const { transactionId, readyAt } = transaction;
    return { transactionId, anchorSeconds: readyAt === undefined ? undefined : secondsOf(readyAt) };
  };

  return {
    scene: () => ({
      evses: model.evses.map(({ evseId }) => {
        const transaction = transactionOn(evseId);
        return {
          evseId,
          isDirectCurrent: supplyOf(evseId).isDirectCurrent,
          ...(transaction !== undefined && { transaction }),
        };
      }),
      profiles: store.index,
      electrical: electrical(),
      simulatesTransactions: true, // K08.FR.06, BEHAVIOUR 10.1
      ignoredPurposes: ignoredPurposes(),
    }),
    supplyOf,
    transactionOn,
    wattsPerAmpere: () => {
      const { voltage, defaultPhases } = electrical();
      return voltage * defaultPhases;
    },
  };
}
