import { SampledDataCtrlr, TxCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import { SteadyTime } from "../../lib/steady-time.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import type { StationContext } from "../context.ts";
import type { CustomerData } from "../registries/customer-data.ts";
import { planForEvses, rejectTrigger } from "../registries/triggers.ts";
import type { ReservationService, TransactionService } from "../services.ts";
import { countOn } from "./charging-time.ts";
import { createDeauthorization } from "./deauthorization.ts";
import type { Moment } from "./event-builder.ts";
import { createEventIntake } from "./event-intake.ts";
import { createInterruption } from "./interruption.ts";
import { readLeftSessions } from "./left-sessions.ts";
import { createSessionJournal } from "./session-journal.ts";
import { createSessionKeeper } from "./session-keeper.ts";
import { createSessionSteps } from "./session-steps.ts";
import { Sessions } from "./sessions.ts";
import { TransactionEvents } from "./transaction-events.ts";
import { createTransactionValues } from "./transaction-values.ts";
import { transactionsView } from "./transactions-view.ts";
import { concernsSession, type SessionEvent, type SessionInput, type TxPoint, type TxPoints } from "./transition.ts";

/** How often what is known of running transactions is written down, against a power cut. */
const REMEMBER_MILLISECONDS = 60_000;

/** E01–E15: the transactions of all EVSEs, each event decided, stored and queued in one unit of work. */
export const transactions = declareBlock({
  name: "transactions",
  letter: "E",
  needs: ["authorization", "connectors", "customerData", "idleness", "reservations", "triggers"],
  provides: ["transactions"],
  hears: {
    "hardware.evse": "transaction",
    "hardware.meter": "transaction",
    "station.transactionResumed": "transaction",
    "station.transactionEnded": "transaction",
  },
  views: { transactions: transactionsView },
  create,
});

const ENDS_WITH_AUTHORIZATION: ReadonlySet<TxPoint> = new Set(["Authorized", "PowerPathClosed", "EnergyTransfer"]);

function readPoints({ deviceModel }: StationContext): TxPoints {
  const start = (deviceModel.read(TxCtrlr.TxStartPoint) ?? ["PowerPathClosed"]) as readonly TxPoint[];
  const stop = (deviceModel.read(TxCtrlr.TxStopPoint) ?? ["EVConnected", "Authorized"]) as readonly TxPoint[];
  const signs = deviceModel.read(SampledDataCtrlr.SignReadings) === true; // E01.FR.04
  return { start: signs ? start : start.filter((point) => point !== "DataSigned"), stop };
}

type Needed = "authorization" | "connectors" | "customerData" | "idleness" | "reservations" | "triggers";

function create(context: Given<Needed>) {
  const { clock, csms, events, model } = context;
  const points = (): TxPoints => readPoints(context);
  const steadyTime = new SteadyTime(clock);
  const thisMoment = (): Moment => ({ timestamp: clock.now(), countedAt: steadyTime.now() });
  const journal = createSessionJournal(context);
  const values = createTransactionValues(context);
  const sessions = new Sessions(context, journal, steadyTime);
  const told = new TransactionEvents(context, journal, values, thisMoment);
  const takeStep = createSessionSteps(context, sessions, told, values, points);
  const deauthorization = createDeauthorization(context, context.authorization, sessions, {
    end: (session) => told.endNow(session, "ResetCommand", "ImmediateReset"),
    // E05.FR.10
    deauthorize(session) {
      const withdrawn = { ...session, authorized: false };
      return points().stop.some((point) => ENDS_WITH_AUTHORIZATION.has(point))
        ? told.endNow(withdrawn, "Deauthorized", "DeAuthorized")
        : told.update(
            { ...withdrawn, stoppedReason: "DeAuthorized" },
            { ...thisMoment(), trigger: "Deauthorized", meterValue: [] },
          );
    },
  });
  const keeper = createSessionKeeper(context, sessions, told, values, deauthorization);
  const interruption = createInterruption(context, context.connectors, keeper);
  const intake = createEventIntake(context, steadyTime, take);
  /** An event was promised of a transaction of an earlier run: it follows when it is known to go on; else its Ended does (F06.FR.10). */
  const triggeredEarly = new Set<number>();
  let remembering: Timer | undefined;

  function take(event: SessionInput, countedAt: Date): void {
    if (concernsSession(event)) {
      interruption.meet(event);
      const transactionId = sessions.at(event.evseId)?.transaction?.transactionId;
      takeStep(withReservation(event, transactionId, context.reservations), countedAt);
      if (event.kind === "ChargingStarted") deauthorization.checkEnergyLimit(event.evseId);
    }
    events.emit("evseChanged", { evseId: event.evseId });
  }

  /** The meter may sign a value by itself: start point DataSigned waits for it. */
  const takeReading = ({ evseId, reading }: HeardEvents["hardware.meter"]): void => {
    deauthorization.checkEnergyLimit(evseId);
    const session = sessions.at(evseId);
    if (session === undefined || session.dataSigned || session.transaction !== undefined) return;
    if (!session.evConnected || !reading.samples.some(({ signedMeterValue }) => signedMeterValue !== undefined)) return;
    const { sessionId, connectorId } = session;
    intake.receive({ kind: "DataSigned", evseId, connectorId, sessionId, timestamp: clock.now(), meter: reading });
  };

  const report: TransactionService["report"] = (evseId, trigger, meterValue) => {
    if (sessions.at(evseId)?.transaction === undefined) return false;
    sessions.change(evseId, (session) => told.update(session, { ...thisMoment(), trigger, meterValue }));
    return true;
  };

  const tellTriggered = (evseId: number): boolean =>
    report(evseId, "Trigger", values.update(model.evse(evseId)?.reading, "Trigger")); // F06.FR.07

  csms.handle("GetTransactionStatus", ({ transactionId }) => {
    const messagesInQueue = csms.hasQueuedTransactionEvents(transactionId);
    if (transactionId === undefined) return { response: { messagesInQueue } }; // E14.FR.06–08
    const ongoingIndicator =
      model.transaction(transactionId) !== undefined || interruption.hasTransaction(transactionId);
    return { response: { ongoingIndicator, messagesInQueue } }; // E14.FR.01–05
  });
  csms.onDurableResult("TransactionEvent", (request, outcome) => deauthorization.takeResult(request, outcome));

  /** Events leave in their order, and none before the station is accepted (B02.FR.02). */
  context.triggers.register("TransactionEvent", (request) =>
    csms.registration === "Accepted"
      ? planForEvses(model, request, (evseId) => {
          const running = model.evses.filter(
            (evse) => evse.transaction !== undefined && (evseId === undefined || evse.evseId === evseId),
          );
          if (running.length === 0) return rejectTrigger("TxNotFound", "no transaction is running");
          return () => {
            for (const evse of running) if (!tellTriggered(evse.evseId)) triggeredEarly.add(evse.evseId);
          };
        })
      : rejectTrigger("CSNotAccepted", "no event leaves before the station is accepted"),
  );
  registerCustomerData(context, context.customerData);
  context.idleness.register("session", (evseId) => busyEvses(context, evseId));

  return {
    provides: { transactions: createService(sessions, deauthorization.stopTransactions, report) },
    hears: {
      "hardware.evse": intake.receive,
      "hardware.meter": takeReading,
      "station.transactionResumed": ({ evseId }: HeardEvents["station.transactionResumed"]) => {
        if (triggeredEarly.delete(evseId)) tellTriggered(evseId);
      },
      "station.transactionEnded": ({ evseId }: HeardEvents["station.transactionEnded"]) =>
        void triggeredEarly.delete(evseId),
    },
    start() {
      const now = clock.now();
      const left = new Map(
        [...readLeftSessions(context)].map(([evseId, session]) => [evseId, countOn(session, now)] as const),
      );
      // They run until the opposite is known: they can be stopped, and keep others from starting.
      for (const session of left.values())
        if (session.transaction !== undefined) sessions.show(session.evseId, session);
      interruption.start(left);
      remembering = every(clock, REMEMBER_MILLISECONDS, () => sessions.remember());
    },
    stop() {
      remembering?.cancel();
      intake.stop();
      interruption.stop();
      deauthorization.stop();
    },
  };
}

/**
 * H01.FR.15, E01.FR.13: also where the hardware side does not name the reservation that its session has used, or names one
 * that another transaction has ended.
 */
function withReservation(
  event: SessionEvent,
  transactionId: string | undefined,
  reservations: ReservationService,
): SessionEvent {
  if (event.kind !== "SessionStarted" && event.kind !== "TransactionStarted") return event;
  const { reservationId: named, ...rest } = event;
  if (named !== undefined && !reservations.wasToldWithOther(named, transactionId)) return event;
  const used = event.token && reservations.usedBy(event.token.idToken, event.evseId);
  return { ...rest, ...(used !== undefined && { reservationId: used }) };
}

function createService(
  sessions: Sessions,
  stop: TransactionService["stop"],
  report: TransactionService["report"],
): TransactionService {
  return {
    stop,
    report,
    noteTrigger: (evseId, trigger) => void report(evseId, trigger, []), // E02.FR.16, FR.17, E03.FR.12
    noteStopReason: (evseId, reason) =>
      void sessions.change(evseId, ({ stoppedReason: _, ...session }) => ({
        ...session,
        ...(reason !== undefined && { stoppedReason: reason }),
      })),
    waitingForAuthorization(evseId) {
      const session = sessions.at(evseId);
      return session?.authorized === false ? session.transaction?.transactionId : undefined; // F01.FR.13
    },
  };
}

/**
 * Errata 2.14: no transaction, also none that an earlier run left, and no locked cable. EVerest locks it while somebody is
 * authorized or the relays are closed: an EV that is only plugged in does not matter (TC_B_21).
 */
function busyEvses({ core, model }: StationContext, evseId: number | undefined): string | undefined {
  const busy = model.evses.filter(
    (evse) =>
      (evseId === undefined || evse.evseId === evseId) &&
      (core.transactions.runsOn(evse.evseId) || evse.authorized || evse.energyFlows),
  );
  return busy.length === 0 ? undefined : `EVSE ${busy.map((evse) => evse.evseId).join(", ")}`;
}

/** What a running transaction and its undelivered events need goes with them, not with the customer (N10.FR.03, FR.06). */
function registerCustomerData({ core, model }: StationContext, customerData: CustomerData): void {
  const unlessEmpty = <Item>(items: readonly Item[]): readonly Item[] | undefined =>
    items.length === 0 ? undefined : items;
  customerData.register({
    name: "transactions",
    find: ({ isToken }) =>
      unlessEmpty(
        model.evses.flatMap(({ transaction }) =>
          transaction?.idToken !== undefined && isToken(transaction.idToken)
            ? [{ transactionId: transaction.transactionId, evseId: transaction.evseId }]
            : [],
        ),
      ),
  });
  customerData.register({
    name: "transactionsWaitingForDelivery",
    find: ({ isToken }) => unlessEmpty(core.customerMessages.waitingTransactions(isToken)),
  });
  customerData.register({
    name: "transactionsNotDelivered",
    find: ({ isToken }) => unlessEmpty(core.customerMessages.rejectedTransactions(isToken)),
    forget: ({ isToken }) => void core.customerMessages.removeRejected(isToken),
  });
}
