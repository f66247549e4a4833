import type { Commands, InterfaceName } from "../everest/everest-module.ts";
import type { Asked } from "../everest/questions.ts";

/** Seconds until the question is given up, and what it is about, for the log. */
type Row = readonly [limitSeconds: number, about: string];
type Table = { readonly [I in InterfaceName]?: { readonly [C in keyof Commands<I>]?: Row } };

/** For what a module answers from its memory. */
const SHORT = 10;

/**
 * Every question to another module has its row here, or it cannot be asked. A CALL of the CSMS is answered within its usual
 * message timeout of 30 s whatever the modules do, so all questions behind one CALL together must stay clearly below: the
 * comments say which are asked one after the other. What holds without an answer is said where it is asked (`answerOr`).
 */
const QUESTIONS: Table = {
  evse_manager: {
    get_evse: [SHORT, "what the EVSE is"], // at the start only, which fails without it; asked several times
    external_ready_to_start_charging: [SHORT, "beginning to serve drivers"],
    enable_disable: [SHORT, "enabling or disabling a connector"],
    force_unlock: [15, "unlocking a connector"], // UnlockConnector; then 1 s in which the lock may report an error
    stop_transaction: [10, "stopping a transaction"], // RequestStopTransaction, before
    withdraw_authorization: [10, "withdrawing an authorization"],
    pause_charging: [SHORT, "pausing charging"],
    set_plug_and_charge_configuration: [SHORT, "the settings of Plug and Charge"],
  },
  auth: {
    set_connection_timeout: [SHORT, "the time to plug in"],
    set_master_pass_group_id: [SHORT, "the master pass group"],
  },
  system: {
    get_boot_reason: [5, "why the station was started"], // the start waits for it
    configure_network: [3_600, "setting up a network"], // behind no CALL; NetworkConfigTimeout ends the wait (bridge/network.ts)
    is_reset_allowed: [5, "whether the station may be reset"], // Reset
    reset: [60, "the reset"], // behind no CALL; a station that is on its way down has no time to answer
    set_system_time: [SHORT, "setting the clock"],
    update_firmware: [15, "ordering a firmware update"], // UpdateFirmware, after verify_certificate
    allow_firmware_installation: [SHORT, "allowing the installation"],
    upload_logs: [20, "ordering a log upload"], // GetLog
  },
  evse_security: {
    verify_certificate: [8, "verifying a certificate"], // also behind Auth's validate_token, as the OCSP data are
    get_v2g_ocsp_request_data: [SHORT, "OCSP data of the own certificates"],
    get_mo_ocsp_request_data: [5, "OCSP data of a contract certificate"],
    update_ocsp_cache: [SHORT, "keeping an OCSP answer"], // behind no CALL, asked again
    get_installed_certificates: [4, "the installed certificates"], // InstallCertificate twice, DeleteCertificate
    get_verify_file: [2, "the file of root certificates"], // InstallCertificate asks for file and location twice
    get_verify_location: [2, "the place of root certificates"],
    install_ca_certificate: [8, "installing a certificate"], // after these
    get_leaf_certificate_info: [4, "the station's certificate"], // DeleteCertificate twice, CertificateSigned twice, TriggerMessage
    get_all_valid_certificates_info: [SHORT, "the V2G certificates in use"], // behind no CALL
    get_leaf_expiry_days_count: [SHORT, "how long the station's certificate is valid"],
    delete_certificate: [8, "deleting a certificate"],
    update_leaf_certificate: [10, "installing the station's certificate"], // CertificateSigned, twice for a combined one
    is_ca_certificate_installed: [4, "whether a root certificate is there"], // SetVariables, SetNetworkProfile
    generate_certificate_signing_request: [60, "a certificate signing request"], // behind no CALL; a TPM takes its time for a key
  },
  reservation: {
    exists_reservation: [3, "reservations"], // RequestStartTransaction, for all EVSEs at once
    reserve_now: [15, "making a reservation"], // ReserveNow
    cancel_reservation: [10, "cancelling a reservation"], // CancelReservation
  },
  ocpp_data_transfer: {
    data_transfer: [20, "a data transfer"], // DataTransfer
  },
  display_message: {
    get_display_messages: [5, "the display's messages"], // at the start; GetDisplayMessages waits for it
    set_display_message: [8, "showing a message"], // SetDisplayMessage; one that is told anew may be before it
    clear_display_message: [8, "removing a message"], // ClearDisplayMessage, likewise
  },
  iso15118_extensions: {
    set_get_certificate_response: [5, "handing a vehicle the answer to its certificate request"], // behind no CALL
  },
  external_energy_limits: {
    set_external_limits: [SHORT, "setting a limit"],
  },
};

/** @throws for a question that has no row. */
export function askedOf(interfaceName: InterfaceName, command: string): Asked {
  const rows = QUESTIONS[interfaceName] as Readonly<Record<string, Row | undefined>> | undefined;
  const row = rows?.[command];
  if (row === undefined) throw new Error(`${interfaceName}.${command} has no limit among the questions`);
  return { limitMilliseconds: row[0] * 1000, about: row[1] };
}
