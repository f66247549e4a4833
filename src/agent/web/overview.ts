import { ChargingStation, OCPPCommCtrlr } from "../../device-model/variables.ts";
import { adviceFor } from "../../ocpp/connection-advice.ts";
import { identityOf, usableProfiles } from "../../station/model/network-profiles.ts";
import type { ConnectionEvent, NetworkProfileFacts, StationOverview } from "../../web/source.ts";
import type { ObservedStation } from "../observed-station.ts";
import type { ConnectionHistory } from "./connection-history.ts";

function connectionFacts(
  { context: { csms } }: ObservedStation,
  { events, since }: ConnectionHistory,
): StationOverview["connection"] {
  const { state, url, slot, attempts, connections, lastFailure, lastLoss } = csms.status;
  const failure: ConnectionEvent | undefined = lastFailure && {
    at: lastFailure.at,
    kind: "failed",
    text: lastFailure.failure.text,
    advice: adviceFor(lastFailure.failure),
  };
  return {
    state,
    url,
    slot,
    since,
    attempts,
    connections,
    lastFailure: failure,
    lastLoss: lastLoss && { at: lastLoss.at, kind: "lost", text: lastLoss.reason },
    history: events,
  };
}

function profileFacts({ context: { csms, deviceModel } }: ObservedStation): readonly NetworkProfileFacts[] {
  return usableProfiles(deviceModel).map(({ slot, url, securityProfile, ocppInterface }) => ({
    slot,
    url,
    securityProfile,
    ocppInterface,
    isActive: csms.status.slot === slot,
  }));
}

/** The station at a glance. */
export function overviewOf(
  observed: ObservedStation,
  history: ConnectionHistory,
  { startedAt, programVersion }: { readonly startedAt: Date; readonly programVersion: string },
): StationOverview {
  const { csms, deviceModel, model } = observed.context;
  const { bootReason, idleness } = observed.station.services;
  return {
    identity: identityOf(deviceModel, csms.status.slot ?? 0),
    vendor: deviceModel.read(ChargingStation.VendorName),
    model: deviceModel.read(ChargingStation.Model),
    serialNumber: deviceModel.read(ChargingStation.SerialNumber),
    firmwareVersion: deviceModel.read(ChargingStation.FirmwareVersion),
    programVersion,
    bootReason: bootReason.read(),
    startedAt,
    connection: connectionFacts(observed, history),
    registration: csms.registration,
    heartbeatIntervalSeconds: deviceModel.read(OCPPCommCtrlr.HeartbeatInterval),
    profiles: profileFacts(observed),
    queuedMessages: csms.durableQueueLength,
    runningTransactions: model.evses.filter(({ transaction }) => transaction !== undefined).length,
    hindrances: idleness.hindrances(),
  };
}
