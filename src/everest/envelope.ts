import * as v from "valibot";
import { parseJson } from "../lib/json-text.ts";

/** The words of the envelope that were renamed in August 2026 (PROTOCOL 17.4). */
export const DIALECTS = ["GetConfig", "Configuration"] as const;
export type Dialect = (typeof DIALECTS)[number];

export const REQUEST_TYPE: Record<Dialect, string> = { GetConfig: "GetConfig", Configuration: "ConfigurationRequest" };
export const RESPONSE_TYPE: Record<Dialect, string> = {
  GetConfig: "GetConfigResponse",
  Configuration: "ConfigurationResponse",
};

const Envelope = v.object({ msg_type: v.string(), data: v.unknown() });
const VariableData = v.object({ data: v.unknown() });
const CommandData = v.object({
  id: v.string(),
  origin: v.string(),
  /** Not looked at here: whoever sends something unreadable is answered, not left waiting for 300 s. */
  args: v.optional(v.unknown()),
});
const ResultData = v.object({
  data: v.object({
    id: v.string(),
    origin: v.optional(v.string()),
    retval: v.optional(v.unknown()),
    error: v.optional(
      v.object({
        __everest__error_type: v.optional(v.string(), "unknown"),
        __everest__error_msg: v.optional(v.string(), ""),
      }),
    ),
  }),
});
const ErrorData = v.object({
  type: v.string(),
  sub_type: v.optional(v.string(), ""),
  message: v.optional(v.string(), ""),
  description: v.optional(v.string(), ""),
  severity: v.optional(v.string(), "High"),
  state: v.optional(v.string(), ""),
  timestamp: v.optional(v.string(), ""),
  origin: v.object({
    module_id: v.string(),
    implementation_id: v.string(),
    mapping: v.optional(v.nullable(v.object({ evse: v.number(), connector: v.optional(v.nullable(v.number())) }))),
  }),
});

export type CommandCall = v.InferOutput<typeof CommandData>;
export type CommandResult = v.InferOutput<typeof ResultData>["data"];
export type ErrorMessage = v.InferOutput<typeof ErrorData>;

/** A payload on the bus, taken apart. `undefined` for what is no envelope. */
export function openEnvelope(text: string): v.InferOutput<typeof Envelope> | undefined {
  try {
    const parsed = v.safeParse(Envelope, parseJson(text));
    return parsed.success ? parsed.output : undefined;
  } catch {
    return undefined;
  }
}

function open<Schema extends v.GenericSchema>(
  text: string,
  types: readonly string[],
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  const envelope = openEnvelope(text);
  if (envelope === undefined || !types.includes(envelope.msg_type)) return undefined;
  const parsed = v.safeParse(schema, envelope.data);
  return parsed.success ? (parsed.output as v.InferOutput<Schema>) : undefined;
}

/** The value of a variable, wrapped since `undefined` says that the message is not one. */
export function openVariable(text: string): { readonly value: unknown } | undefined {
  const opened = open(text, ["Var"], VariableData);
  return opened === undefined ? undefined : { value: opened.data };
}

export function openCommand(text: string): CommandCall | undefined {
  return open(text, ["Cmd"], CommandData);
}

export function openResult(text: string): CommandResult | undefined {
  return open(text, ["CmdResult"], ResultData)?.data;
}

const ERROR_STATES: ReadonlySet<string> = new Set(["Active", "ClearedByModule", "ClearedByReboot"]);

/** Raised or cleared: `state` decides (PROTOCOL 12.2), the type of the envelope where it is missing or unknown. */
export function openError(text: string): ErrorMessage | undefined {
  const error = open(text, ["RaiseError", "ClearError"], ErrorData);
  if (error === undefined || ERROR_STATES.has(error.state)) return error;
  return { ...error, state: openEnvelope(text)?.msg_type === "ClearError" ? "ClearedByModule" : "Active" };
}

export function openConfiguration(text: string): unknown {
  const envelope = openEnvelope(text);
  return envelope !== undefined && Object.values(RESPONSE_TYPE).includes(envelope.msg_type) ? envelope.data : undefined;
}

/** A manager that hands a changed parameter to its module (PROTOCOL 17.4). */
export function openSetRequest(text: string): unknown {
  return open(text, [REQUEST_TYPE.Configuration], v.object({ identifier: v.unknown(), value: v.unknown() }));
}

function seal(type: string, data: unknown): string {
  return JSON.stringify({ msg_type: type, data });
}

export function sealVariable(value: unknown): string {
  return seal("Var", { data: value });
}

export function sealCommand(id: string, origin: string, args: unknown): string {
  return seal("Cmd", { id, args, origin });
}

export function sealResult(id: string, origin: string, retval: unknown): string {
  return seal("CmdResult", { type: "result", data: { id, retval: retval ?? null, origin } });
}

export function sealReady(): string {
  return seal("ModuleReady", true);
}

export function sealMetadata(dialect: Dialect, data: unknown): string {
  return seal(RESPONSE_TYPE[dialect], data);
}

export function sealSetResponse(status: "RebootRequired", statusInfo: string): string {
  const response = { status, status_info: statusInfo };
  return seal(RESPONSE_TYPE.Configuration, { status: "Ok", status_info: statusInfo, type: "Set", response });
}

export function sealRequest(dialect: Dialect, data: unknown): string {
  return seal(REQUEST_TYPE[dialect], data);
}
