import { closeSync, openSync, readFileSync, statSync, writeFileSync, writeSync } from "node:fs";

export const PAGE = 4_096;
/** A page of the write-ahead log with its head; the log's own head goes before the first one. */
export const FRAME = PAGE + 24;
export const LOG_HEAD = 32;

/** Writes over a part of a file without changing its length. */
export function overwrite(path: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(path, "r+");
  try {
    writeSync(descriptor, bytes, 0, bytes.length, offset);
  } finally {
    closeSync(descriptor);
  }
}

/** Page numbers begin with 1. */
export function zeroPage(path: string, page: number): void {
  overwrite(path, (page - 1) * PAGE, Buffer.alloc(PAGE));
}

export function flipBytes(path: string, offset: number, length: number): void {
  const bytes = readFileSync(path).subarray(offset, offset + length);
  overwrite(
    path,
    offset,
    bytes.map((byte) => byte ^ 0x5a),
  );
}

export function cut(path: string, part: number): void {
  writeFileSync(path, readFileSync(path).subarray(0, Math.floor(statSync(path).size * part)));
}

export function pagesOf(path: string): number {
  return Math.floor(statSync(path).size / PAGE);
}
