/** Error codes of a CALLERROR (part 4, table 8). */
export const CALL_ERROR_CODES = [
  "FormatViolation",
  "GenericError",
  "InternalError",
  "MessageTypeNotSupported",
  "NotImplemented",
  "NotSupported",
  "OccurrenceConstraintViolation",
  "PropertyConstraintViolation",
  "ProtocolError",
  "RpcFrameworkError",
  "SecurityError",
  "TypeConstraintViolation",
] as const;
export type CallErrorCode = (typeof CALL_ERROR_CODES)[number];

/** Thrown by a handler to answer a CALL with a CALLERROR. */
export class OcppError extends Error {
  constructor(
    readonly code: CallErrorCode,
    readonly description: string,
    readonly details: Readonly<Record<string, unknown>> = {},
  ) {
    super(`${code}: ${description}`);
  }
}
