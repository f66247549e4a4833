import { isIP } from "node:net";
import { hostname as machineName } from "node:os";
import { isLoopback } from "./listen-address.ts";

const EVERY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/**
 * Is a Host header one of this server? A name of somebody else's that leads here is how a page in a browser gets at what
 * listens on the loopback address (DNS rebinding). A client without the header is no browser.
 */
export function isOwnHost(header: string | undefined, bound: string): boolean {
  if (header === undefined) return true;
  const name = header
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
  if (name === bound.toLowerCase() || (isLoopback(bound) && isLoopback(name))) return true;
  return EVERY_ADDRESS.has(bound) && (isIP(name) !== 0 || isLoopback(name) || name === machineName().toLowerCase());
}

/** What a browser tells of where a request comes from; header names in lower case. */
type Header = (name: string) => string | undefined;

/** A link from elsewhere may be followed to a page, but nothing else of another site reaches anything here. */
function isFromElsewhere(header: Header): boolean {
  const site = header("sec-fetch-site");
  return site !== undefined && site !== "same-origin" && site !== "none";
}

/**
 * May a request that changes nothing be answered, as far as its origin tells? A page of another site may lead here, but
 * neither frame nor fetch what is here.
 */
export function mayRead(header: Header): boolean {
  if (!isFromElsewhere(header)) return true;
  return header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document";
}

/**
 * May a request that does something be carried out? A browser names the origin of each POST: it must be this server. What
 * names none is no browser, and needs the token in its own header.
 */
export function mayAct(header: Header): boolean {
  if (isFromElsewhere(header)) return false;
  const origin = header("origin");
  if (origin === undefined) return header("authorization") !== undefined;
  const host = header("host") ?? "";
  return origin === `http://${host}` || origin === `https://${host}`;
}
