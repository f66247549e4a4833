import { afterEach, expect, test } from "bun:test";
import { createServer, type Server } from "node:net";
import { Bus } from "../../../src/everest/bus.ts";
import { silentLogger } from "../../../src/log/logger.ts";

let server: Server | undefined;
afterEach(() => void server?.close());

test("a broker that closes the first connection without a word held up the start for ever", async () => {
  const listening = createServer((socket) => socket.end());
  server = listening;
  const port = await new Promise<number>((resolve) =>
    listening.listen(0, "127.0.0.1", () => resolve((listening.address() as { port: number }).port)),
  );
  await expect(Bus.connect({ host: "127.0.0.1", port }, silentLogger)).rejects.toThrow(
    `no MQTT broker at 127.0.0.1:${port}`,
  );
});
