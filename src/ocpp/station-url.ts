const SCHEME = /^[a-z][a-z0-9+.-]*:\/\//i;

/** Security profiles 2 and 3 are TLS, the others are not (A00.FR.312, FR.415). */
function schemeOf(securityProfile: number): "ws:" | "wss:" {
  return securityProfile >= 2 ? "wss:" : "ws:";
}

/** The URL of a network profile; a scheme that is missing is the one of the security profile. */
function parse(csmsUrl: string, securityProfile: number): URL | undefined {
  const text = SCHEME.test(csmsUrl) ? csmsUrl : `${schemeOf(securityProfile)}//${csmsUrl}`;
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** Why a CSMS URL cannot be used with a security profile; undefined when it can. */
export function csmsUrlDefect(csmsUrl: string, securityProfile: number): string | undefined {
  const url = parse(csmsUrl, securityProfile);
  if (url === undefined || url.hostname === "") return "the URL cannot be read";
  if (url.protocol !== schemeOf(securityProfile))
    return `security profile ${securityProfile} needs a URL that begins with ${schemeOf(securityProfile)}//`;
  // RFC 6455, 3; user information would be credentials in a place that is logged.
  if (url.hash !== "" || url.username !== "" || url.password !== "")
    return "the URL must have neither fragment nor user information";
  return undefined;
}

/**
 * The connection URL of part 4, 3.1.1: the station's identity, percent-encoded, as last segment of the CSMS URL's path.
 * An identity that the path already ends with is not repeated; a query stays behind the path.
 * @throws when `csmsUrlDefect` finds one.
 */
export function stationUrl(csmsUrl: string, securityProfile: number, identity: string): string {
  const defect = csmsUrlDefect(csmsUrl, securityProfile);
  const url = parse(csmsUrl, securityProfile);
  if (defect !== undefined || url === undefined) throw new Error(defect ?? "the URL cannot be read");
  const path = url.pathname.replace(/\/+$/, "");
  const segment = encodeURIComponent(identity);
  const last = path.slice(path.lastIndexOf("/") + 1);
  url.pathname = last === segment || last === identity ? path : `${path}/${segment}`;
  return url.toString();
}
