import * as v from "valibot";
import { ADDITIONAL_INFO_ITEMS } from "../device-model/standard-characteristics.ts";
import {
  AuthorizationAuthorizationTypeWords,
  type AuthorizationIdToken,
  type AuthorizationProvidedIdToken,
  type AuthorizationValidationResult,
  EvseSecurityHashAlgorithmWords,
  type TextMessageMessageContent,
} from "../everest/interfaces/index.ts";
import { Refusal } from "../everest/served-command.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type {
  IdTokenEnumType,
  IdTokenInfoType,
  IdTokenType,
  MessageContentType,
  OCSPRequestDataType,
} from "../ocpp/v201/index.ts";
import { MessageContentTypeSchema, OCSPRequestDataTypeSchema } from "../ocpp/v201/index.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "../station/model/authorization.ts";
import type { PresentedToken } from "../station/ports.ts";

const TOKEN_TYPES: ReadonlySet<string> = new Set<IdTokenEnumType>([
  "Central",
  "eMAID",
  "ISO14443",
  "ISO15693",
  "KeyCode",
  "Local",
  "MacAddress",
  "NoAuthorization",
]);

/** Types of EVerest that came with OCPP 2.1 and that 2.0.1 has no word for. */
const LATER_TOKEN_TYPES: ReadonlySet<string> = new Set(["DirectPayment", "EVCCID", "VIN"]);
/** So many characters OCPP has room for in a token, and in the kind of an additional one. */
const TOKEN_LENGTH = 36;
const ADDITIONAL_TYPE_LENGTH = 50;

/** Why a token cannot stand in any message of OCPP; undefined when it can. Its text is not told: it opens something. */
export function obstacleToToken({ value, additional_info = [] }: AuthorizationIdToken): string | undefined {
  if (value.length > TOKEN_LENGTH) return `a token of ${value.length} characters, OCPP has room for ${TOKEN_LENGTH}`;
  const unfit = additional_info
    .slice(0, ADDITIONAL_INFO_ITEMS)
    .some((info) => info.value.length > TOKEN_LENGTH || info.type.length > ADDITIONAL_TYPE_LENGTH);
  return unfit
    ? `additional information that is longer than OCPP has room for (${TOKEN_LENGTH} characters)`
    : undefined;
}

/**
 * A type that OCPP 2.0.1 does not know is presented as `Local`: never as something that needs no authorization.
 * What needs none has no text (C02.FR.01).
 */
export function toIdToken(token: AuthorizationIdToken): IdTokenType {
  const type = TOKEN_TYPES.has(token.type) ? (token.type as IdTokenEnumType) : "Local";
  const additionalInfo = token.additional_info
    ?.slice(0, ADDITIONAL_INFO_ITEMS)
    .map(({ value, type }) => ({ additionalIdToken: value, type }));
  return {
    idToken: type === "NoAuthorization" ? "" : token.value,
    type,
    ...(additionalInfo !== undefined && additionalInfo.length > 0 && { additionalInfo }),
  };
}

export function fromIdToken({ idToken, type, additionalInfo }: IdTokenType): AuthorizationIdToken {
  return {
    value: idToken,
    type,
    ...(additionalInfo !== undefined && {
      additional_info: additionalInfo.map((info) => ({ value: info.additionalIdToken, type: info.type })),
    }),
  };
}

/** The token of a session event; what does not fit OCPP is left out and told, the event counts all the same. */
export function toPresentedToken(
  provided: AuthorizationProvidedIdToken | undefined,
  warn: (message: string) => void,
): PresentedToken | undefined {
  if (provided === undefined) return undefined;
  const obstacle = obstacleToToken(provided.id_token);
  if (obstacle !== undefined) {
    warn(`The token is left out: ${obstacle}`);
    return undefined;
  }
  const group = provided.parent_id_token;
  const groupObstacle = group && obstacleToToken(group);
  if (groupObstacle !== undefined) warn(`The group of the token is left out: ${groupObstacle}`);
  return {
    idToken: toIdToken(provided.id_token),
    ...(group !== undefined && groupObstacle === undefined && { groupIdToken: toIdToken(group) }),
    ...(provided.request_id !== undefined &&
      isOcppInteger(provided.request_id) && { remoteStartId: provided.request_id }),
    remote: provided.authorization_type === "OCPP",
  };
}

