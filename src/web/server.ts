import { Hono } from "hono";

/** A listening address as `host:port`. @throws when it is none. */
export function parseListenAddress(text: string): { readonly hostname: string; readonly port: number } {
  const match = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || port > 65_535)
    throw new Error(`--http: "${text}" is not an address like 127.0.0.1:8080`);
  return { hostname, port };
}

/** `/health` and `/status` as JSON, on the address that was asked for and no other. */
export function createWebApplication(status: () => { readonly started: boolean }): Hono {
  const application = new Hono();
  application.get("/health", (request) => {
    const { started } = status();
    return request.json({ healthy: started }, started ? 200 : 503);
  });
  application.get("/status", (request) => request.json(status()));
  return application;
}

export function startWebServer(address: string, status: () => { readonly started: boolean }): { stop(): void } {
  const server = Bun.serve({ ...parseListenAddress(address), fetch: createWebApplication(status).fetch });
  return { stop: () => void server.stop(true) };
}
