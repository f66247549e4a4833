import { constants } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../../lib/clock.ts";

export interface Rotation {
  readonly maximumBytes: number;
  /** The file that is written to is one of them. */
  readonly maximumFiles: number;
  /** `.YYYYmmddHHMMSS` instead of `.0`, `.1`, … (`.0` is the latest). */
  readonly dateSuffix: boolean;
}

export interface RotatingFileOptions {
  readonly path: string;
  readonly rotation: Rotation;
  readonly clock: Clock;
  /** Stands at the beginning and at the end of each file. */
  readonly head?: string;
  readonly foot?: string;
  readonly onError: (message: string) => void;
  /** An old file was deleted. */
  readonly onRemoved?: () => void;
}

/** Characters that may wait for the disk; what comes then is left out, and how much is told in the file. */
const PENDING_LIMIT_CHARACTERS = 4_000_000;

/** So much is written without being asked. */
const FLUSH_CHARACTERS = 64_000;

/** Appends in the background, in order, into a private file (0600) that makes room when it is full. */
export class RotatingFile {
  private pending: string[] = [];
  private pendingCharacters = 0;
  private leftOut = 0;
  private writing: Promise<void> | undefined;
  private failing = false;

  constructor(private readonly options: RotatingFileOptions) {}

  /** Returns at once; never throws. Written with the next `flush`. */
  append(text: string): void {
    if (this.pendingCharacters + text.length > PENDING_LIMIT_CHARACTERS) {
      this.leftOut++;
      return;
    }
    this.pending.push(text);
    this.pendingCharacters += text.length;
    if (this.pendingCharacters > FLUSH_CHARACTERS) this.flush();
  }

  /** Returns at once: what was appended is written in the background, all of it together. */
  flush(): void {
    if (this.pending.length === 0) return;
    this.writing ??= this.writeAll().finally(() => {
      this.writing = undefined;
    });
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    this.flush();
    await this.writing;
  }

  private async writeAll(): Promise<void> {
    while (this.pending.length > 0) {
      const batch = this.pending;
      const leftOut = this.leftOut;
      this.pending = [];
      this.pendingCharacters = 0;
      this.leftOut = 0;
      if (leftOut > 0) batch.push(`(${leftOut} entries are missing here: the disk was too slow)\n`);
      try {
        await this.write(batch);
        this.failing = false;
      } catch (error) {
        // Once for each time that it begins: a full disk would otherwise fill the other logs.
        if (!this.failing) this.options.onError(`${this.options.path}: ${(error as Error).message}`);
        this.failing = true;
      }
    }
  }

  private async write(batch: readonly string[]): Promise<void> {
    const { path, rotation, head = "", foot = "" } = this.options;
    let file = await this.openFile();
    try {
      let { size } = await file.stat();
      let chunk = "";
      for (const text of batch) {
        const bytes = Buffer.byteLength(text);
        if (size > head.length && size + bytes + foot.length > rotation.maximumBytes) {
          await file.appendFile(chunk + foot);
          await file.close();
          await this.makeRoom(path);
          file = await this.openFile();
          ({ size } = await file.stat());
          chunk = "";
        }
        chunk += text;
        size += bytes;
      }
      await file.appendFile(chunk);
    } finally {
      await file.close();
    }
  }

  /** Never through a symbolic link: the default directory lies below /tmp. */
  private async openFile(): Promise<FileHandle> {
    const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants;
    const file = await open(this.options.path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0o600);
    const { size } = await file.stat();
    if (size === 0) {
      await file.chmod(0o600);
      await file.appendFile(this.options.head ?? "");
    }
    return file;
  }

  private async makeRoom(path: string): Promise<void> {
    const { rotation } = this.options;
    const kept = Math.max(0, rotation.maximumFiles - 1);
    if (kept === 0) return this.remove(path);
    if (rotation.dateSuffix) await rename(path, await this.freeDatedName(path));
    const old = await this.rotatedFiles();
    const surplus = old.slice(rotation.dateSuffix ? kept : kept - 1);
    for (const name of surplus) await this.remove(name);
    if (rotation.dateSuffix) return;
    const shifted = old.slice(0, kept - 1);
    for (let index = shifted.length - 1; index >= 0; index--)
      await rename(shifted[index] ?? "", `${path}.${index + 1}`);
    await rename(path, `${path}.0`);
  }

  private async remove(path: string): Promise<void> {
    await rm(path, { force: true });
    this.options.onRemoved?.();
  }

  /** Latest first. */
  private async rotatedFiles(): Promise<readonly string[]> {
    const { path, rotation } = this.options;
    const suffix = rotation.dateSuffix ? /^\.\d{14}$/ : /^\.\d{1,6}$/;
    const names = (await readdir(dirname(path))).filter(
      (name) => name.startsWith(basename(path)) && suffix.test(name.slice(basename(path).length)),
    );
    const number = (name: string) => Number(name.slice(basename(path).length + 1));
    const sign = rotation.dateSuffix ? -1 : 1;
    return names.sort((one, other) => sign * (number(one) - number(other))).map((name) => join(dirname(path), name));
  }

  private async freeDatedName(path: string): Promise<string> {
    for (let time = this.options.clock.now().getTime(); ; time += 1_000) {
      const name = `${path}.${new Date(time).toISOString().replace(/\D/g, "").slice(0, 14)}`;
      const taken = await stat(name).catch(() => undefined);
      if (taken === undefined) return name;
    }
  }
}
