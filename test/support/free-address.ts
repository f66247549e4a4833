/** An address of the loopback interface on which nobody listens. */
export function freeAddress(): string {
  const probe = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("") });
  const address = `127.0.0.1:${probe.port}`;
  probe.stop(true);
  return address;
}
