import { spawn } from "node:child_process";
import { type Clock, every, type Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** systemd as the one who started this process; without it, or where it cannot be told, nothing happens. */
export interface ServiceManager {
  /** The station runs; from now the watchdog is fed for as long as the event loop turns. */
  ready(status: () => string): void;
  stopping(): void;
}

/** Sends one notification, e.g. `READY=1`. @throws when it cannot be sent this way */
type Notify = (state: string) => void;

/** libsystemd's own function: no process is started for it, which matters for a watchdog. */
async function viaLibrary(): Promise<Notify> {
  const { dlopen } = await import("bun:ffi");
  const { symbols } = dlopen("libsystemd.so.0", { sd_notify: { args: ["i32", "ptr"], returns: "i32" } });
  return (state) => {
    const result = symbols.sd_notify(0, Buffer.from(`${state}\0`));
    if (result < 0) throw new Error(`sd_notify answered ${result}`);
  };
}

function viaCommand(logger: Logger): Notify {
  return (state) => {
    const command = spawn("systemd-notify", [state], { stdio: "ignore" });
    command.on("error", (error) => logger.debug(`systemd-notify failed: ${error.message}`));
  };
}

async function createNotify(logger: Logger): Promise<Notify> {
  try {
    return await viaLibrary();
  } catch (error) {
    logger.debug(`libsystemd cannot be used (${(error as Error).message}); systemd-notify is`);
    return viaCommand(logger);
  }
}

/** Milliseconds within which systemd wants to hear something; undefined without a watchdog for this process. */
function watchdogMilliseconds(environment: Environment, processId: number): number | undefined {
  const { WATCHDOG_PID, WATCHDOG_USEC } = environment;
  if (WATCHDOG_PID !== undefined && WATCHDOG_PID !== String(processId)) return undefined;
  const microseconds = Number(WATCHDOG_USEC);
  return Number.isFinite(microseconds) && microseconds > 0 ? microseconds / 1000 : undefined;
}

/** Speaks systemd's protocol (sd_notify) where the environment asks for it. Never throws: a station works without it. */
export function createServiceManager(options: {
  readonly environment: Environment;
  readonly processId: number;
  readonly clock: Clock;
  readonly logger: Logger;
}): ServiceManager {
  const { environment, processId, clock, logger } = options;
  if ((environment.NOTIFY_SOCKET ?? "") === "") return { ready: () => {}, stopping: () => {} };
  const notify = createNotify(logger);
  let watchdog: Timer | undefined;
  const say = (...states: readonly string[]): void => {
    notify
      .then((send) => send(states.join("\n")))
      .catch((error: Error) => logger.warn(`systemd could not be told ${states[0]}: ${error.message}`));
  };
  return {
    ready(status) {
      say("READY=1", `STATUS=${status()}`);
      const limit = watchdogMilliseconds(environment, processId);
      if (limit !== undefined) watchdog = every(clock, limit / 2, () => say("WATCHDOG=1", `STATUS=${status()}`));
    },
    stopping() {
      watchdog?.cancel();
      say("STOPPING=1");
    },
  };
}
