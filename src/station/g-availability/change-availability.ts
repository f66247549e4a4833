import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { ChangeAvailabilityResponse, OperationalStatusEnumType } from "../../ocpp/v201/index.ts";
import { storedValue, type ViewRow } from "../../store/database-view.ts";
import { declareBlock, type Given } from "../block.ts";
import type { EvseEvent } from "../ports.ts";
import type { AvailabilityService } from "../services.ts";

/** A level of the station at which the CSMS may set availability; 0 stands for "the whole of it" as in the store. */
interface Target {
  readonly evseId: number;
  readonly connectorId: number;
}

const ScheduledChanges = v.array(v.object({ evseId: v.number(), connectorId: v.number(), operative: v.boolean() }));
type ChangeStatus = "Accepted" | "Rejected" | "Scheduled";
type ScheduledChange = v.InferOutput<typeof ScheduledChanges>[number];

const SCHEDULED_CHANGES_KEY = "availability.scheduled";
/** Holder of the EVSEs that take no new transaction while a change of the whole station waits for the others. */
const SCHEDULE = "scheduled-availability";

function covers(outer: Target, inner: Target): boolean {
  return (
    (outer.evseId === 0 || outer.evseId === inner.evseId) &&
    (outer.connectorId === 0 || outer.connectorId === inner.connectorId)
  );
}

/** G03 and G04: operational status of station, EVSEs and connectors, persistent, and carried out by the hardware. */
export const changeAvailability = declareBlock({
  name: "change-availability",
  letter: "G",
  needs: ["connectors", "evseHolds"],
  provides: ["availability"],
  hears: { "hardware.evse": "status", "station.transactionEnded": "release" },
  views: { waiting: waitingChanges },
  create,
});

/** What `inspect waiting` shows of changes that wait for the end of transactions. */
function waitingChanges(database: Database): readonly ViewRow[] {
  return (storedValue(database, SCHEDULED_CHANGES_KEY, ScheduledChanges) ?? []).map(({ evseId, operative }) => ({
    what: `availability ${operative ? "Operative" : "Inoperative"}`,
    evse: evseId === 0 ? null : evseId,
    state: "waits",
  }));
}

