import type { Context, MiddlewareHandler } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { Clock } from "../../lib/clock.ts";
import { isLoopback } from "./listen-address.ts";
import { isOwnHost, mayAct, mayRead } from "./own-host.ts";
import type { RefusalKind, Refusals } from "./refusals.ts";
import { SESSION_SECONDS, Sessions } from "./sessions.ts";
import type { Token } from "./token.ts";
import { WrongTokens } from "./wrong-tokens.ts";

/** What each request knows: from where it comes, and whether the token has been shown. */
export interface WebEnvironment {
  Bindings: { readonly address: string };
  Variables: { isTrusted: boolean };
}
export type WebContext = Context<WebEnvironment>;

/** Nothing that is asked here needs more. */
const HEADER_LIMIT_CHARACTERS = 8_192;
export const BODY_LIMIT_BYTES = 1_024;
const METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "POST"]);
/** Needed to show the token at all. */
const OPEN_TO_ALL = /^\/(?:login|assets\/[\w.-]+)$/;

function headerCharacters(headers: Headers): number {
  let sum = 0;
  for (const [name, value] of headers) sum += name.length + value.length;
  return sum;
}

export interface AccessOptions {
  /** Where the server listens: on a loopback address reading needs no token. */
  readonly bound: string;
  /** Distinguishes the cookies of servers of one machine, which browsers do not tell apart by their ports. */
  readonly port: number;
  readonly token: Token | undefined;
  readonly clock: Clock;
  readonly refusals: Refusals;
}

/** `pauseSeconds`: no token of this address is looked at for so long. */
export type TokenVerdict = { readonly isRight: true } | { readonly isRight: false; readonly pauseSeconds: number };

function answerToWrongToken(context: WebContext, pauseSeconds: number): Response {
  if (pauseSeconds > 0) {
    context.header("Retry-After", String(pauseSeconds));
    return context.text("too many wrong tokens\n", 429);
  }
  context.header("WWW-Authenticate", "Bearer");
  return context.text("wrong token\n", 401);
}

/** Who may ask for what. */
export class Access {
  private readonly sessions: Sessions;
  private readonly wrongTokens: WrongTokens;
  private readonly cookie: string;
  private readonly isReadingOpen: boolean;

  constructor(private readonly options: AccessOptions) {
    this.sessions = new Sessions(options.clock);
    this.wrongTokens = new WrongTokens(options.clock);
    this.cookie = `ocpp201-${options.port}`;
    this.isReadingOpen = isLoopback(options.bound);
  }

  get hasToken(): boolean {
    return this.options.token !== undefined;
  }

  /** Before everything else: size, host, method, origin, and whether the token was shown. */
  readonly gate: MiddlewareHandler<WebEnvironment> = async (context, next) => {
    const { req } = context;
    const header = (name: string): string | undefined => req.header(name);
    if (headerCharacters(req.raw.headers) + req.url.length > HEADER_LIMIT_CHARACTERS)
      return this.refuse(context, 431, "too large", "the headers");
    if (!isOwnHost(header("host"), this.options.bound))
      return this.refuse(context, 421, "foreign host", `another host was asked for: ${header("host")}`);
    if (!METHODS.has(req.method)) return this.refuse(context, 405, "wrong method", req.method);
    const isPost = req.method === "POST";
    if (isPost ? !mayAct(header) : !mayRead(header))
      return this.refuse(context, 403, "foreign origin", `${req.method} from ${header("origin") ?? "another site"}`);
    const bodyBytes = Number(header("content-length") ?? (header("transfer-encoding") === undefined ? 0 : Infinity));
    if (!(bodyBytes <= BODY_LIMIT_BYTES)) return this.refuse(context, 413, "too large", "the body");
    const bearer = /^Bearer +(\S+)$/i.exec(header("authorization") ?? "")?.[1];
    const verdict = bearer === undefined ? undefined : this.judge(context, bearer);
    if (verdict?.isRight === false) return answerToWrongToken(context, verdict.pauseSeconds);
    const session = getCookie(context, this.cookie);
    const isTrusted = verdict !== undefined || (session !== undefined && this.sessions.has(session));
    context.set("isTrusted", isTrusted);
    if (isTrusted || OPEN_TO_ALL.test(req.path) || (!isPost && this.isReadingOpen)) return next();
    return this.askForToken(context);
  };

  /** Looks at a token, and notes a wrong one. */
  judge(context: WebContext, text: string): TokenVerdict {
    const { options, wrongTokens } = this;
    const { address } = context.env;
    const pauseSeconds = wrongTokens.pauseSeconds(address);
    if (pauseSeconds > 0) {
      options.refusals.note("too many wrong tokens", address, `again in ${pauseSeconds} s`);
      return { isRight: false, pauseSeconds };
    }
    if (options.token?.isGivenBy(text) === true) {
      wrongTokens.forget(address);
      return { isRight: true };
    }
    wrongTokens.note(address);
    options.refusals.note("wrong token", address, this.hasToken ? context.req.path : "no token is configured");
    return { isRight: false, pauseSeconds: 0 };
  }

  /** Whether who asks here may go on looking, e.g. has not logged out meanwhile. */
  watcherOf(context: WebContext): () => boolean {
    const session = getCookie(context, this.cookie);
    const isBearer = context.req.header("authorization") !== undefined;
    return () => this.isReadingOpen || isBearer || (session !== undefined && this.sessions.has(session));
  }

  get refusals(): Refusals {
    return this.options.refusals;
  }

  /** From now on this browser is known. */
  logIn(context: WebContext): void {
    setCookie(context, this.cookie, this.sessions.open(), {
      httpOnly: true,
      sameSite: "Strict",
      path: "/",
      maxAge: SESSION_SECONDS,
    });
  }

  logOut(context: WebContext): void {
    const session = getCookie(context, this.cookie);
    if (session !== undefined) this.sessions.close(session);
    deleteCookie(context, this.cookie, { path: "/" });
  }

  private askForToken(context: WebContext): Response {
    const isPage = context.req.method === "GET" && (context.req.header("accept") ?? "").includes("text/html");
    if (isPage) return context.redirect("/login", 303);
    context.header("WWW-Authenticate", "Bearer");
    return this.refuse(context, 401, "no token", context.req.path);
  }

  refuse(
    context: WebContext,
    status: 401 | 403 | 404 | 405 | 413 | 421 | 431 | 503,
    kind: RefusalKind,
    detail: string,
  ): Response {
    this.options.refusals.note(kind, context.env?.address ?? "", detail);
    // A body that nobody reads must not be taken for the next request.
    if (status !== 401) context.header("Connection", "close");
    return context.text(`${kind}\n`, status);
  }
}
