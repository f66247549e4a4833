import type { EverestModule, Peer } from "../everest/everest-module.ts";
import {
  SystemBootReasonWords,
  SystemUpdateFirmwareResponseWords,
  SystemUploadLogsStatusWords,
} from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type {
  AuthorizationPort,
  EvseDescription,
  EvsePort,
  Hardware,
  NetworkPort,
  SystemPort,
} from "../station/ports.ts";
import { createVehiclePort } from "./contract-certificates.ts";
import { createDataTransferPort } from "./data-transfer.ts";
import { createDisplayPort } from "./display.ts";
import { createEnergyPort } from "./energy-sink.ts";
import { createObserverPort } from "./observer.ts";
import { createReservationPort } from "./reservation.ts";
import { createSecurityPort } from "./security.ts";
import { fromStoppedReason } from "./session-event.ts";
import { fromIdToken, toValidationResult } from "./tokens.ts";
import { known, toEverestTime } from "./words.ts";

/** Strength of our word in EVerest's list of who enables a connector; lower numbers win over it. */
const CSMS_PRIORITY = 5000;
/** Limits of EVerest's Auth for its connection timeout. */
const CONNECTION_TIMEOUT_RANGE_SECONDS = { minimum: 10, maximum: 300 };

function createEvsePort(evses: readonly Peer<"evse_manager">[]): EvsePort {
  const peer = (evseId: number): Peer<"evse_manager"> => {
    const found = evses[evseId - 1];
    if (found === undefined) throw new Error(`there is no EVSE ${evseId}`);
    return found;
  };
  return {
    enableConnector: async (evseId, connectorId, operative) =>
      peer(evseId).call("enable_disable", {
        connector_id: connectorId,
        cmd_source: {
          enable_source: "CSMS",
          enable_state: operative ? "Enable" : "Disable",
          enable_priority: CSMS_PRIORITY,
        },
      }),
    stopTransaction: async (evseId, reason) =>
      peer(evseId).call("stop_transaction", { request: { reason: fromStoppedReason(reason) } }),
    withdrawAuthorization: async (evseId) => {
      await peer(evseId).call("withdraw_authorization", {});
    },
    pauseCharging: async (evseId) => peer(evseId).call("pause_charging", {}),
    forceUnlock: async (evseId, connectorId) => peer(evseId).call("force_unlock", { connector_id: connectorId }),
    setPlugAndCharge: async (evseId, configuration) => {
      const { pncEnabled, centralContractValidationAllowed, contractCertificateInstallationEnabled } = configuration;
      await peer(evseId).call("set_plug_and_charge_configuration", {
        plug_and_charge_configuration: {
          ...(pncEnabled !== undefined && { pnc_enabled: pncEnabled }),
          ...(centralContractValidationAllowed !== undefined && {
            central_contract_validation_allowed: centralContractValidationAllowed,
          }),
          ...(contractCertificateInstallationEnabled !== undefined && {
            contract_certificate_installation_enabled: contractCertificateInstallationEnabled,
          }),
        },
      });
    },
  };
}

function createAuthorizationPort(module: EverestModule, auth: Peer<"auth">): AuthorizationPort {
  return {
    provideToken: ({ idToken, groupIdToken, remoteStartId, evseId, prevalidated }) =>
      module.publish("auth_provider", "auth_token_provider", "provided_token", {
        id_token: fromIdToken(idToken),
        authorization_type: "OCPP",
        prevalidated,
        request_id: remoteStartId,
        ...(groupIdToken !== undefined && { parent_id_token: fromIdToken(groupIdToken) }),
        // EVSE ids, in spite of the name.
        ...(evseId !== undefined && { connectors: [evseId] }),
      }),
    connectionTimeoutRangeSeconds: CONNECTION_TIMEOUT_RANGE_SECONDS,
    setConnectionTimeout: async (seconds) => {
      await auth.call("set_connection_timeout", { connection_timeout: seconds });
    },
    setMasterPassGroupId: async (groupId) => {
      await auth.call("set_master_pass_group_id", { master_pass_group_id: groupId });
    },
    publishValidationUpdate: ({ evseId, idTokenInfo }) =>
      module.publish("auth_validator", "auth_token_validator", "validate_result_update", {
        validation_result: toValidationResult({ idTokenInfo }),
        connector_id: evseId,
      }),
  };
}

