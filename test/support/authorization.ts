import type { VariableHandle } from "../../src/device-model/variable-handle.ts";
import type { IdTokenInfoType, IdTokenType, OCSPRequestDataType } from "../../src/ocpp/v201/index.ts";
import type { AuthorizationDecision } from "../../src/station/model/authorization.ts";
import type { InProcessCharger } from "./in-process-charger.ts";

export const card = (idToken: string, type: IdTokenType["type"] = "ISO14443"): IdTokenType => ({ idToken, type });

/** An entry of SendLocalList; without a status it is removed. */
export const entry = (idToken: string, status?: IdTokenInfoType["status"], more: Partial<IdTokenInfoType> = {}) => ({
  idToken: card(idToken),
  ...(status !== undefined && { idTokenInfo: { status, ...more } }),
});

/** Presents a token as `validate_token` does, and waits for the decision. */
export async function present(
  charger: InProcessCharger,
  idToken: IdTokenType,
  more: {
    readonly certificate?: string;
    readonly certificateHashData?: readonly OCSPRequestDataType[];
    readonly isPlugAndCharge?: boolean;
    readonly evseIds?: readonly number[];
  } = {},
  waitMilliseconds = 20,
): Promise<AuthorizationDecision> {
  const decision = charger.services.authorization.authorize({ idToken, ...more });
  if (decision === undefined) throw new Error("the station is not started");
  await charger.clock.advance(waitMilliseconds);
  return decision;
}

export async function sendLocalList(
  charger: InProcessCharger,
  versionNumber: number,
  updateType: "Full" | "Differential",
  localAuthorizationList?: readonly object[],
): Promise<string> {
  const { body, kind } = await charger.call("SendLocalList", {
    versionNumber,
    updateType,
    ...(localAuthorizationList !== undefined && { localAuthorizationList }),
  });
  return kind === "error" ? String(body) : (body as { status: string }).status;
}

export async function setVariable(
  charger: InProcessCharger,
  component: string,
  variable: string,
  value: string,
): Promise<void> {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [{ component: { name: component }, variable: { name: variable }, attributeValue: value }],
  });
  const [result] = (body as { setVariableResult: { attributeStatus: string }[] }).setVariableResult;
  if (result?.attributeStatus !== "Accepted")
    throw new Error(`${component}.${variable} was not set: ${JSON.stringify(body)}`);
}

/** Cuts the connection for good. */
export function goOffline(charger: InProcessCharger): void {
  charger.reachable = false;
  charger.disconnect();
}

/** What the CSMS says of every token from now on, in answers to Authorize and to events that name a token. */
export function answerTokens(charger: InProcessCharger, info: Readonly<Record<string, unknown>>): void {
  charger.react = ({ action, payload }) => {
    if (action === "Authorize") return { answer: { idTokenInfo: info } };
    if (action === "TransactionEvent") return { answer: payload.idToken === undefined ? {} : { idTokenInfo: info } };
    return { answer: action === "Heartbeat" ? { currentTime: charger.clock.now().toISOString() } : {} };
  };
}

/** As if the component configuration of this charger named another upper limit. */
export function setMaxLimit(charger: InProcessCharger, handle: VariableHandle<"number">, maxLimit: number): void {
  const variable = charger.deviceModel.find(handle);
  if (typeof variable === "string") throw new Error(variable);
  Object.assign(variable, { characteristics: { ...variable.characteristics, maxLimit } });
}
