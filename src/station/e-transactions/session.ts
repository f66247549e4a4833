import * as v from "valibot";
import { IdTokenTypeSchema, SampledValueTypeSchema } from "../../ocpp/v201/index.ts";
import type { MeterReading } from "../ports.ts";

const Token = v.object({
  idToken: IdTokenTypeSchema,
  groupIdToken: v.exactOptional(IdTokenTypeSchema),
  remoteStartId: v.exactOptional(v.number()),
  remote: v.boolean(),
});

const ChargingState = v.picklist(["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"]);

const Transaction = v.object({
  transactionId: v.string(),
  startedAt: v.string(),
  /** When the EV was connected and authorized for the first time: a Relative charging schedule starts then (K01.FR.42). */
  readyAt: v.exactOptional(v.string()),
  nextSequenceNumber: v.number(),
  /** What the CSMS has been told so far. */
  tokenTold: v.boolean(),
  evseTold: v.boolean(),
  remoteStartTold: v.boolean(),
  reservationTold: v.boolean(),
  chargingStateTold: ChargingState,
  phasesTold: v.exactOptional(v.number()),
  publicKeyTold: v.optional(v.boolean(), false),
  lastEventAt: v.string(),
  /** Steady time, that of `lastKnown.countedAt`. */
  chargingSince: v.exactOptional(v.string()),
  secondsCharged: v.number(),
  energyAtStartWattHours: v.exactOptional(v.number()),
  /** A stop that was asked of the hardware side and is not confirmed yet: asked again after a restart. */
  stopAsked: v.exactOptional(v.string()),
  /** E05.FR.03: register value at which an invalid token has used up what it is allowed. */
  energyLimitWattHours: v.exactOptional(v.number()),
});
export type Transaction = v.InferOutput<typeof Transaction>;

/** A meter reading with its time, so that a power cut leaves the last one behind. */
const LastKnown = v.object({
  at: v.string(),
  /** The same moment by the steady time of the run that wrote it. */
  countedAt: v.exactOptional(v.string()),
  reading: v.exactOptional(v.object({ timestamp: v.string(), samples: v.array(SampledValueTypeSchema) })),
});

/** The session of one EVSE with its transaction, as it is kept in the database. */
export const SessionSchema = v.object({
  sessionId: v.string(),
  evseId: v.number(),
  connectorId: v.number(),
  evConnected: v.boolean(),
  authorized: v.boolean(),
  energyFlows: v.boolean(),
  /** A signed meter value was received in this session (start point DataSigned). */
  dataSigned: v.optional(v.boolean(), false),
  chargingState: ChargingState,
  token: v.exactOptional(Token),
  reservationId: v.exactOptional(v.number()),
  /** What began the end of the transaction (Local, Remote …), kept until it is over. */
  stoppedReason: v.exactOptional(v.string()),
  transaction: v.exactOptional(Transaction),
  /** Transactions that this session has had; the first one carries the session's id. */
  transactionCount: v.number(),
  /** When the station last knew that this session was alive, and what the meter said then. */
  lastKnown: v.exactOptional(LastKnown),
});
export type Session = v.InferOutput<typeof SessionSchema>;

export function newSession(sessionId: string, evseId: number, connectorId: number): Session {
  return {
    sessionId,
    evseId,
    connectorId,
    evConnected: false,
    authorized: false,
    energyFlows: false,
    dataSigned: false,
    chargingState: "Idle",
    transactionCount: 0,
  };
}

export function newTransaction(transactionId: string, startedAt: Date): Transaction {
  return {
    transactionId,
    startedAt: startedAt.toISOString(),
    nextSequenceNumber: 0,
    tokenTold: false,
    evseTold: false,
    remoteStartTold: false,
    reservationTold: false,
    chargingStateTold: "Idle",
    publicKeyTold: false,
    lastEventAt: startedAt.toISOString(),
    secondsCharged: 0,
  };
}

/** The session with a changed transaction; unchanged when none runs. */
export function withTransaction(session: Session, change: (transaction: Transaction) => Transaction): Session {
  return session.transaction === undefined ? session : { ...session, transaction: change(session.transaction) };
}

export function withLastKnown(session: Session, at: Date, countedAt: Date, reading: MeterReading | undefined): Session {
  return {
    ...session,
    lastKnown: {
      at: at.toISOString(),
      countedAt: countedAt.toISOString(),
      ...(reading !== undefined && {
        reading: { timestamp: reading.timestamp.toISOString(), samples: [...reading.samples] },
      }),
    },
  };
}

export function lastKnownReading({ lastKnown }: Session): MeterReading | undefined {
  if (lastKnown?.reading === undefined) return undefined;
  return { timestamp: new Date(lastKnown.reading.timestamp), samples: lastKnown.reading.samples };
}
