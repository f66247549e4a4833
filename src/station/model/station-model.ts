import type { ConnectorStatusEnumType, IdTokenType } from "../../ocpp/v201/index.ts";
import type { MeterReading } from "../ports.ts";

/** A transaction as the other blocks may see it; its state machine lives in the E block. */
export interface TransactionView {
  readonly transactionId: string;
  readonly evseId: number;
  readonly connectorId: number;
  readonly sessionId: string;
  readonly idToken?: IdTokenType;
  readonly groupIdToken?: IdTokenType;
  readonly remoteStartId?: number;
  readonly authorized: boolean;
  /** When the EV was connected and authorized; undefined as long as it is not. */
  readonly readyAt?: Date;
}

/** One connector: the flags from which its status follows (G01). Only the G block writes them, `reserved` for the H block. */
export interface ConnectorModel {
  readonly connectorId: number;
  faulted: boolean;
  unavailable: boolean;
  occupied: boolean;
  reserved: boolean;
  readonly status: ConnectorStatusEnumType;
}

export interface EvseModel {
  readonly evseId: number;
  readonly connectors: readonly ConnectorModel[];
  /** The running OCPP transaction; written by the E block only. */
  transaction: TransactionView | undefined;
  /** A session on the hardware side, with or without an OCPP transaction; written by the E block. */
  sessionId: string | undefined;
  /** The EV is connected; written by the E block. */
  evConnected: boolean;
  /** A token may charge here now, with or without an OCPP transaction; written by the E block. */
  authorized: boolean;
  /** The relays are closed for the EV, also without a transaction; written by the E block. */
  energyFlows: boolean;
  /** The EV of the running transaction has told what it needs (NotifyEVChargingNeeds); written by the K block. */
  chargingNeedsTold: boolean;
  /** The newest reading of the EVSE's meter; written by the J block. */
  reading: MeterReading | undefined;
  /** The key with which the meter's signatures are checked; written by the J block. */
  meterPublicKey: string | undefined;
}

/** The station's state that blocks share. Each member says which block may write it. */
export interface StationModel {
  readonly evses: readonly EvseModel[];
  evse(evseId: number): EvseModel | undefined;
  connector(evseId: number, connectorId: number): ConnectorModel | undefined;
  transaction(transactionId: string): TransactionView | undefined;
}

/** Faulted > Unavailable > Reserved > Occupied > Available: a plug-in does not end a reservation (G01.FR.01, FR.09, G03.FR.09). */
function statusOf(connector: Omit<ConnectorModel, "status">): ConnectorStatusEnumType {
  if (connector.faulted) return "Faulted";
  if (connector.unavailable) return "Unavailable";
  if (connector.reserved) return "Reserved";
  if (connector.occupied) return "Occupied";
  return "Available";
}

export function createStationModel(
  evses: readonly { readonly evseId: number; readonly connectors: readonly { readonly connectorId: number }[] }[],
): StationModel {
  const models: EvseModel[] = evses.map(({ evseId, connectors }) => ({
    evseId,
    connectors: connectors.map(({ connectorId }) => ({
      connectorId,
      faulted: false,
      unavailable: false,
      occupied: false,
      reserved: false,
      get status() {
        return statusOf(this);
      },
    })),
    transaction: undefined,
    sessionId: undefined,
    evConnected: false,
    authorized: false,
    energyFlows: false,
    chargingNeedsTold: false,
    reading: undefined,
    meterPublicKey: undefined,
  }));
  const byId = new Map(models.map((evse) => [evse.evseId, evse]));
  return {
    evses: models,
    evse: (evseId) => byId.get(evseId),
    connector: (evseId, connectorId) => byId.get(evseId)?.connectors.find((one) => one.connectorId === connectorId),
    transaction: (transactionId) =>
      models.find((evse) => evse.transaction?.transactionId === transactionId)?.transaction,
  };
}
