import type { IdTokenType, TransactionEventRequest, TransactionEventResponse } from "../ocpp/v201/index.ts";
import type { LeafCertificateUse } from "./ports.ts";

interface TransactionPlace {
  readonly transactionId: string;
  readonly evseId: number;
  readonly connectorId: number;
}

/** What happens inside the station; emitted synchronously after the deciding unit of work has committed. */
export interface StationEvents {
  /** BootNotification was answered Accepted; `first` is true once per process. */
  accepted: { readonly first: boolean };
  transactionStarted: TransactionPlace;
  /** A transaction of an earlier run goes on after a restart. */
  transactionResumed: TransactionPlace;
  transactionEnded: TransactionPlace;
  /** The CSMS has answered a transaction event. */
  transactionEventAnswered: { readonly request: TransactionEventRequest; readonly response: TransactionEventResponse };
  /** An EVSE lost or got a session, a cable, a reservation, or availability: somebody waiting for idle looks again. */
  evseChanged: { readonly evseId: number };
  /** C: a token is to be decided about, and then was; `evseIds` as in AuthorizationQuery. */
  tokenPresented: { readonly idToken: IdTokenType; readonly evseIds?: readonly number[] };
  tokenDecided: {
    readonly idToken: IdTokenType;
    readonly groupIdToken?: IdTokenType;
    readonly evseIds?: readonly number[];
    readonly accepted: boolean;
  };
  /** The answer to SetVariables is out: what needs a new connection may cut this one. */
  variablesSet: object;
  /** The hardware side has taken a certificate that the CSMS has signed. */
  leafInstalled: { readonly use: LeafCertificateUse };
  /** Reports a security event; the A block decides about criticality, queueing, log and bus (A04). */
  securityEvent: {
    readonly type: string;
    readonly techInfo?: string;
    readonly timestamp?: Date;
    readonly critical?: boolean;
  };
}