export function createSystemPort(system: Peer<"system">): SystemPort {
  return {
    bootReason: async () => known(SystemBootReasonWords, await system.call("get_boot_reason", {}), "Unknown"),
    isResetAllowed: () => system.call("is_reset_allowed", { type: "NotSpecified" }),
    reset: async (scheduled) => {
      await system.call("reset", { type: "NotSpecified", scheduled });
    },
    setSystemTime: (time) => system.call("set_system_time", { timestamp: time.toISOString() }),
    updateFirmware: async (order) => {
      const status = await system.call("update_firmware", {
        firmware_update_request: {
          request_id: order.requestId,
          location: order.location,
          retrieve_timestamp: toEverestTime(order.retrieveDateTime),
          ...(order.installDateTime !== undefined && {
            install_timestamp: toEverestTime(order.installDateTime),
          }),
          ...(order.signingCertificate !== undefined && { signing_certificate: order.signingCertificate }),
          ...(order.signature !== undefined && { signature: order.signature }),
          // EVerest counts attempts, OCPP repetitions.
          ...(order.retries !== undefined && { retries: order.retries + 1 }),
          ...(order.retryIntervalSeconds !== undefined && { retry_interval_s: order.retryIntervalSeconds }),
        },
      });
      return known(SystemUpdateFirmwareResponseWords, status, "Rejected");
    },
    allowFirmwareInstallation: async () => {
      await system.call("allow_firmware_installation", {});
    },
    uploadLogs: async (order) => {
      const { upload_logs_status, file_name } = await system.call("upload_logs", {
        upload_logs_request: {
          location: order.location,
          type: order.type,
          request_id: order.requestId,
          ...(order.oldestTimestamp !== undefined && {
            oldest_timestamp: toEverestTime(order.oldestTimestamp),
          }),
          ...(order.latestTimestamp !== undefined && {
            latest_timestamp: toEverestTime(order.latestTimestamp),
          }),
          ...(order.retries !== undefined && { retries: order.retries + 1 }),
          ...(order.retryIntervalSeconds !== undefined && { retry_interval_s: order.retryIntervalSeconds }),
          // Members of our own, which the type leaves room for: the stock System module passes over them.
          ...(order.securityLogPath !== undefined && { security_log_path: order.securityLogPath }),
          ...(order.diagnosticsPath !== undefined && { diagnostics_path: order.diagnosticsPath }),
        },
      });
      const status = known(SystemUploadLogsStatusWords, upload_logs_status, "Rejected");
      return { status, ...(file_name !== undefined && { fileName: file_name }) };
    },
  };
}

/** The hardware side of the station, made of EVerest's modules. */
export function createHardware(
  module: EverestModule,
  moduleId: string,
  evses: readonly EvseDescription[],
  network: NetworkPort | undefined,
  clock: Clock,
  logger: Logger,
): Hardware {
  const only = <P>(peers: readonly P[], requirement: string): P => {
    const [peer] = peers;
    if (peer === undefined) throw new Error(`the requirement "${requirement}" is not connected`);
    return peer;
  };
  return {
    network,
    evses,
    evse: createEvsePort(module.peers("evse_manager", "evse_manager")),
    authorization: createAuthorizationPort(module, only(module.peers("auth", "auth"), "auth")),
    system: createSystemPort(only(module.peers("system", "system"), "system")),
    security: createSecurityPort(only(module.peers("security", "evse_security"), "security")),
    reservation: createReservationPort(module.peers("reservation", "reservation")[0]),
    dataTransfer: createDataTransferPort(module.peers("data_transfer", "ocpp_data_transfer")[0]),
    display: createDisplayPort(module.peers("display_message", "display_message")[0]),
    energy: createEnergyPort(module, moduleId, clock, logger),
    vehicle: createVehiclePort(module),
    observer: createObserverPort(module, clock, logger),
  };
}
