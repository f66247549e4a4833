import { DisplayMessageCtrlr } from "../../device-model/variables.ts";
import type {
  DisplayMessageStatusEnumType,
  GetDisplayMessagesRequest,
  MessageInfoType,
  SetDisplayMessageResponse,
} from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";

/** So many messages fit where the configuration names no number (DisplayMessages.maxLimit); more never do. */
export const MESSAGES_LIMIT = 1_000;

function refuse(
  status: DisplayMessageStatusEnumType,
  reasonCode: string,
  additionalInfo: string,
): SetDisplayMessageResponse {
  return { status, statusInfo: { reasonCode, additionalInfo } };
}

/** What the display can do; DisplayMessageCtrlr says it. No word about states means all (part 2, 2.32). */
function unsupported(
  { priority, state, message }: MessageInfoType,
  deviceModel: StationContext["deviceModel"],
): SetDisplayMessageResponse | undefined {
  const supports = (handle: Parameters<typeof deviceModel.read<"list">>[0], word: string): boolean =>
    deviceModel.read(handle)?.includes(word) === true;
  if (!supports(DisplayMessageCtrlr.SupportedPriorities, priority)) return { status: "NotSupportedPriority" }; // O01.FR.01, O02.FR.03
  if (!supports(DisplayMessageCtrlr.SupportedFormats, message.format)) return { status: "NotSupportedMessageFormat" }; // O01.FR.03, O02.FR.05
  const states = deviceModel.read(DisplayMessageCtrlr.SupportedStates) ?? [];
  const isShownThen = state === undefined || states.length === 0 || states.includes(state);
  return isShownThen ? undefined : { status: "NotSupportedState" }; // O01.FR.02, O02.FR.04
}

/**
 * EVerest's display module knows one display, which is the main one (O01.FR.20): the Display component without instance and EVSE,
 * else the first. A message for it is for nothing else (O01.FR.23); one for another would be shown on the wrong display.
 */
function wrongDisplay(
  { display }: MessageInfoType,
  deviceModel: StationContext["deviceModel"],
): SetDisplayMessageResponse | undefined {
  if (display === undefined) return undefined;
  const displays = [...deviceModel.allComponents()]
    .map(({ definition }) => definition)
    .filter(({ name }) => name.toLowerCase() === "display");
  const same = (one: string | undefined, other: string | undefined): boolean =>
    (one ?? "").toLowerCase() === (other ?? "").toLowerCase();
  const meant = displays.find(
    ({ name, instance, evseId, connectorId }) =>
      same(name, display.name) &&
      same(instance, display.instance) &&
      evseId === display.evse?.id &&
      connectorId === display.evse?.connectorId,
  );
  if (meant === undefined) return refuse("Rejected", "NotFound", "there is no such display"); // O01.FR.22
  const main = displays.find(({ instance, evseId }) => instance === undefined && evseId === undefined) ?? displays[0];
  return meant === main
    ? undefined
    : refuse("Rejected", "UnsupportedRequest", "the display module shows messages on the main display only");
}

function impossible({ id, startDateTime, endDateTime }: MessageInfoType, now: Date): string | undefined {
  if (id < 0) return "the id is negative";
  if (endDateTime === undefined) return undefined;
  if (new Date(endDateTime) <= now) return "endDateTime is past";
  return startDateTime !== undefined && new Date(startDateTime) >= new Date(endDateTime)
    ? "endDateTime is not after startDateTime"
    : undefined;
}

/** Why a message cannot be shown, in the order in which the C++ module looks (SEMANTICS 15); undefined when it can. */
export function objection(
  info: MessageInfoType,
  { deviceModel, core, clock }: Pick<StationContext, "deviceModel" | "core" | "clock">,
): SetDisplayMessageResponse | undefined {
  const { transactionId } = info;
  const refused = unsupported(info, deviceModel);
  if (refused !== undefined && refused.status !== "NotSupportedState") return refused;
  if (transactionId !== undefined && !core.transactions.has(transactionId)) return { status: "UnknownTransaction" }; // O02.FR.01
  const reason = impossible(info, clock.now());
  return (
    refused ??
    wrongDisplay(info, deviceModel) ??
    (reason === undefined ? undefined : refuse("Rejected", "InvalidValue", reason))
  );
}

/** Messages whose place a new one takes: the one with its id (O06.FR.01), and with AlwaysFront the one in front (O01.FR.16, O02.FR.18). */
export function replacedBy(info: MessageInfoType, present: readonly MessageInfoType[]): readonly MessageInfoType[] {
  return present.filter(
    ({ id, priority }) => id === info.id || (info.priority === "AlwaysFront" && priority === "AlwaysFront"),
  );
}

/** O04: all criteria must be met; none of them is met by every message (O03). */
export function matches(
  { id, priority, state }: MessageInfoType,
  wanted: Pick<GetDisplayMessagesRequest, "id" | "priority" | "state">,
): boolean {
  return (
    (wanted.id === undefined || wanted.id.includes(id)) &&
    (wanted.priority === undefined || wanted.priority === priority) &&
    (wanted.state === undefined || wanted.state === state)
  );
}

/** O03.FR.03, O04.FR.04: as many as fit into one message; a single one always does. */
export function inParts(messages: readonly MessageInfoType[], byteLimit: number): readonly MessageInfoType[][] {
  const parts: MessageInfoType[][] = [];
  let room = 0;
  for (const message of messages) {
    const bytes = Buffer.byteLength(JSON.stringify(message)) + 1;
    if (bytes > room) {
      parts.push([]);
      room = byteLimit;
    }
    parts.at(-1)?.push(message);
    room -= bytes;
  }
  return parts;
}
