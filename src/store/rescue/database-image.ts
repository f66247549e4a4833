import { closeSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { readWriteAheadLog, type WriteAheadLog } from "./write-ahead-log.ts";

/** More is not read into memory; our largest files, with full lists, have a third of it. */
const SIZE_LIMIT_BYTES = 512 * 1_048_576;
const HEAD_LENGTH = 100;
const MAGIC = "SQLite format 3\0";
const DEFAULT_PAGE_SIZE = 4_096;
/** In the head of a database ("The Database Header" in SQLite's description of its files). */
const HEAD = {
  pageSize: 16,
  writeVersion: 18,
  readVersion: 19,
  changes: 24,
  pages: 28,
  encoding: 56,
  validFor: 92,
} as const;

/** Nothing where there is no file, or something else than a file. */
function contentOf(path: string): Buffer {
  const found = statSync(path, { throwIfNoEntry: false });
  return found?.isFile() === true && found.size <= SIZE_LIMIT_BYTES ? readFileSync(path) : Buffer.alloc(0);
}

function pageSizeOf(bytes: Buffer): number | undefined {
  if (bytes.length < HEAD_LENGTH) return undefined;
  const said = bytes.readUInt16BE(HEAD.pageSize);
  if (said === 1) return 65_536;
  return said >= 512 && (said & (said - 1)) === 0 ? said : undefined;
}

/** The beginning of a file; as much as there is. */
function headOf(path: string): Buffer {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return Buffer.alloc(0);
  const descriptor = openSync(path, "r");
  try {
    const head = Buffer.alloc(HEAD_LENGTH);
    return head.subarray(0, readSync(descriptor, head, 0, HEAD_LENGTH, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** The log that lies beside a database. */
export function readLogOf(path: string): WriteAheadLog {
  const pageSize = pageSizeOf(headOf(path)) ?? DEFAULT_PAGE_SIZE;
  return readWriteAheadLog(contentOf(`${path}-wal`), contentOf(`${path}-shm`), pageSize);
}

function bringIn({ frames, pageSize }: WriteAheadLog, main: Buffer): Buffer {
  const committed = frames.findLast(({ pagesAfterCommit }) => pagesAfterCommit > 0)?.pagesAfterCommit ?? 0;
  const pages = Math.max(committed, Math.ceil(main.length / pageSize));
  const image = Buffer.alloc(pages * pageSize);
  main.copy(image);
  // The number of a damaged frame may be wrong.
  for (const { pageNumber, page } of frames)
    if (pageNumber >= 1 && pageNumber <= pages) page.copy(image, (pageNumber - 1) * pageSize);
  return image;
}

function isReadableHead(image: Buffer): boolean {
  return image.toString("latin1", 0, MAGIC.length) === MAGIC && image.readUInt32BE(HEAD.encoding) === 1;
}

/**
 * A damaged database with what its log has, as bytes that SQLite opens in memory: nothing on the disk is touched. The head is
 * mended where it cannot be read. `fresh`: a new database of the same kind. Undefined when there is nothing.
 */
export function readImage(path: string, fresh: Buffer): Buffer | undefined {
  const main = contentOf(path);
  const log = readLogOf(path);
  const image = bringIn(log, main);
  if (image.length < HEAD_LENGTH) return undefined;
  if (!isReadableHead(image)) fresh.copy(image, 0, 0, HEAD_LENGTH);
  image.writeUInt16BE(log.pageSize === 65_536 ? 1 : log.pageSize, HEAD.pageSize);
  // In memory there is no log; and the number of pages counts when it belongs to the latest change.
  image[HEAD.writeVersion] = 1;
  image[HEAD.readVersion] = 1;
  image.writeUInt32BE(image.length / log.pageSize, HEAD.pages);
  image.copy(image, HEAD.validFor, HEAD.changes, HEAD.changes + 4);
  return image;
}

/**
 * The image with the schema of a fresh database in the place of its own. A file that this program has made itself has its tables
 * where a fresh one has them.
 * @param pages Numbers of the pages that the schema of the fresh one lies in.
 */
export function withSchemaOf(fresh: Buffer, pages: readonly number[], image: Buffer): Buffer | undefined {
  const pageSize = pageSizeOf(fresh) ?? DEFAULT_PAGE_SIZE;
  if (pageSizeOf(image) !== pageSize || pages.some((page) => page * pageSize > image.length)) return undefined;
  const grafted = Buffer.from(image);
  for (const page of pages) fresh.copy(grafted, (page - 1) * pageSize, (page - 1) * pageSize, page * pageSize);
  grafted.writeUInt32BE(grafted.length / pageSize, HEAD.pages);
  grafted[HEAD.writeVersion] = 1;
  grafted[HEAD.readVersion] = 1;
  grafted.copy(grafted, HEAD.validFor, HEAD.changes, HEAD.changes + 4);
  return grafted;
}
