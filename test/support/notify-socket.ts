import { dlopen } from "bun:ffi";
import { rmSync } from "node:fs";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const MSG_DONTWAIT = 0x40;
const MESSAGE_LIMIT_BYTES = 4_096;

const { symbols: libc } = dlopen("libc.so.6", {
  socket: { args: ["i32", "i32", "i32"], returns: "i32" },
  bind: { args: ["i32", "ptr", "u32"], returns: "i32" },
  recv: { args: ["i32", "ptr", "u64", "i32"], returns: "i64" },
  close: { args: ["i32"], returns: "i32" },
});

/** The socket of a service manager, as systemd gives one to its services; the runtime has none of this kind. */
export class NotifySocket {
  readonly messages: string[] = [];
  private readonly descriptor: number;

  constructor(readonly path: string) {
    this.descriptor = libc.socket(AF_UNIX, SOCK_DGRAM, 0);
    const address = Buffer.alloc(110);
    address.writeUInt16LE(AF_UNIX, 0);
    address.write(path, 2);
    if (libc.bind(this.descriptor, address, 2 + path.length + 1) !== 0) throw new Error(`${path} cannot be bound`);
  }

  /** Resolves when a message that fits has come. */
  async waitFor(pattern: RegExp, limitMilliseconds = 10_000): Promise<void> {
    for (let waited = 0; !this.messages.some((message) => pattern.test(message)); waited += 10) {
      if (waited > limitMilliseconds) throw new Error(`no ${pattern}; came: ${this.messages.join(" | ")}`);
      await Bun.sleep(10);
      this.receive();
    }
  }

  close(): void {
    libc.close(this.descriptor);
    rmSync(this.path, { force: true });
  }

  private receive(): void {
    const buffer = Buffer.alloc(MESSAGE_LIMIT_BYTES);
    for (;;) {
      const length = Number(libc.recv(this.descriptor, buffer, MESSAGE_LIMIT_BYTES, MSG_DONTWAIT));
      if (length <= 0) return;
      this.messages.push(buffer.subarray(0, length).toString());
    }
  }
}
