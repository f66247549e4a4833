import { JsonNestingError, parseJson } from "../lib/json-text.ts";
import type { CallErrorCode, OcppError } from "./errors.ts";

/** A frame of OCPP-J (part 4, chapter 4), taken apart but its payload not yet validated. */
export type Frame =
  | { readonly kind: "call"; readonly messageId: string; readonly action: string; readonly payload: unknown }
  | { readonly kind: "result"; readonly messageId: string; readonly payload: unknown }
  | { readonly kind: "error"; readonly messageId: string; readonly code: string; readonly description: string }
  /** To be answered with this CALLERROR. */
  | { readonly kind: "bad"; readonly messageId: string; readonly code: CallErrorCode; readonly description: string }
  /** A broken answer: there is nothing to answer to an answer. */
  | { readonly kind: "broken-answer"; readonly messageId: string; readonly description: string };

/** The message id of an answer to a frame whose own id cannot be read. */
export const UNREADABLE_MESSAGE_ID = "-1";
const MESSAGE_ID_LIMIT = 36;
const CALL = 2;
const CALL_RESULT = 3;
const CALL_ERROR = 4;

function bad(messageId: string, code: CallErrorCode, description: string): Frame {
  return { kind: "bad", messageId, code, description };
}

function parseCall(parts: readonly unknown[], messageId: string): Frame {
  const [, , action, payload] = parts;
  if (parts.length !== 4) return bad(messageId, "RpcFrameworkError", "a CALL has four elements");
  if (typeof action !== "string") return bad(messageId, "RpcFrameworkError", "the action is not a string");
  return { kind: "call", messageId, action, payload };
}

/** Literals so long that a number may not hold them. */
const LONG_INTEGER = /\d{16}/;

/** Makes of an integer that a number would round one that is written again as it was read; it fits no number of a schema. */
function keepDigits(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  const isRounded = typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(source ?? "");
  return isRounded ? rawJson(source ?? "") : value;
}

/** `JSON.rawJSON`, which TypeScript does not know yet. */
const { rawJSON: rawJson } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };

/** Members of a payload that may hold anything, for others to read (DataTransfer). */
const FREE_MEMBERS: ReadonlySet<string> = new Set(["data", "customData"]);

/** Integers of free data as they were written; anywhere else no schema has room for them. */
function parseLongIntegers(text: string): unknown {
  const [frame, exact] = [parseJson(text), parseJson(text, keepDigits)];
  if (!Array.isArray(frame) || !Array.isArray(exact)) return frame;
  return frame.map((part: unknown, index) => {
    if (typeof part !== "object" || part === null || Array.isArray(part)) return part;
    const free = Object.entries(exact[index] as object).filter(([name]) => FREE_MEMBERS.has(name));
    return { ...part, ...Object.fromEntries(free) };
  });
}

/** Whose it is stands at the beginning: the sender need not wait for an answer in vain. */
function nestedTooDeeply(text: string, description: string): Frame {
  const [, type, messageId = UNREADABLE_MESSAGE_ID] = /^\s*\[\s*(\d)\s*,\s*"([^"\\]{1,36})"/.exec(text) ?? [];
  return Number(type) === CALL_RESULT || Number(type) === CALL_ERROR
    ? { kind: "broken-answer", messageId, description }
    : bad(messageId, type === undefined ? "RpcFrameworkError" : "FormatViolation", description);
}

export function parseFrame(text: string): Frame {
  let parts: unknown;
  try {
    parts = LONG_INTEGER.test(text) ? parseLongIntegers(text) : parseJson(text);
  } catch (error) {
    if (error instanceof JsonNestingError) return nestedTooDeeply(text, error.message);
    return bad(UNREADABLE_MESSAGE_ID, "RpcFrameworkError", "the frame is not JSON");
  }
  if (!Array.isArray(parts) || parts.length < 1)
    return bad(UNREADABLE_MESSAGE_ID, "RpcFrameworkError", "the frame is not an array");
  const [type, id] = parts as readonly unknown[];
  const readable = typeof id === "string" && id.length > 0 && id.length <= MESSAGE_ID_LIMIT;
  const messageId = readable ? id : UNREADABLE_MESSAGE_ID;
  if (type === CALL)
    return readable
      ? parseCall(parts, messageId)
      : bad(UNREADABLE_MESSAGE_ID, "RpcFrameworkError", "the message id cannot be read");
  if (type === CALL_RESULT)
    // What follows the payload is nobody's: the answer counts all the same.
    return readable && parts.length >= 3
      ? { kind: "result", messageId, payload: parts[2] }
      : { kind: "broken-answer", messageId, description: "not a CALLRESULT of three elements" };
  if (type === CALL_ERROR)
    return readable && parts.length >= 3 && typeof parts[2] === "string"
      ? {
          kind: "error",
          messageId,
          code: parts[2] || "(no code)",
          description: String(parts[3] ?? "") || "no description",
        }
      : { kind: "broken-answer", messageId, description: "not a CALLERROR of five elements" };
  if (typeof type === "number") return bad(messageId, "MessageTypeNotSupported", "unknown message type");
  return bad(messageId, "RpcFrameworkError", "the message type is not a number");
}

export function encodeCall(messageId: string, action: string, payload: unknown): string {
  return JSON.stringify([CALL, messageId, action, payload]);
}

export function encodeResult(messageId: string, payload: unknown): string {
  return JSON.stringify([CALL_RESULT, messageId, payload]);
}

export function encodeError(messageId: string, error: Pick<OcppError, "code" | "description" | "details">): string {
  return JSON.stringify([CALL_ERROR, messageId, error.code, error.description.slice(0, 255), error.details]);
}
