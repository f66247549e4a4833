/** A module evse_security that keeps nothing and finds everything right, for those who care for other things. */
export const AGREEABLE_SECURITY: Readonly<Record<string, unknown>> = {
  install_ca_certificate: "Accepted",
  delete_certificate: "Accepted",
  update_leaf_certificate: "Accepted",
  verify_certificate: "Valid",
  get_installed_certificates: { status: "NotFound", certificate_hash_data_chain: [] },
  get_v2g_ocsp_request_data: { ocsp_request_data_list: [] },
  get_mo_ocsp_request_data: { ocsp_request_data_list: [] },
  update_ocsp_cache: null,
  is_ca_certificate_installed: false,
  generate_certificate_signing_request: {
    status: "Accepted",
    csr: "-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----",
  },
  get_leaf_certificate_info: { status: "NotFound" },
  get_all_valid_certificates_info: { status: "NotFound", info: [] },
  get_verify_file: "",
  get_verify_location: "",
  get_leaf_expiry_days_count: 365,
  verify_file_signature: true,
};
