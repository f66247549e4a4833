import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type Server as ConnectionServer, createServer, type Socket } from "node:net";
import { BODY_LIMIT_BYTES } from "./access/access.ts";
import type { Refusals } from "./access/refusals.ts";

/**
 * Connections at a time. Each is a file descriptor of the process, and the connection to the CSMS needs one as well: the
 * runtime's own server (Bun.serve) takes as many as come.
 */
const CONNECTION_LIMIT = 64;
/** A connection on which nothing happens is closed; event streams have a beat. */
const IDLE_MILLISECONDS = 20_000;
const HEADER_LIMIT_BYTES = 16_384;

const FULL =
  "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\nContent-Type: text/plain\r\nContent-Length: 21\r\n\r\ntoo many connections\n";
const HEADERS_TOO_LARGE =
  "HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
const BAD_REQUEST = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

export type Answer = (request: Request, address: string) => Response | Promise<Response>;

export interface BoundedServerOptions {
  readonly hostname: string;
  readonly port: number;
  readonly answer: Answer;
  readonly refusals: Refusals;
}

/** Only what the gate will let pass is read at all. */
async function bodyOf(request: IncomingMessage): Promise<string | undefined> {
  const claimed = Number(request.headers["content-length"] ?? 0);
  if (request.method !== "POST" || !(claimed > 0 && claimed <= BODY_LIMIT_BYTES)) return undefined;
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}

async function toRequest(request: IncomingMessage): Promise<Request> {
  const headers = new Headers();
  for (let index = 0; index + 1 < request.rawHeaders.length; index += 2)
    headers.append(request.rawHeaders[index] ?? "", request.rawHeaders[index + 1] ?? "");
  const body = await bodyOf(request);
  // The host of the address counts for nothing: the gate looks at the header.
  return new Request(new URL(request.url ?? "/", "http://localhost").href, {
    method: request.method ?? "GET",
    headers,
    ...(body !== undefined && { body }),
  });
}

/** Unlike `once` of node:events it does not reject for an error: "close" follows it. */
function heard(response: ServerResponse, event: "close" | "drain"): Promise<void> {
  return new Promise((resolve) => response.once(event, () => resolve()));
}

/** Sends as fast as the other side reads, and lets the source know when it has gone. */
async function send(answer: Response, response: ServerResponse): Promise<void> {
  const headers: Record<string, string | string[]> = Object.fromEntries(answer.headers);
  const cookies = answer.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  response.writeHead(answer.status, headers);
  const reader = answer.body?.getReader();
  if (reader === undefined) return void response.end();
  const gone = heard(response, "close");
  // One that has failed cannot be cancelled any more.
  void gone.then(() => reader.cancel().catch(() => {}));
  for (;;) {
    const { done, value } = await reader.read();
    if (done || response.destroyed) break;
    if (!response.write(value)) await Promise.race([heard(response, "drain"), gone]);
  }
  response.end();
}

function createInnerServer({ answer, refusals }: BoundedServerOptions): Server {
  const server = createHttpServer({ maxHeaderSize: HEADER_LIMIT_BYTES }, async (request, response) => {
    const address = request.socket.remoteAddress ?? "";
    let asked: Request;
    try {
      asked = await toRequest(request);
    } catch (error) {
      refusals.note("no HTTP", address, (error as Error).message);
      response.writeHead(400, { connection: "close" }).end();
      return;
    }
    try {
      await send(await answer(asked, address), response);
    } catch {
      // A stream that was given up: whoever reads it learns it this way.
      response.destroy();
    }
  });
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (!socket.writable) return void socket.destroy();
    const isTooLarge = error.code === "HPE_HEADER_OVERFLOW";
    const address = (socket as Socket).remoteAddress ?? "";
    if (error.code !== "ECONNRESET")
      refusals.note(isTooLarge ? "too large" : "no HTTP", address, isTooLarge ? "the headers" : error.message);
    socket.end(isTooLarge ? HEADERS_TOO_LARGE : BAD_REQUEST, () => socket.destroy());
  });
  return server;
}

/** Takes so many connections and no more; the others are told so at once. */
function createFrontServer(inner: Server, open: Set<Socket>, refusals: Refusals): ConnectionServer {
  return createServer((socket) => {
    socket.on("error", () => {});
    if (open.size >= CONNECTION_LIMIT) {
      refusals.note("too many connections", socket.remoteAddress ?? "", `${open.size} are open`);
      socket.end(FULL, () => socket.destroy());
      return;
    }
    open.add(socket);
    socket.once("close", () => open.delete(socket));
    socket.setTimeout(IDLE_MILLISECONDS, () => socket.destroy());
    inner.emit("connection", socket);
  });
}

/** @throws what listening throws. */
export async function startBoundedServer(options: BoundedServerOptions): Promise<{ stop(): void }> {
  const open = new Set<Socket>();
  const inner = createInnerServer(options);
  const front = createFrontServer(inner, open, options.refusals);
  front.listen(options.port, options.hostname);
  await once(front, "listening");
  return {
    stop() {
      front.close();
      for (const socket of open) socket.destroy();
    },
  };
}
