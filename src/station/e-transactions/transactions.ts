import { SampledDataCtrlr, TxCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import { SteadyTime } from "../../lib/steady-time.ts";
import type { MeterValueType, ReasonEnumType, TriggerReasonEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import { importedEnergyWattHours, phasesInUse } from "../model/meter-values.ts";
import type { MeterReading } from "../ports.ts";
import { countedUntil, countOn } from "./charging-time.ts";
import { createDeauthorization } from "./deauthorization.ts";
import { buildEvent, type EventFacts } from "./event-builder.ts";
import { createEventIntake } from "./event-intake.ts";
import { begins, createInterruption } from "./interruption.ts";
import { readLeftSessions } from "./left-sessions.ts";
import { lastKnownReading, newSession, newTransaction, type Session, withLastKnown } from "./session.ts";
import { createSessionJournal } from "./session-journal.ts";
import { createTransactionValues } from "./transaction-values.ts";
import {
  concernsSession,
  endsByReset,
  type SessionEvent,
  type SessionInput,
  type Step,
  type TxPoint,
  type TxPoints,
  transition,
} from "./transition.ts";

/** How often what is known of running transactions is written down, against a power cut. */
const REMEMBER_MILLISECONDS = 60_000;

const ENDS_WITH_AUTHORIZATION: ReadonlySet<TxPoint> = new Set(["Authorized", "PowerPathClosed", "EnergyTransfer"]);

/** When something happened, by the wall clock and by the steady time. */
type Moment = Pick<EventFacts, "timestamp" | "countedAt">;

type Ending = Moment &
  Pick<EventFacts, "trigger" | "stoppingToken"> & {
    readonly reading: MeterReading | undefined;
    readonly event?: SessionInput;
    /** The session ended unseen: what was kept may be newer than the reading. */
    readonly unseen?: boolean;
  };

/** E01–E15: the transactions of all EVSEs, each event decided, stored and queued in one unit of work. */
export function createTransactionsBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, hardware, hardwareEvents, logger, model, services } = context;
  const journal = createSessionJournal(context);
  const values = createTransactionValues(context);
  const sessions = new Map<number, Session>();
  const steadyTime = new SteadyTime(clock);
  const thisMoment = (): Moment => ({ timestamp: clock.now(), countedAt: steadyTime.now() });
  /** Sessions that are over, by EVSE: what still arrives of them is too late. */
  const lastSessionIds = new Map<number, string>();
  /** An event was promised of a transaction of an earlier run: it follows when it is known to go on; else its Ended does (F06.FR.10). */
  const triggeredEarly = new Set<number>();
  let remembering: Timer | undefined;
  const unsubscribes: (() => void)[] = [];

  const points = (): TxPoints => {
    const start = (deviceModel.read(TxCtrlr.TxStartPoint) ?? ["PowerPathClosed"]) as readonly TxPoint[];
    const stop = (deviceModel.read(TxCtrlr.TxStopPoint) ?? ["EVConnected", "Authorized"]) as readonly TxPoint[];
    const signs = deviceModel.read(SampledDataCtrlr.SignReadings) === true; // E01.FR.04
    return { start: signs ? start : start.filter((point) => point !== "DataSigned"), stop };
  };

  /** What the other blocks see of a session. */
  const show = (evseId: number, session: Session | undefined): void => {
    const evse = model.evse(evseId);
    if (evse === undefined) return;
    evse.sessionId = session?.sessionId;
    evse.evConnected = session?.evConnected ?? false;
    evse.authorized = session?.authorized ?? false;
    evse.energyFlows = session?.energyFlows ?? false;
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

  /** One decision about a session: written with its messages, then shown, then announced (effects run in order). */
  const decide = (evseId: number, decision: () => Session | undefined): void =>
    core.unitOfWork.run(() => {
      let next: Session | undefined;
      core.unitOfWork.afterCommit(() => keep(evseId, next));
      const decided = decision();
      const reading = model.evse(evseId)?.reading;
      next = decided && withLastKnown(decided, clock.now(), steadyTime.now(), reading ?? lastKnownReading(decided));
      journal.save(evseId, next);
    });

  /** A decision that nobody repeats: when it cannot be stored, nothing has changed, and that is logged. */
  const tryToDecide = (evseId: number, decision: () => Session | undefined): boolean => {
    try {
      decide(evseId, decision);
      return true;
    } catch (error) {
      logger.critical(`A decision about EVSE ${evseId} cannot be stored: ${(error as Error).message}`);
      return false;
    }
  };

  const tell = (session: Session, facts: Omit<EventFacts, "offline">): Session => {
    if (session.transaction === undefined) return session;
    const keyed = values.withKeys(session, facts.meterValue);
    if (keyed.session.transaction === undefined) return session;
    const built = buildEvent(keyed.session, keyed.session.transaction, {
      ...facts,
      meterValue: keyed.values,
      numberOfPhases: phasesInUse(model.evse(session.evseId)?.reading),
      offline: !csms.connected,
    });
    // E04.FR.01, FR.02, E08.FR.04–06, E11.FR.01, FR.02, E12.FR.01, FR.02
    csms.enqueue("TransactionEvent", built.request);
    core.unitOfWork.afterCommit(() => hardware.observer.transactionEvent(built.request, session.sessionId));
    return built.session;
  };

  const start = (
    session: Session,
    trigger: TriggerReasonEnumType,
    moment: Moment,
    reading: MeterReading | undefined,
  ): Session => {
    const transactionId = journal.nextTransactionId(session);
    const energyAtStart = importedEnergyWattHours(reading);
    const { stoppedReason: _, ...begun } = session;
    const opened: Session = {
      ...begun,
      transactionCount: session.transactionCount + 1,
      transaction: {
        ...newTransaction(transactionId, moment.timestamp),
        ...(energyAtStart !== undefined && { energyAtStartWattHours: energyAtStart }),
      },
    };
    const meterValue = values.begin(transactionId, reading);
    const told = tell(opened, { ...moment, eventType: "Started", trigger, meterValue });
    const { evseId, connectorId } = session;
    core.unitOfWork.afterCommit(() => events.emit("transactionStarted", { transactionId, evseId, connectorId }));
    return told;
  };

  const end = (session: Session, { reading, event, unseen = false, ...facts }: Ending): Session => {
    const { transaction, evseId, connectorId } = session;
    if (transaction === undefined) return session;
    const { transactionId } = transaction;
    const suspended = session.chargingState === "SuspendedEV" ? "StoppedByEV" : "Other";
    const ending: Session = { ...session, stoppedReason: session.stoppedReason ?? suspended };
    const meterValue = values.end(transactionId, reading, { event, unseen });
    const { transaction: _, ...rest } = tell(ending, { ...facts, eventType: "Ended", meterValue });
    journal.close(transactionId);
    values.forget(transactionId);
    core.unitOfWork.afterCommit(() => events.emit("transactionEnded", { transactionId, evseId, connectorId }));
    return rest;
  };

  /** The reading that came with the event, unless a newer one is known and nothing would be lost with the older. */
  const readingOf = (event: SessionInput): MeterReading | undefined => {
    const own = "meter" in event ? event.meter : undefined;
    const known = model.evse(event.evseId)?.reading;
    if (own === undefined || known === undefined) return own ?? known;
    const isSigned = own.samples.some(({ signedMeterValue }) => signedMeterValue !== undefined);
    return isSigned || own.timestamp >= known.timestamp ? own : known;
  };

  const carryOut = (step: Step, event: SessionInput, countedAt: Date): Session | undefined => {
    const { session, trigger = "AbnormalCondition", stoppingToken } = step;
    const moment: Moment = { timestamp: event.timestamp, countedAt };
    const reading = readingOf(event);
    let next = session;
    if (step.starts) next = start(session, trigger, moment, reading);
    else if (step.ends) next = end(session, { ...moment, trigger, stoppingToken, reading, event });
    else if (step.trigger !== undefined) {
      const meterValue = event.kind === "SessionResumed" ? values.update(reading, "Interruption.End") : [];
      next = tell(session, { ...moment, eventType: "Updated", trigger, meterValue, stoppingToken });
    }
    return step.over ? undefined : next;
  };

  /** What an earlier session left at the EVSE when another one begins: its end was never told. */
  const endForgotten = (session: Session, moment: Moment): void => {
    logger.warn(`Session ${session.sessionId} of EVSE ${session.evseId} ended without a word: another one begins`);
    const stopped: Session = { ...session, stoppedReason: session.stoppedReason ?? "Other" };
    decide(session.evseId, () => {
      end(stopped, { ...moment, trigger: "AbnormalCondition", reading: model.evse(session.evseId)?.reading });
      return undefined;
    });
    lastSessionIds.set(session.evseId, session.sessionId);
  };

  /** The session that an event belongs to; undefined when it speaks of one that is over. */
  const sessionOf = (event: SessionInput, countedAt: Date): Session | undefined => {
    const current = sessions.get(event.evseId);
    const { sessionId, evseId } = event;
    if (current !== undefined && (sessionId === "" || sessionId === current.sessionId)) return current;
    if (current?.sessionId === "") return { ...current, sessionId };
    const isOver = sessionId !== "" && lastSessionIds.get(evseId) === sessionId && event.kind !== "SessionStarted";
    if (isOver || !begins(event)) return undefined;
    if (current !== undefined) endForgotten(current, { timestamp: event.timestamp, countedAt });
    return newSession(sessionId, evseId, event.connectorId);
  };

  const takeStep = (event: SessionEvent, countedAt: Date): void => {
    const session = sessionOf(event, countedAt);
    if (session === undefined) {
      logger.warn(`${event.kind} of EVSE ${event.evseId} is ignored: session "${event.sessionId}" does not run`);
      return;
    }
    const step = transition(session, event, points());
    decide(event.evseId, () => carryOut(step, event, countedAt));
    if (step.over) lastSessionIds.set(event.evseId, step.session.sessionId);
    if (event.kind === "ChargingStarted") deauthorization.checkEnergyLimit(event.evseId);
  };

  const take = (event: SessionInput, countedAt: Date): void => {
    if (concernsSession(event)) {
      interruption.meet(event);
      takeStep(event, countedAt);
    }
    events.emit("evseChanged", { evseId: event.evseId });
  };
  const intake = createEventIntake(context, steadyTime, take);

  /** The latest of the times at which the station is known to have been there. */
  const lastAlive = ({ lastKnown, transaction }: Session): Date => {
    const newestValue = transaction && values.newestAt(transaction.transactionId);
    const times = [lastKnown?.at, transaction?.lastEventAt, newestValue].filter((time) => time !== undefined);
    return new Date(Math.max(...times.map((time) => Date.parse(time))));
  };

  const interruption = createInterruption(context, {
    adopt(session) {
      const { transaction, evseId, connectorId } = session;
      decide(evseId, () => {
        values.keepInterruption(session, model.evse(evseId)?.reading);
        return session;
      });
      if (transaction === undefined) return;
      events.emit("transactionResumed", { transactionId: transaction.transactionId, evseId, connectorId });
      if (triggeredEarly.delete(evseId)) tellTriggered(evseId);
      deauthorization.resume(session);
    },
    abandon(session) {
      triggeredEarly.delete(session.evseId);
      const byReset = endsByReset(session);
      const lost: Session = {
        ...session,
        stoppedReason: byReset ? "ImmediateReset" : "PowerLoss",
        energyFlows: false,
        chargingState: session.evConnected ? "EVConnected" : "Idle",
      };
      decide(session.evseId, () => {
        const trigger = byReset ? "ResetCommand" : "AbnormalCondition"; // B12.FR.05
        const timestamp = lastAlive(session);
        const countedAt = countedUntil(session, timestamp);
        end(lost, { trigger, timestamp, countedAt, reading: lastKnownReading(session), unseen: true });
        return undefined;
      });
    },
  });

  const change = (evseId: number, changed: (session: Session) => Session): boolean => {
    const session = sessions.get(evseId);
    return session?.transaction !== undefined && tryToDecide(evseId, () => changed(session));
  };

  const endNow = (session: Session, trigger: TriggerReasonEnumType, stoppedReason: ReasonEnumType): Session =>
    end({ ...session, stoppedReason }, { ...thisMoment(), trigger, reading: model.evse(session.evseId)?.reading });

  const deauthorization = createDeauthorization(context, {
    at: (evseId) => sessions.get(evseId),
    change,
    end: (evseId, trigger, stoppedReason) => void change(evseId, (session) => endNow(session, trigger, stoppedReason)),
    deauthorize: (evseId) =>
      void change(evseId, (session) => {
        const withdrawn: Session = { ...session, authorized: false };
        const endsWithIt = points().stop.some((point) => ENDS_WITH_AUTHORIZATION.has(point)); // E05.FR.10
        return endsWithIt
          ? endNow(withdrawn, "Deauthorized", "DeAuthorized")
          : tell(
              { ...withdrawn, stoppedReason: "DeAuthorized" },
              { ...thisMoment(), eventType: "Updated", trigger: "Deauthorized", meterValue: [] },
            );
      }),
  });

  const report = (
    evseId: number,
    trigger: TriggerReasonEnumType,
    meterValue: readonly MeterValueType[] = [],
  ): boolean => {
    if (sessions.get(evseId)?.transaction === undefined) return false;
    change(evseId, (session) => tell(session, { ...thisMoment(), eventType: "Updated", trigger, meterValue }));
    return true;
  };

  services.stopTransactions = deauthorization.stopTransactions;
  services.reportMeterValues = report;
  services.noteTrigger = (evseId, trigger) => void report(evseId, trigger); // E02.FR.16, FR.17, E03.FR.12
  const tellTriggered = (evseId: number): boolean =>
    report(evseId, "Trigger", values.update(model.evse(evseId)?.reading, "Trigger")); // F06.FR.07
  services.triggerTransactionEvent = (evseId) => {
    const running = model.evses.filter(
      (evse) => evse.transaction !== undefined && (evseId === undefined || evse.evseId === evseId),
    );
    if (running.length === 0) return undefined;
    return () => {
      for (const evse of running) if (!tellTriggered(evse.evseId)) triggeredEarly.add(evse.evseId);
    };
  };
  services.noteStopReason = (evseId, reason) =>
    void change(evseId, ({ stoppedReason: _, ...session }) => ({
      ...session,
      ...(reason !== undefined && { stoppedReason: reason }),
    }));
  services.expectRemoteStart = (evseId) => {
    const session = sessions.get(evseId);
    return session?.authorized === false ? session.transaction?.transactionId : undefined; // F01.FR.13
  };

  csms.handle("GetTransactionStatus", ({ transactionId }) => {
    const messagesInQueue = csms.hasQueuedTransactionEvents(transactionId);
    if (transactionId === undefined) return { response: { messagesInQueue } }; // E14.FR.06–08
    const ongoingIndicator =
      model.transaction(transactionId) !== undefined || interruption.hasTransaction(transactionId);
    return { response: { ongoingIndicator, messagesInQueue } }; // E14.FR.01–05
  });

  csms.onDurableResult("TransactionEvent", (request, outcome) => deauthorization.takeResult(request, outcome));

  /** The meter may sign a value by itself: start point DataSigned waits for it. */
  const takeReading = (evseId: number, reading: MeterReading): void => {
    deauthorization.checkEnergyLimit(evseId);
    const session = sessions.get(evseId);
    if (session === undefined || session.dataSigned || session.transaction !== undefined) return;
    if (!session.evConnected || !reading.samples.some(({ signedMeterValue }) => signedMeterValue !== undefined)) return;
    const { sessionId, connectorId } = session;
    intake.receive({ kind: "DataSigned", evseId, connectorId, sessionId, timestamp: clock.now(), meter: reading });
  };

  const rememberRunning = (): void => {
    try {
      core.unitOfWork.run(() => {
        for (const [evseId, session] of sessions) if (session.transaction !== undefined) decide(evseId, () => session);
      });
    } catch (error) {
      logger.error(`What is known of running transactions cannot be stored: ${(error as Error).message}`);
    }
  };

  return {
    name: "transactions",
    start() {
      const now = clock.now();
      const left = new Map(
        [...readLeftSessions(context)].map(([evseId, session]) => [evseId, countOn(session, now)] as const),
      );
      // They run until the opposite is known: they can be stopped, and keep others from starting.
      for (const session of left.values()) if (session.transaction !== undefined) show(session.evseId, session);
      interruption.start(left);
      remembering = every(clock, REMEMBER_MILLISECONDS, rememberRunning);
      unsubscribes.push(
        hardwareEvents.on("evse", intake.receive),
        hardwareEvents.on("meter", ({ evseId, reading }) => takeReading(evseId, reading)),
      );
    },
    stop() {
      remembering?.cancel();
      intake.stop();
      interruption.stop();
      deauthorization.stop();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
