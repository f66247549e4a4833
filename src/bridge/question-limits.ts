import type { Commands, InterfaceName } from "../everest/everest-module.ts";

type Limits = { readonly [I in InterfaceName]?: { readonly [C in keyof Commands<I>]?: number } };

/** What the table does not name is answered by a module from its memory. */
const OTHER_LIMIT_SECONDS = 10;

/**
 * How many seconds the answer to a question to another module is waited for. A CALL of the CSMS is answered within its usual
 * message timeout of 30 s whatever the modules do, so all questions behind one CALL together must stay clearly below: the
 * comments say which are asked one after the other.
 */
const LIMIT_SECONDS: Limits = {
  evse_manager: {
    get_evse: 60, // at the start only, which fails without it
    force_unlock: 15, // UnlockConnector; then 1 s in which the lock may report an error
    stop_transaction: 10, // RequestStopTransaction, before
    withdraw_authorization: 10,
  },
  system: {
    get_boot_reason: 5, // the start waits for it
    is_reset_allowed: 5, // Reset
    reset: 60, // behind no CALL; a station that is on its way down has no time to answer
    update_firmware: 15, // UpdateFirmware, after verify_certificate
    upload_logs: 20, // GetLog
  },
  evse_security: {
    verify_certificate: 8, // also behind Auth's validate_token, as the OCSP data are
    get_mo_ocsp_request_data: 5,
    get_installed_certificates: 4, // InstallCertificate twice, DeleteCertificate
    get_verify_file: 2, // InstallCertificate asks for file and location twice
    get_verify_location: 2,
    install_ca_certificate: 8, // after these
    get_leaf_certificate_info: 4, // DeleteCertificate twice, CertificateSigned
    delete_certificate: 8,
    update_leaf_certificate: 15, // CertificateSigned
    is_ca_certificate_installed: 4, // SetVariables
    generate_certificate_signing_request: 60, // behind no CALL; a TPM takes its time for a key
  },
  reservation: {
    exists_reservation: 3, // RequestStartTransaction, for all EVSEs at once
  },
  ocpp_data_transfer: {
    data_transfer: 20, // DataTransfer
  },
};

/** The one place where questions to other modules get their limit (see ARCHITECTURE.md). */
export function answerLimitMilliseconds(interfaceName: InterfaceName, command: string): number {
  const limits = LIMIT_SECONDS[interfaceName] as Readonly<Record<string, number | undefined>> | undefined;
  return (limits?.[command] ?? OTHER_LIMIT_SECONDS) * 1000;
}
