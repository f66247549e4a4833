import { isIP } from "node:net";
import { ExplainedError } from "../../lib/explained-error.ts";

export interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** A listening address as `host:port`, `[IPv6]:port`. @throws ExplainedError when it is none. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^[\]\s]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || port > 65_535 || (match?.[1] !== undefined && isIP(hostname) !== 6))
    throw new ExplainedError(`--http: "${text}" is not an address like 127.0.0.1:8080 or [::1]:8080`);
  return { hostname, port };
}

/** Can only somebody on this machine ask there? */
export function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}
