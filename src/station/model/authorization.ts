import type {
  AuthorizeCertificateStatusEnumType,
  IdTokenInfoType,
  IdTokenType,
  OCSPRequestDataType,
} from "../../ocpp/v201/index.ts";

/** A token to decide about, with what a contract certificate brings along (C07). */
export interface AuthorizationQuery {
  readonly idToken: IdTokenType;
  readonly certificate?: string;
  readonly certificateHashData?: readonly OCSPRequestDataType[];
  /** Presented by the EV over ISO 15118: nothing without a contract certificate. */
  readonly isPlugAndCharge?: boolean;
  /** EVSEs at which the token was presented, if the hardware side knows (C01.FR.20). */
  readonly evseIds?: readonly number[];
}

export interface AuthorizationDecision {
  readonly idTokenInfo: IdTokenInfoType;
  readonly certificateStatus?: AuthorizeCertificateStatusEnumType;
  /** Who decided; `offline`: nobody who knows the token. */
  readonly source: "local" | "local-list" | "cache" | "csms" | "offline";
}

/** C01.FR.19–21: may the token charge at one of these EVSEs? An absent or empty list means all. */
export function isAllowedAt({ evseId }: IdTokenInfoType, evseIds: readonly number[]): boolean {
  return evseId === undefined || evseId.length === 0 || evseIds.some((id) => evseId.includes(id));
}
