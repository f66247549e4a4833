import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Mosquitto {
  readonly port: number;
  readonly socketPath: string;
  /** Ends the broker until `restart`. */
  halt(): Promise<void>;
  /** Ends the broker and starts it again on the same addresses. */
  restart(): Promise<void>;
  /** Its process stands still, its sockets stay open. */
  pause(): void;
  resume(): void;
  stop(): Promise<void>;
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

async function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

/** A mosquitto of its own on a free port and a unix socket, with Debian's defaults otherwise. */
export async function startMosquitto(extra = "", attempts = 3): Promise<Mosquitto> {
  const directory = mkdtempSync(join(tmpdir(), "mosquitto-"));
  const port = await freePort();
  const socketPath = join(directory, "sock");
  const config = join(directory, "mosquitto.conf");
  const user = process.getuid?.() === 0 ? "user root\n" : "";
  writeFileSync(
    config,
    `${user}listener ${port} 127.0.0.1\nlistener 0 ${socketPath}\nallow_anonymous true\n${extra}\n`,
  );
  const binary = existsSync("/usr/sbin/mosquitto") ? "/usr/sbin/mosquitto" : "mosquitto";
  let broker: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    broker = spawn(binary, ["-c", config], { stdio: "ignore" });
    // Its own socket answers: the port might have been taken by somebody else meanwhile.
    for (let attempt = 0; !(await answers(socketPath)); attempt++) {
      if (attempt > 200 || broker.exitCode !== null) throw new Error("mosquitto does not start");
      await Bun.sleep(25);
    }
  };
  const end = async (): Promise<void> => {
    if (broker === undefined || broker.exitCode !== null || broker.signalCode !== null) return;
    const ended = new Promise((resolve) => broker?.once("exit", resolve));
    broker.kill("SIGKILL");
    await ended;
  };
  try {
    await start();
  } catch (error) {
    await end();
    rmSync(directory, { recursive: true, force: true });
    if (attempts <= 1) throw error;
    return startMosquitto(extra, attempts - 1);
  }
  return {
    port,
    socketPath,
    halt: end,
    restart: async () => {
      await end();
      await start();
    },
    pause: () => void broker?.kill("SIGSTOP"),
    resume: () => void broker?.kill("SIGCONT"),
    stop: async () => {
      await end();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