function refuseUnlessKnown({
  id_token,
  authorization_type,
  iso15118CertificateHashData,
}: AuthorizationProvidedIdToken): void {
  const obstacle = obstacleToToken(id_token);
  if (obstacle !== undefined) throw new Refusal(obstacle);
  const unknown = [
    ...(TOKEN_TYPES.has(id_token.type) || LATER_TOKEN_TYPES.has(id_token.type) ? [] : [id_token.type]),
    ...(AuthorizationAuthorizationTypeWords.has(authorization_type) ? [] : [authorization_type]),
    ...(iso15118CertificateHashData ?? [])
      .map(({ hashAlgorithm }) => hashAlgorithm)
      .filter((algorithm) => !EvseSecurityHashAlgorithmWords.has(algorithm)),
  ];
  if (unknown.length > 0) throw new Refusal(`unknown word ${JSON.stringify(unknown[0])}`);
}

/** @throws Refusal for a word that nobody knows, and for a token or hash data that OCPP has no room for. */
export function toAuthorizationQuery(provided: AuthorizationProvidedIdToken): AuthorizationQuery {
  refuseUnlessKnown(provided);
  const certificateHashData: readonly OCSPRequestDataType[] | undefined = provided.iso15118CertificateHashData?.map(
    ({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber, responderURL }) => ({
      hashAlgorithm,
      issuerNameHash,
      issuerKeyHash,
      serialNumber,
      responderURL,
    }),
  );
  if (certificateHashData?.every((data) => v.is(OCSPRequestDataTypeSchema, data)) === false)
    throw new Refusal("hash data of a certificate that OCPP has no room for");
  return {
    idToken: toIdToken(provided.id_token),
    ...(provided.certificate !== undefined && { certificate: provided.certificate }),
    ...(certificateHashData !== undefined && certificateHashData.length > 0 && { certificateHashData }),
    ...(provided.authorization_type === "PlugAndCharge" && { isPlugAndCharge: true }),
    ...(provided.connectors !== undefined && { evseIds: provided.connectors }),
  };
}

export function toMessageContent({ content, format, language }: MessageContentType): TextMessageMessageContent {
  return { content, format, ...(language !== undefined && { language }) };
}

/** OCA's extension for texts in several languages: customData of this vendor holds further personal messages. */
const MULTI_LANGUAGE_VENDOR = "org.openchargealliance.multilanguage";
const EXTRA_MESSAGE_LIMIT = 4;
const MultiLanguage = v.looseObject({
  vendorId: v.literal(MULTI_LANGUAGE_VENDOR),
  personalMessageExtra: v.array(MessageContentTypeSchema),
});

/**
 * Texts for the driver, those in the driver's first language first, then those in the second (C01.FR.08, FR.09): the CSMS's own
 * (I01.FR.03), else `fallback`.
 */
function toTariffMessages(
  info: IdTokenInfoType,
  fallback: readonly MessageContentType[],
): readonly TextMessageMessageContent[] {
  const { personalMessage, language1, language2, customData } = info;
  const extra = v.safeParse(MultiLanguage, customData);
  const own = [
    ...(personalMessage === undefined ? [] : [personalMessage]),
    ...(extra.success ? extra.output.personalMessageExtra.slice(0, EXTRA_MESSAGE_LIMIT) : []),
  ];
  const messages = own.length > 0 || info.status !== "Accepted" ? own : fallback;
  const rank = ({ language }: MessageContentType): number =>
    language === undefined ? 2 : language === language1 ? 0 : language === language2 ? 1 : 2;
  return messages.toSorted((one, other) => rank(one) - rank(other)).map(toMessageContent);
}

function validation(info: IdTokenInfoType, fallback: readonly MessageContentType[]): AuthorizationValidationResult {
  return {
    authorization_status: info.status,
    tariff_messages: toTariffMessages(info, fallback),
    ...(info.cacheExpiryDateTime !== undefined && { expiry_time: new Date(info.cacheExpiryDateTime).toISOString() }),
    ...(info.groupIdToken !== undefined && { parent_id_token: fromIdToken(info.groupIdToken) }),
    ...(info.evseId !== undefined && info.evseId.length > 0 && { evse_ids: info.evseId }),
  };
}

/** The answer to `validate_token` (BEHAVIOUR 7), with `fallback` for an accepted driver whom the CSMS has told no tariff. */
export function toValidationResult(
  decision: Pick<AuthorizationDecision, "idTokenInfo" | "certificateStatus">,
  fallback: readonly MessageContentType[] = [],
): AuthorizationValidationResult {
  return {
    ...validation(decision.idTokenInfo, fallback),
    ...(decision.certificateStatus !== undefined && { certificate_status: decision.certificateStatus }),
  };
}