function create({ core, csms, hardware, logger, model, connectors, evseHolds }: Given<"connectors" | "evseHolds">) {
  let scheduled: readonly ScheduledChange[] = core.keyValues.get(SCHEDULED_CHANGES_KEY, ScheduledChanges) ?? [];

  const stored = ({ evseId, connectorId }: Target): boolean =>
    core.availability.get(evseId, connectorId) !== "Inoperative";

  /** Available only if station, EVSE and connector all are (G03.FR.06, FR.07, G04.FR.07, FR.08), and nobody says otherwise. */
  const isShownOperative = (evseId: number, connectorId: number): boolean =>
    stored({ evseId: 0, connectorId: 0 }) &&
    stored({ evseId, connectorId: 0 }) &&
    stored({ evseId, connectorId }) &&
    !evseHolds.isHeld(evseId);

  /** What the hardware side is told: an EVSE that only takes no new session is disabled there, too. */
  const isOperative = (evseId: number, connectorId: number): boolean =>
    isShownOperative(evseId, connectorId) && !evseHolds.isClosed(evseId);

  /** Without evse the whole station is meant (G04.FR.01); empty when there is no such thing. */
  const connectorsOf = (target: Target): { evseId: number; connectorId: number }[] =>
    model.evses
      .filter(({ evseId }) => target.evseId === evseId || (target.evseId === 0 && target.connectorId === 0))
      .flatMap(({ evseId, connectors: found }) =>
        found
          .filter(({ connectorId }) => target.connectorId === 0 || target.connectorId === connectorId)
          .map(({ connectorId }) => ({ evseId, connectorId })),
      );

  const setUnavailable = (evseId: number, connectorId: number, unavailable: boolean): void =>
    connectors.update(evseId, connectorId, (connector) => {
      connector.unavailable = unavailable;
    });

  /**
   * Brings one connector of the hardware into the state that holds now; the answer says whether it is enabled. What the
   * CSMS made Inoperative is Unavailable at once and whatever the answer: the cable may be out before it comes.
   */
  const apply = async (evseId: number, connectorId: number): Promise<void> => {
    const operative = isOperative(evseId, connectorId);
    if (!isShownOperative(evseId, connectorId)) setUnavailable(evseId, connectorId, true);
    try {
      const enabled = await hardware.evse.enableConnector(evseId, connectorId, operative);
      if (isOperative(evseId, connectorId) !== operative) return;
      if (operative && !enabled)
        logger.warn(`Connector ${evseId}/${connectorId} stays disabled: something stronger than the CSMS disabled it`);
      if (!operative && enabled)
        logger.warn(`Connector ${evseId}/${connectorId} stays enabled: something stronger than the CSMS enabled it`);
      if (operative) setUnavailable(evseId, connectorId, !enabled);
    } catch (error) {
      logger.error(
        `Connector ${evseId}/${connectorId} could not be ${operative ? "enabled" : "disabled"}: ${(error as Error).message}`,
      );
    }
  };

  const applyAll = (target: Target): void => {
    for (const { evseId, connectorId } of connectorsOf(target)) void apply(evseId, connectorId);
  };

  /**
   * Others may enable and disable, too. An Enabled from before our own disabling may come late: it does not count. Nor
   * does the Disabled of an EVSE that is only closed.
   */
  const followHardware = ({ kind, evseId, connectorId }: EvseEvent): void => {
    const operative = isOperative(evseId, connectorId);
    const isOnlyClosed = !operative && isShownOperative(evseId, connectorId);
    if (kind === "Disabled" && !isOnlyClosed) setUnavailable(evseId, connectorId, true);
    if (kind === "Enabled" && operative) setUnavailable(evseId, connectorId, false);
  };

  const saveScheduled = (changes: readonly ScheduledChange[]): void => {
    core.keyValues.set(SCHEDULED_CHANGES_KEY, changes);
    core.unitOfWork.afterCommit(() => {
      scheduled = changes;
    });
  };

  /** While the station waits to become Inoperative, an EVSE that is idle takes no new transaction. */
  const holdIdleEvses = (): void => {
    const waits = scheduled.some(({ evseId, operative }) => evseId === 0 && !operative);
    const idle = model.evses.filter(({ evseId }) => waits && !core.transactions.runsOn(evseId));
    evseHolds.holdOnly(SCHEDULE, new Set(idle.map(({ evseId }) => evseId)));
  };

  /** Transactions that an earlier run left count as long as nobody has ended them. */
  const isBusy = (target: Target): boolean =>
    connectorsOf(target).some(({ evseId }) => core.transactions.runsOn(evseId));

  const persist = (target: Target, operative: boolean): void => {
    const status: OperationalStatusEnumType = operative ? "Operative" : "Inoperative";
    core.availability.set(target.evseId, target.connectorId, status); // G01.FR.02, G03.FR.08, G04.FR.09
  };

  /** Decides and persists; `carryOut` runs once the answer is on its way. */
  const decide = (target: Target, operative: boolean): { status: ChangeStatus; carryOut: () => void } => {
    if (connectorsOf(target).length === 0) return { status: "Rejected", carryOut: () => {} };
    return core.unitOfWork.run(() => {
      const others = scheduled.filter((change) => !covers(target, change));
      const already = stored(target) === operative; // G03.FR.03, G04.FR.04
      if (!already && isBusy(target)) {
        saveScheduled([...others, { ...target, operative }]);
        return { status: "Scheduled", carryOut: holdIdleEvses }; // G03.FR.05, G04.FR.06
      }
      if (others.length !== scheduled.length) saveScheduled(others);
      persist(target, operative);
      const carryOut = (): void => {
        holdIdleEvses();
        applyAll(target);
      };
      return { status: "Accepted", carryOut };
    });
  };

  /** A transaction is over: what waited for it is done now (G01.FR.05). */
  const carryOutScheduled = (): void => {
    const ready = scheduled.filter((change) => !isBusy(change));
    if (ready.length > 0)
      core.unitOfWork.run(() => {
        saveScheduled(scheduled.filter((change) => !ready.includes(change)));
        for (const change of ready) persist(change, change.operative);
      });
    holdIdleEvses();
    for (const change of ready) applyAll(change);
  };

  evseHolds.onChange((evseId) => applyAll({ evseId, connectorId: 0 }));

  const change: AvailabilityService["change"] = ({ evseId, connectorId, operative }) => {
    const { status, carryOut } = decide({ evseId: evseId ?? 0, connectorId: connectorId ?? 0 }, operative);
    carryOut();
    return status;
  };

  csms.handle("ChangeAvailability", ({ evse, operationalStatus }) => {
    const target = { evseId: evse?.id ?? 0, connectorId: evse?.connectorId ?? 0 };
    const { status, carryOut } = decide(target, operationalStatus === "Operative");
    const reasonCode = model.evse(target.evseId) === undefined ? "UnknownEvse" : "UnknownConnectorId";
    const response: ChangeAvailabilityResponse = {
      status, // G03.FR.01, FR.02, G04.FR.02, FR.03
      ...(status === "Rejected" && { statusInfo: { reasonCode, additionalInfo: "no such EVSE or connector" } }),
    };
    return { response, afterResponse: carryOut };
  });

  return {
    provides: { availability: { change } },
    hears: { "hardware.evse": followHardware, "station.transactionEnded": carryOutScheduled },
    start() {
      for (const { evseId, connectorId } of connectorsOf({ evseId: 0, connectorId: 0 }))
        setUnavailable(evseId, connectorId, !isOperative(evseId, connectorId)); // B01.FR.07
      carryOutScheduled();
      applyAll({ evseId: 0, connectorId: 0 });
    },
  };
}
