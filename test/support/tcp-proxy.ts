import { createServer, connect as netConnect, type Server, type Socket } from "node:net";

type Direction = "toServer" | "toClient";

/** A pair of sockets that the proxy joins. */
class Line {
  private readonly held: Record<Direction, Buffer[]> = { toServer: [], toClient: [] };

  constructor(
    private readonly client: Socket,
    private readonly server: Socket,
    private readonly proxy: TcpProxy,
  ) {
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on("data", (data: Buffer) => this.take("toServer", data));
    server.on("data", (data: Buffer) => this.take("toClient", data));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on("error", () => {});
      // In a blackhole nobody hears that the other end has gone.
      one.on("close", () => {
        if (!proxy.blackhole) other.destroy();
      });
    }
  }

  release(): void {
    for (const direction of ["toServer", "toClient"] as const)
      for (const data of this.held[direction].splice(0)) this.write(direction, data);
  }

  stopReading(): void {
    this.client.pause();
  }

  reset(): void {
    this.client.resetAndDestroy();
    this.server.destroy();
  }

  destroy(): void {
    this.client.destroy();
    this.server.destroy();
  }

  private take(direction: Direction, data: Buffer): void {
    if (this.proxy.blackhole) return;
    if (this.proxy.holding.has(direction)) this.held[direction].push(data);
    else this.write(direction, data);
  }

  private write(direction: Direction, data: Buffer): void {
    const target = direction === "toServer" ? this.server : this.client;
    if (target.destroyed) return;
    if (!this.proxy.byteWise) return void target.write(data);
    for (const byte of data) target.write(Buffer.of(byte));
  }
}

/** A bad network between station and CSMS: everything passes until the test says otherwise. */
export class TcpProxy {
  /** Everything disappears, the end of a connection included. */
  blackhole = false;
  /** Kept back until `release`. */
  readonly holding = new Set<Direction>();
  /** Every byte is a write of its own. */
  byteWise = false;
  connections = 0;
  private readonly lines = new Set<Line>();

  private constructor(
    private readonly server: Server,
    public target: number,
  ) {}

  static async start(target: number): Promise<TcpProxy> {
    const server = createServer();
    const proxy = new TcpProxy(server, target);
    server.on("connection", (client) => proxy.accept(client));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
    return proxy;
  }

  get port(): number {
    return (this.server.address() as { port: number }).port;
  }

  /** Lets pass what was held back, and everything from now on. */
  release(): void {
    this.holding.clear();
    for (const line of this.lines) line.release();
  }

  /** Takes nothing more from the station, so that its kernel's buffers fill. */
  stopReading(): void {
    for (const line of this.lines) line.stopReading();
  }

  /** Ends all connections towards the station with a TCP reset. */
  reset(): void {
    for (const line of this.lines) line.reset();
    this.lines.clear();
  }

  stop(): void {
    for (const line of this.lines) line.destroy();
    this.server.close();
  }

  private accept(client: Socket): void {
    this.connections++;
    this.lines.add(new Line(client, netConnect(this.target, "127.0.0.1"), this));
  }
}
