import { createServer, type Server, type Socket } from "node:net";
import { Aedes } from "aedes";

export interface SimulatedBroker {
  readonly port: number;
  stop(): Promise<void>;
}

/** An MQTT broker on loopback, for the demo and for tests that need no mosquitto. Port 0 takes a free one. */
export async function startBroker(port = 0): Promise<SimulatedBroker> {
  const aedes = await Aedes.createBroker();
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on("close", () => sockets.delete(socket));
    aedes.handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
