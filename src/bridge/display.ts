import * as v from "valibot";
import type { Peer } from "../everest/everest-module.ts";
import type { DisplayMessageDisplayMessage } from "../everest/interfaces/index.ts";
import { DisplayMessageStatusEnumTypeSchema, type MessageInfoType, MessageInfoTypeSchema } from "../ocpp/v201/index.ts";
import type { DisplayPort } from "../station/ports.ts";
import { toMessageContent } from "./tokens.ts";
import { toEverestTime } from "./words.ts";

/**
 * The display module shows a message from its start (O01.FR.06, O02.FR.06) to its end, in its state, in the cycle or in front as
 * its priority says (O01.FR.12–15, O02.FR.14–17), to a driver of its language (O01.FR.08, FR.09, O02.FR.08, FR.09).
 */
export function toDisplayMessage(info: MessageInfoType): DisplayMessageDisplayMessage {
  const { id, priority, state, startDateTime, endDateTime, transactionId, message } = info;
  return {
    id,
    priority,
    ...(state !== undefined && { state }),
    ...(startDateTime !== undefined && { timestamp_from: toEverestTime(startDateTime) }),
    ...(endDateTime !== undefined && { timestamp_to: toEverestTime(endDateTime) }),
    ...(transactionId !== undefined && { identifier_id: transactionId, identifier_type: "TransactionId" }),
    message: toMessageContent(message),
  };
}

/** Undefined for one that OCPP 2.0.1 cannot tell: without id, for a session or a token, in a state or format of its own. */
export function fromDisplayMessage(shown: DisplayMessageDisplayMessage): MessageInfoType | undefined {
  const { id, priority, state, timestamp_from, timestamp_to, identifier_id, identifier_type, message } = shown;
  const { format = "UTF8", language, content } = message;
  if (identifier_id !== undefined && identifier_type !== "TransactionId") return undefined;
  const parsed = v.safeParse(MessageInfoTypeSchema, {
    id,
    priority: priority ?? "NormalCycle",
    ...(state !== undefined && { state }),
    ...(timestamp_from !== undefined && { startDateTime: timestamp_from }),
    ...(timestamp_to !== undefined && { endDateTime: timestamp_to }),
    ...(identifier_id !== undefined && { transactionId: identifier_id }),
    message: { format, content, ...(language !== undefined && { language }) },
  });
  return parsed.success && parsed.output.id >= 0 ? parsed.output : undefined;
}

function absent(): Promise<never> {
  return Promise.reject(new Error("no display is connected"));
}

/** EVerest's display, if one is connected (BEHAVIOUR 19.1). */
export function createDisplayPort(display: Peer<"display_message"> | undefined): DisplayPort {
  if (display === undefined)
    return { available: false, setMessage: absent, clearMessage: absent, keptMessages: absent };
  return {
    available: true,
    setMessage: async (message) => {
      const answer = await display.call("set_display_message", { request: [toDisplayMessage(message)] });
      return {
        status: v.is(DisplayMessageStatusEnumTypeSchema, answer.status) ? answer.status : "Rejected",
        ...(answer.status_info !== undefined && { info: answer.status_info }),
      };
    },
    clearMessage: async (messageId) => {
      await display.call("clear_display_message", { request: { id: messageId } });
    },
    keptMessages: async () => {
      const { messages = [] } = await display.call("get_display_messages", { request: {} });
      return messages.flatMap((message) => fromDisplayMessage(message) ?? []);
    },
  };
}
