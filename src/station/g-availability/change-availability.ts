import * as v from "valibot";
import type { ChangeAvailabilityResponse, OperationalStatusEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** A level of the station at which the CSMS may set availability; 0 stands for "the whole of it" as in the store. */
interface Target {
  readonly evseId: number;
  readonly connectorId: number;
}

const ScheduledChanges = v.array(v.object({ evseId: v.number(), connectorId: v.number(), operative: v.boolean() }));
type ScheduledChange = v.InferOutput<typeof ScheduledChanges>[number];

const SCHEDULED_CHANGES_KEY = "availability.scheduled";

/** G03 and G04: operational status of station, EVSEs and connectors, persistent, and carried out by the hardware. */
export function createChangeAvailabilityBlock(context: StationContext): Block {
  const { core, csms, events, hardware, logger, model } = context;
  /** Holders that keep an EVSE Unavailable for a while, e.g. a waiting reset; never persisted. */
  const holders = new Map<string, ReadonlySet<number>>();
  let scheduled: readonly ScheduledChange[] = [];
  const unsubscribes: (() => void)[] = [];

  const stored = (evseId: number, connectorId: number): boolean =>
    core.availability.get(evseId, connectorId) !== "Inoperative";

  /** Operative only if station, EVSE and connector all are (G03.FR.06, G04.FR.07), and nobody holds the EVSE. */
  const isOperative = (evseId: number, connectorId: number): boolean =>
    stored(0, 0) &&
    stored(evseId, 0) &&
    stored(evseId, connectorId) &&
    ![...holders.values()].some((evseIds) => evseIds.has(evseId));

  const connectorsOf = (target: Target): { evseId: number; connectorId: number }[] =>
    model.evses
      .filter(({ evseId }) => target.evseId === 0 || target.evseId === evseId)
      .flatMap(({ evseId, connectors }) =>
        connectors
          .filter(({ connectorId }) => target.connectorId === 0 || target.connectorId === connectorId)
          .map(({ connectorId }) => ({ evseId, connectorId })),
      );

  /** Brings one connector of the hardware into the state that holds now; the answer says whether it is enabled. */
  const apply = async (evseId: number, connectorId: number): Promise<void> => {
    const operative = isOperative(evseId, connectorId);
    try {
      const enabled = await hardware.evse.enableConnector(evseId, connectorId, operative);
      if (isOperative(evseId, connectorId) !== operative) return;
      if (operative && !enabled)
        logger.warn(`Connector ${evseId}/${connectorId} stays disabled: something stronger than the CSMS disabled it`);
      context.services.updateConnector?.(evseId, connectorId, (connector) => {
        connector.unavailable = !enabled;
      });
    } catch (error) {
      logger.error(
        `Connector ${evseId}/${connectorId} could not be ${operative ? "enabled" : "disabled"}: ${(error as Error).message}`,
      );
      if (!operative)
        context.services.updateConnector?.(evseId, connectorId, (connector) => {
          connector.unavailable = true;
        });
    }
  };

  const applyAll = (target: Target): void => {
    for (const { evseId, connectorId } of connectorsOf(target)) void apply(evseId, connectorId);
  };

  const covers = (outer: Target, inner: Target): boolean =>
    (outer.evseId === 0 || outer.evseId === inner.evseId) &&
    (outer.connectorId === 0 || outer.connectorId === inner.connectorId);

  const saveScheduled = (changes: readonly ScheduledChange[]): void => {
    core.keyValues.set(SCHEDULED_CHANGES_KEY, changes);
    scheduled = changes;
  };

  const dropScheduled = (target: Target): void => {
    const remaining = scheduled.filter((change) => !covers(target, change));
    if (remaining.length !== scheduled.length) saveScheduled(remaining);
  };

  const isBusy = (target: Target): boolean =>
    connectorsOf(target).some(({ evseId }) => model.evse(evseId)?.transaction !== undefined);

  const persist = (target: Target, operative: boolean): void => {
    const status: OperationalStatusEnumType = operative ? "Operative" : "Inoperative";
    core.availability.set(target.evseId, target.connectorId, status); // G03.FR.08, G04.FR.09
  };

  /** Decides and persists; `carryOut` runs once the answer is on its way. */
  const decide = (
    target: Target,
    operative: boolean,
  ): { status: "Accepted" | "Rejected" | "Scheduled"; carryOut: () => void } => {
    if (connectorsOf(target).length === 0) return { status: "Rejected", carryOut: () => {} };
    return core.unitOfWork.run(() => {
      dropScheduled(target);
      const already = stored(target.evseId, target.connectorId) === operative;
      if (!already && isBusy(target)) {
        saveScheduled([...scheduled, { ...target, operative }]); // G03.FR.05, G04.FR.06
        return { status: "Scheduled", carryOut: () => disableIdlePartsOf(target, operative) };
      }
      persist(target, operative);
      return { status: "Accepted", carryOut: () => applyAll(target) };
    });
  };

  /** While a change of a larger scope waits, its idle EVSEs take no new transaction. */
  const disableIdlePartsOf = (target: Target, operative: boolean): void => {
    if (operative || target.evseId !== 0) return;
    const idle = model.evses.filter((evse) => evse.transaction === undefined).map((evse) => evse.evseId);
    holdUnavailable("scheduled-availability", idle);
  };

  const carryOutScheduled = (): void => {
    const ready = scheduled.filter((change) => !isBusy(change));
    if (ready.length === 0) return;
    core.unitOfWork.run(() => {
      saveScheduled(scheduled.filter((change) => !ready.includes(change)));
      for (const change of ready) persist(change, change.operative);
    });
    if (!scheduled.some((change) => change.evseId === 0)) releaseUnavailable("scheduled-availability");
    for (const change of ready) applyAll(change);
  };

  const holdUnavailable = (holder: string, evseIds: readonly number[]): void => {
    const held = holders.get(holder) ?? new Set();
    const added = evseIds.filter((evseId) => !held.has(evseId));
    holders.set(holder, new Set([...held, ...added]));
    for (const evseId of added) applyAll({ evseId, connectorId: 0 });
  };

  const releaseUnavailable = (holder: string): void => {
    const held = holders.get(holder);
    if (!holders.delete(holder)) return;
    for (const evseId of held ?? []) applyAll({ evseId, connectorId: 0 });
  };

  context.services.holdUnavailable = holdUnavailable;
  context.services.releaseUnavailable = releaseUnavailable;
  context.services.changeAvailability = ({ evseId, connectorId, operative }) => {
    const { status, carryOut } = decide({ evseId: evseId ?? 0, connectorId: connectorId ?? 0 }, operative);
    carryOut();
    return status;
  };

  csms.handle("ChangeAvailability", ({ evse, operationalStatus }) => {
    const target = { evseId: evse?.id ?? 0, connectorId: evse?.connectorId ?? 0 };
    const { status, carryOut } = decide(target, operationalStatus === "Operative");
    const response: ChangeAvailabilityResponse =
      status === "Rejected"
        ? { status, statusInfo: { reasonCode: "UnknownConnectorId", additionalInfo: "no such EVSE or connector" } }
        : { status };
    return { response, afterResponse: carryOut };
  });

  return {
    name: "change-availability",
    start() {
      scheduled = core.keyValues.get(SCHEDULED_CHANGES_KEY, ScheduledChanges) ?? [];
      unsubscribes.push(events.on("transactionEnded", carryOutScheduled));
      for (const evse of model.evses)
        for (const connector of evse.connectors)
          connector.unavailable = !isOperative(evse.evseId, connector.connectorId); // B01.FR.07, G01.FR.02
      applyAll({ evseId: 0, connectorId: 0 });
      carryOutScheduled();
    },
    stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
