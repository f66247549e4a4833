import { writeSync } from "node:fs";

const RETRY_MILLISECONDS = 5;

/**
 * Writes all of it before it returns: the streams of the process would lose at its exit what a slow pipe has not taken.
 * Nobody at the other end (`| head`) is no failure.
 */
function write(descriptor: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let offset = 0; offset < bytes.length; ) {
    try {
      offset += writeSync(descriptor, bytes, offset);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") throw error;
      Bun.sleepSync(RETRY_MILLISECONDS);
    }
  }
}

/** What was asked for. */
export function print(text: string): void {
  write(1, text);
}

/** What went wrong. */
export function complain(text: string): void {
  write(2, text);
}
