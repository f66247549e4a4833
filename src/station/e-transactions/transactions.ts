import * as v from "valibot";
import { InternalCtrlr, SampledDataCtrlr, TxCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type {
  MeterValueType,
  ReadingContextEnumType,
  TransactionEventRequest,
  TriggerReasonEnumType,
} from "../../ocpp/v201/index.ts";
import { MeterValueTypeSchema } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import { thinToSize, toMeterValue } from "../model/meter-values.ts";
import type { EvseEvent, MeterReading } from "../ports.ts";
import { createDeauthorization } from "./deauthorization.ts";
import { buildEvent, type EventFacts, newTransaction } from "./event-builder.ts";
import { type LeftSessions, readLeftSessions } from "./left-sessions.ts";
import { newSession, type Session, type TxPoint, type TxPoints, transition } from "./session.ts";

/** So long after the start EVerest may still resume a session that was running; then it is over (power loss). */
const RESUME_WINDOW_MILLISECONDS = 20_000;
/** Ids of the latest transactions that are over, kept so that none is ever given twice (E01.FR.08). */
const ENDED_IDS_KEY = "transactions.endedIds";
const ENDED_IDS_LIMIT = 256;
/** A decision that cannot be stored (disk full) is tried again; what happens meanwhile waits behind it. */
const STORE_RETRY_MILLISECONDS = 1_000;
const WAITING_EVENTS_LIMIT = 10_000;
/** Room for everything but the meter values in a message. */
const ENVELOPE_BYTES = 2_000;
const DEFAULT_MESSAGE_BYTES = 32_000;

/** E01–E15: the transactions of all EVSEs, each event decided, stored and queued in one unit of work. */
export function createTransactionsBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, hardware, hardwareEvents, logger, model, random } = context;
  const sessions = new Map<number, Session>();
  let left: LeftSessions = new Map();
  let endedIds: readonly string[] = core.keyValues.get(ENDED_IDS_KEY, v.array(v.string())) ?? [];
  let resumeTimer: Timer | undefined;
  let storeRetry: Timer | undefined;
  const waitingEvents: EvseEvent[] = [];
  /** What the other blocks are told once the session is stored and shown. */
  let announcements: (() => void)[] = [];
  const unsubscribes: (() => void)[] = [];

  const points = (): TxPoints => ({
    start: (deviceModel.read(TxCtrlr.TxStartPoint) ?? ["PowerPathClosed"]) as readonly TxPoint[],
    stop: (deviceModel.read(TxCtrlr.TxStopPoint) ?? ["EVConnected", "Authorized"]) as readonly TxPoint[],
  });

  const samplesOf = (
    reading: MeterReading | undefined,
    kind: ReadingContextEnumType,
    measurands: readonly string[] | undefined,
  ) =>
    deviceModel.read(SampledDataCtrlr.Enabled) === false
      ? undefined
      : toMeterValue(reading, kind, {
          measurands: measurands ?? [],
          signReadings: deviceModel.read(SampledDataCtrlr.SignReadings) === true,
          registersWithoutPhases: deviceModel.read(SampledDataCtrlr.RegisterValuesWithoutPhases) === true,
        });

  const valuesAtStart = (transactionId: string, reading: MeterReading | undefined): readonly MeterValueType[] => {
    const kept = samplesOf(reading, "Transaction.Begin", deviceModel.read(SampledDataCtrlr.TxEndedMeasurands));
    if (kept !== undefined) core.meterValues.append(transactionId, "Transaction.Begin", kept);
    const told = samplesOf(reading, "Transaction.Begin", deviceModel.read(SampledDataCtrlr.TxStartedMeasurands)); // E01.FR.09
    return told === undefined ? [] : [told];
  };

  const valuesAtEnd = (transactionId: string, reading: MeterReading | undefined): readonly MeterValueType[] => {
    const last = samplesOf(reading, "Transaction.End", deviceModel.read(SampledDataCtrlr.TxEndedMeasurands)); // E06.FR.11
    const stored = core.meterValues.list(transactionId).flatMap((value) => {
      const parsed = v.safeParse(MeterValueTypeSchema, value);
      return parsed.success ? [parsed.output] : [];
    });
    const limit = (deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES) - ENVELOPE_BYTES;
    return thinToSize(last === undefined ? stored : [...stored, last], limit);
  };

  const save = (session: Session): void => {
    const { transaction } = session;
    if (transaction === undefined) return;
    core.transactions.save({
      transactionId: transaction.transactionId,
      evseId: session.evseId,
      connectorId: session.connectorId,
      startedAt: new Date(transaction.startedAt),
      nextSequenceNumber: transaction.nextSequenceNumber,
      chargingState: session.chargingState,
      idTokenSent: transaction.tokenTold,
      state: session,
    });
  };

  /** What the other blocks see of a session. */
  const show = (evseId: number, session: Session | undefined): void => {
    const evse = model.evse(evseId);
    if (evse === undefined) return;
    evse.sessionId = session?.sessionId;
    evse.evConnected = session?.evConnected ?? false;
    evse.authorized = session?.authorized ?? false;
    const transaction = session?.transaction;
    evse.transaction =
      session === undefined || transaction === undefined
        ? undefined
        : {
            transactionId: transaction.transactionId,
            evseId,
            connectorId: session.connectorId,
            sessionId: session.sessionId,
            authorized: session.authorized || transaction.tokenTold,
            ...(session.token !== undefined && { idToken: session.token.idToken }),
            ...(session.token?.groupIdToken !== undefined && { groupIdToken: session.token.groupIdToken }),
            ...(session.token?.remoteStartId !== undefined && { remoteStartId: session.token.remoteStartId }),
          };
  };

  const keep = (evseId: number, session: Session | undefined): void => {
    if (session === undefined) sessions.delete(evseId);
    else sessions.set(evseId, session);
    show(evseId, session);
  };

  /** One decision about a session: written with its messages, then shown, then announced. */
  const decide = (evseId: number, decision: () => Session | undefined): void => {
    announcements = [];
    core.unitOfWork.run(() => {
      const next = decision();
      if (next !== undefined) save(next);
      core.unitOfWork.afterCommit(() => {
        keep(evseId, next);
        const announced = announcements;
        announcements = [];
        for (const announce of announced) announce();
      });
    });
  };

  const enqueue = (request: TransactionEventRequest, sessionId: string): void => {
    csms.enqueue("TransactionEvent", request);
    core.unitOfWork.afterCommit(() => hardware.observer.transactionEvent(request, sessionId));
  };

  const tell = (session: Session, facts: Omit<EventFacts, "offline">): Session => {
    if (session.transaction === undefined) return session;
    const built = buildEvent(session, session.transaction, { ...facts, offline: !csms.connected });
    enqueue(built.request, session.sessionId);
    return built.session;
  };

  const start = (
    session: Session,
    trigger: TriggerReasonEnumType,
    timestamp: Date,
    reading: MeterReading | undefined,
  ): Session => {
    // E01.FR.08: the session's id is unique; a further transaction of the session gets one of its own.
    const isFirst = session.transactionCount === 0 && session.sessionId !== "" && !endedIds.includes(session.sessionId);
    const transactionId = isFirst ? session.sessionId : random.uuid();
    const { stoppedReason: _, ...begun } = session;
    const opened: Session = {
      ...begun,
      transactionCount: session.transactionCount + 1,
      transaction: newTransaction(transactionId, timestamp),
    };
    const told = tell(opened, {
      eventType: "Started",
      trigger,
      timestamp,
      meterValue: valuesAtStart(transactionId, reading),
    });
    const { evseId, connectorId } = session;
    announcements.push(() => events.emit("transactionStarted", { transactionId, evseId, connectorId }));
    return told;
  };

  const end = (
    session: Session,
    facts: Pick<EventFacts, "trigger" | "timestamp" | "stoppingToken">,
    reading: MeterReading | undefined,
  ): Session => {
    const { transaction, evseId, connectorId } = session;
    if (transaction === undefined) return session;
    const { transactionId } = transaction;
    const suspended = session.chargingState === "SuspendedEV" ? "StoppedByEV" : "Other";
    const ending: Session = { ...session, stoppedReason: session.stoppedReason ?? suspended };
    const told = tell(ending, { ...facts, eventType: "Ended", meterValue: valuesAtEnd(transactionId, reading) });
    endedIds = [...endedIds, transactionId].slice(-ENDED_IDS_LIMIT);
    core.keyValues.set(ENDED_IDS_KEY, endedIds);
    core.transactions.remove(transactionId);
    core.meterValues.remove(transactionId);
    announcements.push(() => events.emit("transactionEnded", { transactionId, evseId, connectorId }));
    const { transaction: _, ...rest } = told;
    return rest;
  };

  const phasesUsed = (session: Session): number | undefined => {
    if (session.chargingState !== "Charging") return undefined;
    const currents = model
      .evse(session.evseId)
      ?.reading?.samples.filter(
        ({ measurand, phase }) => measurand === "Current.Import" && phase !== undefined && phase !== "N",
      );
    const used = currents?.filter(({ value }) => value >= 1).length ?? 0;
    return used > 0 ? used : undefined;
  };

  const report = (session: Session, facts: Omit<EventFacts, "offline" | "eventType">): Session => {
    const numberOfPhasesUsed = facts.trigger === "ChargingStateChanged" ? phasesUsed(session) : undefined;
    return tell(session, { ...facts, eventType: "Updated", numberOfPhasesUsed });
  };

  const take = (event: EvseEvent): void => {
    const current = sessions.get(event.evseId) ?? newSession(event.sessionId, event.evseId, event.connectorId);
    const step = transition(current, event, points());
    if (step === undefined) return;
    const reading = ("meter" in event ? event.meter : undefined) ?? model.evse(event.evseId)?.reading;
    const { timestamp } = event;
    decide(event.evseId, () => {
      const { trigger = "AbnormalCondition", stoppingToken } = step;
      let session = step.session;
      if (step.starts) session = start(session, trigger, timestamp, reading);
      else if (step.ends) session = end(session, { trigger, timestamp, stoppingToken }, reading);
      else if (session.transaction !== undefined && step.trigger !== undefined)
        session = report(session, { trigger, timestamp, meterValue: [], stoppingToken });
      return step.over ? undefined : session;
    });
  };

  /** In order and each until it is stored: an event of the hardware side is not told a second time. */
  const takeWaiting = (): void => {
    storeRetry?.cancel();
    for (let event = waitingEvents[0]; event !== undefined; event = waitingEvents[0]) {
      try {
        adoptLeft(event);
        take(event);
      } catch (error) {
        logger.critical(
          `${event.kind} of EVSE ${event.evseId} cannot be stored and waits: ${(error as Error).message}`,
        );
        storeRetry = clock.after(STORE_RETRY_MILLISECONDS, takeWaiting);
        return;
      }
      waitingEvents.shift();
      events.emit("evseChanged", { evseId: event.evseId });
    }
  };

  const receive = (event: EvseEvent): void => {
    if (waitingEvents.length >= WAITING_EVENTS_LIMIT) {
      logger.critical(
        `${event.kind} of EVSE ${event.evseId} is lost: ${WAITING_EVENTS_LIMIT} events wait to be stored`,
      );
      return;
    }
    waitingEvents.push(event);
    if (waitingEvents.length === 1) takeWaiting();
  };

  /** Power loss: the transaction ended when the station was last known to be alive. */
  const endLeft = (evseId: number): void => {
    const session = left.get(evseId);
    if (session?.transaction === undefined) return;
    left.delete(evseId);
    logger.warn(
      `Transaction ${session.transaction.transactionId} of EVSE ${evseId} did not survive the restart; it is ended`,
    );
    const timestamp = new Date(session.transaction.lastEventAt);
    const lost: Session = { ...session, stoppedReason: "PowerLoss", energyFlows: false };
    const current = sessions.get(evseId);
    decide(evseId, () => {
      end(lost, { trigger: "AbnormalCondition", timestamp }, undefined);
      return current;
    });
  };

  /** A session that was running before the restart goes on when the hardware side still speaks of it. */
  const adoptLeft = (event: EvseEvent): void => {
    const session = left.get(event.evseId);
    if (session === undefined) return;
    // EVerest reports the end of a resumed session without its id (BEHAVIOUR 3.3).
    const isSame =
      event.sessionId === session.sessionId || (event.kind === "TransactionFinished" && event.sessionId === "");
    if (isSame) {
      left.delete(event.evseId);
      logger.info(`Session ${session.sessionId} of EVSE ${event.evseId} goes on after the restart`);
      keep(event.evseId, session);
      deauthorization.resume(session);
    } else if (event.kind === "SessionStarted") endLeft(event.evseId);
  };

  const change = (evseId: number, changed: (session: Session) => Session): void => {
    const session = sessions.get(evseId);
    if (session?.transaction === undefined) return;
    decide(evseId, () => changed(session));
  };

  const deauthorization = createDeauthorization(context, {
    find: (transactionId) =>
      [...sessions.values()].find(({ transaction }) => transaction?.transactionId === transactionId),
    change,
    end: (evseId, trigger, stoppedReason) => {
      const session = sessions.get(evseId);
      if (session?.transaction === undefined) return;
      decide(evseId, () =>
        end({ ...session, stoppedReason }, { trigger, timestamp: clock.now() }, model.evse(evseId)?.reading),
      );
    },
  });

  context.services.stopTransactions = deauthorization.stopTransactions;

  context.services.reportMeterValues = (evseId, trigger, meterValue) => {
    if (sessions.get(evseId)?.transaction === undefined) return false;
    change(evseId, (session) => report(session, { trigger, timestamp: clock.now(), meterValue }));
    return true;
  };

  context.services.triggerTransactionEvent = (evseId) => {
    const running = [...sessions.values()].filter(
      (session) => session.transaction !== undefined && (evseId === undefined || session.evseId === evseId),
    );
    if (running.length === 0) return undefined;
    return () => {
      for (const session of running) {
        const reading = model.evse(session.evseId)?.reading;
        const value = samplesOf(reading, "Trigger", deviceModel.read(SampledDataCtrlr.TxUpdatedMeasurands)); // F06.FR.07
        context.services.reportMeterValues?.(session.evseId, "Trigger", value === undefined ? [] : [value]);
      }
    };
  };

  context.services.noteStopReason = (evseId, reason) =>
    change(evseId, ({ stoppedReason: _, ...session }) => ({
      ...session,
      ...(reason !== undefined && { stoppedReason: reason }),
    }));

  context.services.expectRemoteStart = (evseId) => {
    const session = sessions.get(evseId);
    return session?.authorized === false ? session.transaction?.transactionId : undefined; // F01.FR.13
  };

  csms.handle("GetTransactionStatus", ({ transactionId }) => {
    if (transactionId === undefined) return { response: { messagesInQueue: csms.hasQueuedTransactionEvents() } }; // E14.FR.06–08
    const ongoing =
      model.transaction(transactionId) !== undefined ||
      [...left.values()].some(({ transaction }) => transaction?.transactionId === transactionId);
    return { response: { ongoingIndicator: ongoing, messagesInQueue: csms.hasQueuedTransactionEvents(transactionId) } }; // E14.FR.01–05
  });

  csms.onDurableResult("TransactionEvent", (request, outcome) => deauthorization.takeResult(request, outcome));

  return {
    name: "transactions",
    start() {
      left = readLeftSessions(context);
      unsubscribes.push(
        hardwareEvents.on("evse", receive),
        hardwareEvents.on("meter", ({ evseId }) => deauthorization.checkEnergyLimit(evseId)),
      );
      resumeTimer = clock.after(RESUME_WINDOW_MILLISECONDS, () => {
        for (const evseId of [...left.keys()]) endLeft(evseId);
      });
    },
    stop() {
      resumeTimer?.cancel();
      storeRetry?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
