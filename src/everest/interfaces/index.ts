/** EVerest's interfaces as data: types, schemas for receiving, command and error tables. */
export * from "./generated/interfaces.ts";
export type * from "./generated/types.ts";
export {
  AuthorizationAuthorizationTypeWords,
  EvseSecurityCertificateValidationResultWords,
  EvseSecurityDeleteCertificateResultWords,
  EvseSecurityHashAlgorithmWords,
  Iso15118EnergyTransferModeWords,
  MoneyCurrencyCodeWords,
  OcppAttributeEnumWords,
  OcppComponentVariableSchema,
  OcppDataTransferStatusWords,
  OcppOperationalStatusEnumTypeWords,
  SystemBootReasonWords,
  SystemFirmwareUpdateStatusEnumWords,
  SystemLogStatusEnumWords,
  SystemUpdateFirmwareResponseWords,
  SystemUploadLogsStatusWords,
} from "./generated/types.ts";
