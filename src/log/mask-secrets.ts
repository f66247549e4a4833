import { parseJson } from "../lib/json-text.ts";

/**
 * What must not stand in any log: passwords, private keys, PINs and keyCode tokens (C04.FR.04, A01.FR.11), wherever they
 * pass: SetVariables, reports, network profiles, URLs with user and password, free data, also as JSON within a text.
 */
const MASK = "***";
const SECRET_NAME =
  /pass(?:word|wd|phrase|code)|secret|private_?key|(?:^|_|sim)pin$|^(?:vpn)?key$|api_?key|access_?token|credential|(?:^|[-_]|proxy)authorization(?:_?key)?$/i;
/** Members that hold the value of a variable which stands beside them. */
const VALUE_NAMES = new Set(["attributeValue", "value", "actualValue", "variableAttribute"]);
/** Members that name what stands beside them, e.g. a header of HTTP in free data. */
const NAMING_NAMES = ["name", "key", "header"] as const;
/** Worth a closer look at all; most messages are not. */
const SUSPICIOUS =
  /pass|secret|private|pin\\*"|key\\*"|api_?key|access_?token|credential|keycode|authorization(?:_?key)?\\*"|basic |bearer |:\/\/[^/\s"]*@/i;
const URL_WITH_PASSWORD = /(:\/\/[^/\s"@:]*):[^/\s"@]*@/g;
/** The value of HTTP's header Authorization, in whatever text; what looks like a word is one ("basic authentication"). */
const HTTP_CREDENTIALS = /\b([Bb]asic|[Bb]earer) +(?![A-Za-z][a-z]+\b)[\w.~+/-]{8,}=*/g;
/** `password=value`, `"password": "value"`: in texts that are no JSON, or only a part of it. */
const ASSIGNED_SECRET =
  /(?<![\w-])([\w-]{0,40}(?:pass(?:word|wd|phrase|code)|secret|private_?key|api_?key|access_?token|authorization)(?:=|\\*"\s*:\s*\\*"))[^\s"&;,\\]+/gi;

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every text, number or flag below is replaced, so that shape and names stay readable. */
function blank(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(blank);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, blank(inner)]));
  return value === undefined || value === null || value === "" ? value : MASK;
}

/** Attributes of a variable keep their type and mutability. */
function blankValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(blankValues);
  if (!isObject(value)) return blank(value);
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [name, name === "value" || isObject(inner) ? blank(inner) : inner]),
  );
}

/** URLs in a text keep their user and lose their password, headers of HTTP their credentials. */
export function maskUrlPasswords(text: string): string {
  return text.replace(URL_WITH_PASSWORD, `$1:${MASK}@`).replace(HTTP_CREDENTIALS, `$1 ${MASK}`);
}

function maskText(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  const start = text.trimStart()[0];
  if (start === "{" || start === "[") {
    try {
      return JSON.stringify(maskValue(parseJson(text)));
    } catch {
      // Not JSON after all: it is looked at as text.
    }
  }
  return maskUrlPasswords(text).replace(ASSIGNED_SECRET, `$1${MASK}`);
}

/** Is the value that stands beside this name a secret? */
function namesSecret(object: JsonObject): boolean {
  const { variable } = object;
  const names = [isObject(variable) ? variable.name : undefined, ...NAMING_NAMES.map((name) => object[name])];
  return names.some((name) => typeof name === "string" && SECRET_NAME.test(name));
}

function maskObject(object: JsonObject): JsonObject {
  const describesSecret = namesSecret(object);
  const isKeyCode = object.type === "KeyCode" && typeof object.idToken === "string";
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      if (isKeyCode && name === "idToken") return [name, MASK];
      if (describesSecret && VALUE_NAMES.has(name)) return [name, blankValues(value)];
      if (SECRET_NAME.test(name)) return [name, blank(value)];
      return [name, maskValue(value)];
    }),
  );
}

function maskValue(value: unknown): unknown {
  if (typeof value === "string") return maskText(value);
  if (Array.isArray(value)) return value.map(maskValue);
  return isObject(value) ? maskObject(value) : value;
}

/** Is a variable or member of this name a secret? */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** The text of a message without its secrets; what has none comes back as it is. */
export function maskSecrets(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  try {
    return JSON.stringify(maskValue(parseJson(text)));
  } catch {
    return `(${text.length} characters that are not JSON and may hold a secret)`;
  }
}
