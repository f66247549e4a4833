/**
 * What must not stand in any log: passwords, private keys, PINs and keyCode tokens (C04.FR.04, A01.FR.11), wherever they
 * pass: SetVariables, reports, network profiles, URLs with user and password, free data.
 */
const MASK = "***";
const SECRET_NAME =
  /pass(?:word|wd|phrase|code)|secret|private_?key|(?:^|_|sim)pin$|^key$|api_?key|access_?token|credential/i;
/** Members that hold the value of a variable which stands beside them. */
const VALUE_NAMES = new Set(["attributeValue", "value", "actualValue", "variableAttribute"]);
/** Worth a closer look at all; most messages are not. */
const SUSPICIOUS = /pass|secret|private|pin\\*"|"key\\*"|api_?key|access_?token|keycode|credential|:\/\/[^/\s"]*@/i;
const URL_WITH_PASSWORD = /(:\/\/[^/\s"@:]*):[^/\s"@]*@/g;

type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Every text, number or flag below is replaced, so that shape and names stay readable. */
function blank(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(blank);
  if (isObject(value))
    return Object.fromEntries(
      Object.entries(value).map(([name, inner]) => [name, name === "value" || isObject(inner) ? blank(inner) : inner]),
    );
  return value === undefined || value === null || value === "" ? value : MASK;
}

/** URLs in a text keep their user and lose their password. */
export function maskUrlPasswords(text: string): string {
  return text.replace(URL_WITH_PASSWORD, `$1:${MASK}@`);
}

function maskText(text: string): string {
  const start = text.trimStart()[0];
  if ((start === "{" || start === "[") && SUSPICIOUS.test(text)) {
    try {
      return JSON.stringify(maskValue(JSON.parse(text)));
    } catch {
      // Not JSON after all: only its URLs are looked at.
    }
  }
  return maskUrlPasswords(text);
}

function maskObject(object: JsonObject): JsonObject {
  const { variable, type } = object;
  const describesSecret = isObject(variable) && SECRET_NAME.test(String(variable.name ?? ""));
  const isKeyCode = type === "KeyCode" && typeof object.idToken === "string";
  return Object.fromEntries(
    Object.entries(object).map(([name, value]) => {
      if (isKeyCode && name === "idToken") return [name, MASK];
      if (describesSecret && VALUE_NAMES.has(name)) return [name, blank(value)];
      if (SECRET_NAME.test(name) && !isObject(value)) return [name, blank(value)];
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
    return JSON.stringify(maskValue(JSON.parse(text)));
  } catch {
    return `(${text.length} characters that are not JSON and may hold a secret)`;
  }
}
