import * as v from "valibot";
import type { StationContext } from "../context.ts";
import { newTransaction } from "./event-builder.ts";
import { newSession, type Session, SessionSchema } from "./session.ts";

/** Sessions with a running transaction that an earlier run left, by EVSE. */
export type LeftSessions = Map<number, Session>;

const CHARGING_STATES = ["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"] as const;

/** Reads what is stored, our own records and those that libocpp left (STORES 4, point 3). */
export function readLeftSessions({ core, logger }: StationContext): LeftSessions {
  const sessions: LeftSessions = new Map();
  for (const state of core.transactions.states()) {
    const parsed = v.safeParse(SessionSchema, state);
    if (parsed.success) sessions.set(parsed.output.evseId, parsed.output);
    else logger.error(`A stored transaction has an unknown form and is left alone: ${parsed.issues[0].message}`);
  }
  for (const found of core.transactions.leftByLibocpp()) {
    if (sessions.has(found.evseId)) continue;
    const queued = core.durableQueue.highestSequenceNumber(found.transactionId);
    const chargingState = CHARGING_STATES.find((state) => state === found.chargingState) ?? "EVConnected";
    sessions.set(found.evseId, {
      ...newSession(found.transactionId, found.evseId, found.connectorId),
      authorized: found.idTokenSent,
      evConnected: true,
      energyFlows: chargingState === "Charging",
      chargingState,
      transactionCount: 1,
      transaction: {
        ...newTransaction(found.transactionId, found.startedAt),
        nextSequenceNumber: Math.max(found.nextSequenceNumber, (queued ?? -1) + 1),
        tokenTold: found.idTokenSent,
        evseTold: true,
        chargingStateTold: chargingState,
      },
    });
  }
  return sessions;
}
