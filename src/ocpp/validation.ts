import * as v from "valibot";
import { type Note, withoutOddMembers } from "../lib/tolerant-reading.ts";
import type { CallErrorCode } from "./errors.ts";
import { type Action, MESSAGE_SCHEMAS, type RequestOf, type ResponseOf } from "./v201/index.ts";

export type Validation<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly code: CallErrorCode; readonly description: string };

/** Which rule of the schema was hurt, as an error code of part 4, table 8. */
function errorCode(issue: v.BaseIssue<unknown>): CallErrorCode {
  switch (issue.type) {
    case "strict_object":
      // Valibot reports a missing member as received `undefined`, an unknown one as expected `never`.
      if (issue.expected === "never") return "FormatViolation";
      return issue.received === "undefined" ? "OccurrenceConstraintViolation" : "TypeConstraintViolation";
    case "loose_object":
      return issue.received === "undefined" ? "OccurrenceConstraintViolation" : "TypeConstraintViolation";
    case "min_length":
    case "max_length":
      return "OccurrenceConstraintViolation";
    case "string":
    case "number":
    case "boolean":
    case "array":
    case "integer":
      return "TypeConstraintViolation";
    case "picklist":
      return typeof issue.input === "string" ? "PropertyConstraintViolation" : "TypeConstraintViolation";
    case "check":
      if (issue.message.startsWith("not an RFC 3339")) return "FormatViolation";
      return issue.message.startsWith("not an integer") ? "TypeConstraintViolation" : "PropertyConstraintViolation";
    default:
      return "PropertyConstraintViolation";
  }
}

/** Where and what, without the offending value: it may be a secret. */
function describe(issue: v.BaseIssue<unknown>): string {
  const path = v.getDotPath(issue as v.InferIssue<v.GenericSchema>) ?? "payload";
  const rule =
    issue.type === "strict_object" && issue.expected === "never"
      ? "unknown member"
      : issue.received === "undefined"
        ? "missing"
        : issue.type === "check"
          ? issue.message
          : `violates ${issue.type}${issue.expected === null ? "" : ` ${issue.expected}`}`;
  return `${path}: ${rule}`.slice(0, 255);
}

function validate<Value>(schema: v.GenericSchema<unknown, Value>, received: unknown): Validation<Value> {
  // Part 4, 4.1.5: `null` is the other notation of a payload without members.
  const payload = received ?? {};
  if (typeof payload !== "object" || Array.isArray(payload))
    return { ok: false, code: "ProtocolError", description: "the payload is not an object" };
  const result = v.safeParse(schema, payload, { abortEarly: true, abortPipeEarly: true });
  if (result.success) return { ok: true, value: result.output };
  const [issue] = result.issues;
  return { ok: false, code: errorCode(issue), description: describe(issue) };
}

export function validateRequest<A extends Action>(action: A, payload: unknown): Validation<RequestOf<A>> {
  return validate(MESSAGE_SCHEMAS[action].request as v.GenericSchema<unknown, RequestOf<A>>, payload);
}

export function validateResponse<A extends Action>(action: A, payload: unknown): Validation<ResponseOf<A>> {
  return validate(MESSAGE_SCHEMAS[action].response as v.GenericSchema<unknown, ResponseOf<A>>, payload);
}

/**
 * The answer of the CSMS: strict in what is required and in types, but a member that nobody knows is ignored and an optional
 * one without content taken as absent. A TransactionEvent whose answer carries more than it should is delivered all the same. `note` is told what was left out.
 */
export function readResponse<A extends Action>(action: A, payload: unknown, note: Note): Validation<ResponseOf<A>> {
  const strict = validateResponse(action, payload);
  if (strict.ok) return strict;
  return validateResponse(action, withoutOddMembers(MESSAGE_SCHEMAS[action].response, payload, note));
}

export function isAction(name: string): name is Action {
  return Object.hasOwn(MESSAGE_SCHEMAS, name);
}
