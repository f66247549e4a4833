import type { ReasonEnumType, TransactionEventRequest, TriggerReasonEnumType } from "../../ocpp/v201/index.ts";
import type { Given } from "../block.ts";
import { importedEnergyWattHours, phasesInUse } from "../model/meter-values.ts";
import type { MeterReading } from "../ports.ts";
import { buildEvent, type EventFacts, type Moment } from "./event-builder.ts";
import { newTransaction, type Session, type Transaction } from "./session.ts";
import type { SessionJournal } from "./session-journal.ts";
import type { TransactionValues } from "./transaction-values.ts";
import type { SessionInput } from "./transition.ts";

type Ending = Moment &
  Pick<EventFacts, "trigger" | "stoppingToken"> & {
    readonly reading: MeterReading | undefined;
    /** The event of the hardware side that ended it. */
    readonly event?: SessionInput;
    /** The session ended unseen: what was kept may be newer than the reading. */
    readonly unseen?: boolean;
  };

/** Builds and queues the next event of a transaction, to be called inside a unit of work; a reservation is told with one only (H01.FR.15). */
export function queueEvent(
  { csms, reservations }: Given<"reservations">,
  session: Session,
  transaction: Transaction,
  facts: EventFacts,
): { readonly request: TransactionEventRequest; readonly session: Session } {
  const { transactionId, reservationTold } = transaction;
  const { reservationId, ...without } = session;
  const isOver =
    reservationId !== undefined && !reservationTold && reservations.wasToldWithOther(reservationId, transactionId);
  const built = buildEvent(isOver ? without : session, transaction, facts);
  csms.enqueue("TransactionEvent", built.request);
  const told = built.request.reservationId;
  if (told !== undefined) reservations.noteTold(told, transactionId);
  return built;
}

/** What is told of a transaction; each inside a unit of work, and each gives the session as it is afterwards. */
export class TransactionEvents {
  constructor(
    private readonly context: Given<"reservations">,
    private readonly journal: SessionJournal,
    private readonly values: TransactionValues,
    private readonly thisMoment: () => Moment,
  ) {}

  begin(session: Session, trigger: TriggerReasonEnumType, moment: Moment, reading: MeterReading | undefined): Session {
    const { core, events } = this.context;
    const transactionId = this.journal.nextTransactionId(session);
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
    const meterValue = this.values.begin(transactionId, reading);
    const told = this.tell(opened, { ...moment, eventType: "Started", trigger, meterValue });
    const { evseId, connectorId } = session;
    core.unitOfWork.afterCommit(() => events.emit("transactionStarted", { transactionId, evseId, connectorId }));
    return told;
  }

  update(session: Session, facts: Omit<EventFacts, "offline" | "eventType">): Session {
    return this.tell(session, { ...facts, eventType: "Updated" });
  }

  end(session: Session, { reading, event, unseen = false, ...facts }: Ending): Session {
    const { core, events } = this.context;
    const { transaction, evseId, connectorId } = session;
    if (transaction === undefined) return session;
    const { transactionId } = transaction;
    const suspended = session.chargingState === "SuspendedEV" ? "StoppedByEV" : "Other";
    const ending: Session = { ...session, stoppedReason: session.stoppedReason ?? suspended };
    const meterValue = this.values.end(transactionId, reading, { event, unseen });
    const { transaction: _, ...rest } = this.tell(ending, { ...facts, eventType: "Ended", meterValue });
    this.journal.close(transactionId);
    this.values.forget(transactionId);
    core.unitOfWork.afterCommit(() => events.emit("transactionEnded", { transactionId, evseId, connectorId }));
    return rest;
  }

  /** Ends it by a decision of the station, with what is known now. */
  endNow(session: Session, trigger: TriggerReasonEnumType, stoppedReason: ReasonEnumType): Session {
    const reading = this.context.model.evse(session.evseId)?.reading;
    return this.end({ ...session, stoppedReason }, { ...this.thisMoment(), trigger, reading });
  }

  private tell(session: Session, facts: Omit<EventFacts, "offline">): Session {
    const { core, csms, hardware, model } = this.context;
    if (session.transaction === undefined) return session;
    const keyed = this.values.withKeys(session, facts.meterValue);
    if (keyed.session.transaction === undefined) return session;
    // E04.FR.01, FR.02, E08.FR.04–06, E11.FR.01, FR.02, E12.FR.01, FR.02
    const built = queueEvent(this.context, keyed.session, keyed.session.transaction, {
      ...facts,
      meterValue: keyed.values,
      numberOfPhases: phasesInUse(model.evse(session.evseId)?.reading),
      offline: !csms.connected,
    });
    core.unitOfWork.afterCommit(() => hardware.observer.transactionEvent(built.request, session.sessionId));
    return built.session;
  }
}
