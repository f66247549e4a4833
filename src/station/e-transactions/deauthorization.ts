import { TxCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { CallOutcome } from "../../ocpp/csms-link.ts";
import type { IdTokenInfoType, ReasonEnumType, TransactionEventRequest } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import { isAllowedAt } from "../model/authorization.ts";
import { importedEnergyWattHours } from "../model/meter-values.ts";
import type { AuthorizationService, TransactionService } from "../services.ts";
import { lastKnownReading, type Session, type Transaction, withTransaction } from "./session.ts";
import type { Sessions } from "./sessions.ts";

/** A stop that the hardware side could not take is asked again, so often and after so long each time. */
const STOP_ATTEMPTS = 5;
const STOP_RETRY_MILLISECONDS = 10_000;
/** How long the hardware side has to report the end of a transaction that a reset ends. */
const RESET_END_LIMIT_MILLISECONDS = 10_000;

/** What a session becomes when the station, and not the hardware side, ends something; inside a unit of work. */
export interface OwnEndings {
  /** The transaction ends by a reset. */
  end(session: Session): Session;
  /** The authorization ends, and with it maybe the transaction. */
  deauthorize(session: Session): Session;
}

export interface Deauthorization {
  /** Runs in the unit of work that takes the event out of the queue. */
  takeResult(request: TransactionEventRequest, outcome: CallOutcome<"TransactionEvent">): void;
  checkEnergyLimit(evseId: number): void;
  /** Asks again for what was asked before a restart. */
  resume(session: Session): void;
  stopTransactions: TransactionService["stop"];
  /** Of the station: nothing is asked or ended any more. */
  stop(): void;
}

/** E05: what the CSMS says about a token in the answer to an event, be it of an offline time (C15.FR.02), and stopping transactions through the hardware. */
export function createDeauthorization(
  { clock, core, deviceModel, events, hardware, logger, model }: StationContext,
  authorization: AuthorizationService,
  sessions: Pick<Sessions, "at" | "change">,
  endings: OwnEndings,
): Deauthorization {
  /** EVSEs that were told to pause, with the transaction and its charging period that it was for. */
  const paused = new Map<number, { readonly transactionId: string; readonly since: string | undefined }>();
  const timers = new Set<Timer>();

  const later = (milliseconds: number, action: () => void): void => {
    const timer = clock.after(milliseconds, () => {
      timers.delete(timer);
      action();
    });
    timers.add(timer);
  };

  const running = (evseId: number, transactionId: string): Session | undefined => {
    const session = sessions.at(evseId);
    return session?.transaction?.transactionId === transactionId ? session : undefined;
  };

  /** Resolves to what the hardware side says; undefined when it does not answer. */
  const ask = (evseId: number, reason: ReasonEnumType): Promise<boolean | undefined> =>
    answerOr(
      logger,
      `The transaction on EVSE ${evseId} could not be stopped (${reason})`,
      hardware.evse.stopTransaction(evseId, reason),
      undefined,
    );

  /** A durable intent: stored with the transaction before the hardware is asked, gone with its end. */
  const stop = async (session: Session, reason: ReasonEnumType, attempt = 1): Promise<void> => {
    const { evseId, transaction } = session;
    if (transaction === undefined) return;
    const { transactionId } = transaction;
    sessions.change(evseId, (current) => withTransaction(current, (open) => ({ ...open, stopAsked: reason })));
    const stopping = await ask(evseId, reason);
    if (stopping === true) return expectEnd(evseId, transactionId, reason);
    const current = running(evseId, transactionId);
    if (current === undefined) return;
    // Nothing runs there (e.g. nobody has plugged in yet, or the cable is still there after a stop): the end is ours to say.
    if (reason === "ImmediateReset") sessions.change(evseId, endings.end);
    else if (stopping === false && reason === "DeAuthorized" && !current.energyFlows) withdrawUnused(current);
    else if (attempt < STOP_ATTEMPTS)
      later(STOP_RETRY_MILLISECONDS, () => {
        const still = running(evseId, transactionId);
        if (still !== undefined) void stop(still, reason, attempt + 1);
      });
    else logger.error(`Transaction ${transactionId} of EVSE ${evseId} goes on: it could not be stopped (${reason})`);
  };

  /** The hardware side reports the end; a reset does not wait for it for ever (B12.FR.04). */
  const expectEnd = (evseId: number, transactionId: string, reason: ReasonEnumType): void => {
    if (reason !== "ImmediateReset") return;
    later(RESET_END_LIMIT_MILLISECONDS, () => {
      if (running(evseId, transactionId) === undefined) return;
      logger.warn(`The end of transaction ${transactionId} of EVSE ${evseId} was not reported; the reset ends it`);
      sessions.change(evseId, endings.end);
    });
  };

  /** A token that lost its authorization before anything was begun with it. */
  const withdrawUnused = ({ evseId }: Session): void => {
    sessions.change(evseId, endings.deauthorize);
    const failed = `The authorization of EVSE ${evseId} could not be withdrawn`;
    void answerOr(logger, failed, hardware.evse.withdrawAuthorization(evseId), undefined);
  };

  const refuse = (session: Session): void => {
    if (deviceModel.read(TxCtrlr.StopTxOnInvalidId) !== false) {
      void stop(session, "DeAuthorized"); // E05.FR.09, FR.10, E06.FR.04, C15.FR.03, FR.04
      return;
    }
    const allowed = deviceModel.read(TxCtrlr.MaxEnergyOnInvalidId) ?? 0;
    const limited = (transaction: Transaction): Transaction => ({
      ...transaction,
      energyLimitWattHours: allowed > 0 ? (transaction.energyAtStartWattHours ?? 0) + allowed : 0,
    });
    sessions.change(session.evseId, (current) => withTransaction(current, limited)); // E05.FR.03, C15.FR.07
    checkEnergyLimit(session.evseId);
  };

  /** E05.FR.02, C15.FR.06: beyond its limit the transaction stays, the energy does not; whenever it flows again, too. */
  const checkEnergyLimit = (evseId: number): void => {
    const session = sessions.at(evseId);
    const { transactionId, energyLimitWattHours: limit, chargingSince: since } = session?.transaction ?? {};
    if (session === undefined || transactionId === undefined || limit === undefined) return;
    const told = importedEnergyWattHours(model.evse(evseId)?.reading ?? lastKnownReading(session));
    // Just after the start the meter may have told no more than the value at the start.
    const energy = told ?? session.transaction?.energyAtStartWattHours;
    if (energy !== undefined && energy < limit) return;
    const asked = paused.get(evseId);
    if (asked?.transactionId === transactionId && (since === undefined || asked.since === since)) return;
    paused.set(evseId, { transactionId, since });
    hardware.evse.pauseCharging(evseId).catch((error: Error) => {
      paused.delete(evseId);
      logger.error(`Charging on EVSE ${evseId} could not be paused: ${error.message}`);
    });
  };

  /** A cache that does not take it must not keep the event in the queue. */
  const learn = ({ idToken: told, transactionInfo }: TransactionEventRequest, info: IdTokenInfoType): void => {
    // An answer to an event without token is about the one that was told before.
    const idToken = told ?? model.transaction(transactionInfo.transactionId)?.idToken;
    try {
      if (idToken !== undefined) authorization.learn(idToken, info); // C10.FR.05
    } catch (error) {
      logger.error(`What the CSMS says about a token is not in the cache: ${(error as Error).message}`);
    }
  };

  return {
    takeResult(request, outcome) {
      if (outcome.kind !== "response") return;
      const { response } = outcome;
      core.unitOfWork.afterCommit(() => {
        hardware.observer.transactionEventResponse(request, response);
        events.emit("transactionEventAnswered", { request, response });
      });
      const { idTokenInfo } = response;
      if (idTokenInfo === undefined) return;
      learn(request, idTokenInfo);
      const { transactionId } = request.transactionInfo;
      const evseId = request.evse?.id ?? model.transaction(transactionId)?.evseId;
      if (evseId === undefined) return;
      core.unitOfWork.afterCommit(() => {
        hardware.authorization.publishValidationUpdate({ evseId, idTokenInfo });
        const session = running(evseId, transactionId);
        const isRefused = idTokenInfo.status !== "Accepted" || !isAllowedAt(idTokenInfo, [evseId]); // C01.FR.21
        if (isRefused && session?.authorized === true) refuse(session);
      });
    },
    checkEnergyLimit,
    resume(session) {
      const asked = session.transaction?.stopAsked;
      if (asked !== undefined) void stop(session, asked as ReasonEnumType);
    },
    async stopTransactions(evseId, reason) {
      const affected = model.evses.flatMap((evse) => {
        const found = evseId === undefined || evse.evseId === evseId ? sessions.at(evse.evseId) : undefined;
        return found?.transaction === undefined ? [] : [found];
      });
      await Promise.all(affected.map((session) => stop(session, reason)));
    },
    stop() {
      for (const timer of timers) timer.cancel();
    },
  };
}
