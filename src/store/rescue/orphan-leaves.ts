import { Database } from "bun:sqlite";
import { type RawRow, readRows } from "./row-reader.ts";

/** In a page of a table's tree ("B-tree Pages" in SQLite's description of its files). */
const LEAF = 0x0d;
const INTERIOR = 0x05;
const PAGE_HEAD = { cells: 3, content: 5, leafLength: 8, lastChild: 8, interiorLength: 12 } as const;
/** In the head of the database. */
const FREE_LIST = { first: 32, count: 36 } as const;
const PAGES = 28;
/** A number of a page, a row id of at most nine bytes, and where it stands. */
const LARGEST_CELL = 4 + 9 + 2;

function readVariableLength(page: Buffer, offset: number): readonly [value: bigint, next: number] {
  let value = 0n;
  for (let index = 0; index < 8; index++) {
    const byte = page[offset + index] ?? 0;
    value = (value << 7n) | BigInt(byte & 0x7f);
    if (byte < 0x80) return [value, offset + index + 1];
  }
  return [(value << 8n) | BigInt(page[offset + 8] ?? 0), offset + 9];
}

function writeVariableLength(value: bigint): Buffer {
  const bytes = [Number(value & 0x7fn)];
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) bytes.unshift(Number(rest & 0x7fn) | 0x80);
  return Buffer.from(bytes);
}

/** The row id of the last row of a leaf; undefined when it has none, or one that no table of ours has. */
function lastRowId(page: Buffer): bigint | undefined {
  const cells = page.readUInt16BE(PAGE_HEAD.cells);
  const pointer = PAGE_HEAD.leafLength + 2 * (cells - 1);
  if (cells === 0 || pointer + 2 > page.length) return undefined;
  const [, afterLength] = readVariableLength(page, page.readUInt16BE(pointer));
  const [rowId] = readVariableLength(page, afterLength);
  return rowId >= 0n && rowId < 2n ** 53n ? rowId : undefined;
}

/** The pages that are free, whose rows were deleted; undefined when it is not certain which ones these are. */
function freePages(image: Buffer, pageSize: number): ReadonlySet<number> | undefined {
  const free = new Set<number>();
  for (let trunk = image.readUInt32BE(FREE_LIST.first); trunk !== 0; ) {
    const offset = (trunk - 1) * pageSize;
    if (free.has(trunk) || offset + pageSize > image.length) return undefined;
    free.add(trunk);
    const leaves = Math.min(image.readUInt32BE(offset + 4), pageSize / 4 - 2);
    for (let index = 0; index < leaves; index++) free.add(image.readUInt32BE(offset + 8 + 4 * index));
    trunk = image.readUInt32BE(offset);
  }
  return free.size === image.readUInt32BE(FREE_LIST.count) ? free : undefined;
}

/** A page below another one of its tree. */
interface Child {
  readonly page: number;
  readonly lastRowId: bigint;
}

/**
 * Leaves with rows that nothing points to: they hung below a page that is damaged. None where it is not certain that they are not
 * free, since a message that has been sent would be sent again.
 */
function orphanLeaves(image: Buffer, database: Database, pageSize: number): readonly Child[] {
  const free = freePages(image, pageSize);
  if (free === undefined) return [];
  const used = new Set(
    database
      .query("SELECT pageno FROM dbstat")
      .values()
      .map(([page]) => Number(page)),
  );
  const leaves: Child[] = [];
  for (let page = 2; page <= image.length / pageSize; page++) {
    const content = image.subarray((page - 1) * pageSize, page * pageSize);
    if (content[0] !== LEAF || used.has(page) || free.has(page)) continue;
    const last = lastRowId(content);
    if (last !== undefined) leaves.push({ page, lastRowId: last });
  }
  return leaves.sort((one, other) => Number(one.lastRowId - other.lastRowId));
}

/** A page of a tree with these below it. */
function interiorPage(children: readonly Child[], pageSize: number): Buffer {
  const page = Buffer.alloc(pageSize);
  page[0] = INTERIOR;
  let content = pageSize;
  children.slice(0, -1).forEach(({ page: child, lastRowId: key }, index) => {
    const cell = Buffer.concat([Buffer.alloc(4), writeVariableLength(key)]);
    cell.writeUInt32BE(child);
    content -= cell.length;
    cell.copy(page, content);
    page.writeUInt16BE(content, PAGE_HEAD.interiorLength + 2 * index);
  });
  page.writeUInt16BE(children.length - 1, PAGE_HEAD.cells);
  page.writeUInt16BE(content % 65_536, PAGE_HEAD.content);
  page.writeUInt32BE(children.at(-1)?.page ?? 0, PAGE_HEAD.lastChild);
  return page;
}

/** A copy of the image in which the leaves hang below `root`, with pages between them, behind the others, where one is too small. */
function withTree(image: Buffer, root: number, leaves: readonly Child[], pageSize: number): Buffer {
  const perPage = Math.floor((pageSize - PAGE_HEAD.interiorLength) / LARGEST_CELL);
  const added: Buffer[] = [];
  const add = (children: readonly Child[]): Child => {
    added.push(interiorPage(children, pageSize));
    return { page: image.length / pageSize + added.length, lastRowId: children.at(-1)?.lastRowId ?? 0n };
  };
  let level = leaves;
  while (level.length > perPage)
    level = Array.from({ length: Math.ceil(level.length / perPage) }, (_, index) =>
      add(level.slice(index * perPage, (index + 1) * perPage)),
    );
  const grown = Buffer.concat([image, ...added]);
  interiorPage(level, pageSize).copy(grown, (root - 1) * pageSize);
  grown.writeUInt32BE(grown.length / pageSize, PAGES);
  return grown;
}

/**
 * Rows of a table whose tree is damaged above its leaves, found in leaves that nothing points to: they are given a new root, in a
 * copy in memory. What belongs to another table does not fit the table's rules and is sorted out with them.
 */
export function readOrphanRows(image: Buffer, database: Database, table: string): readonly RawRow[] {
  const pageSize = Number(database.query("PRAGMA page_size").values()[0]?.[0]);
  const root = Number(database.query("SELECT rootpage FROM sqlite_master WHERE name = ?").values(table)[0]?.[0]);
  if (!(root > 1) || root * pageSize > image.length) return [];
  const leaves = orphanLeaves(image, database, pageSize);
  if (leaves.length === 0) return [];
  const copy = Database.deserialize(withTree(image, root, leaves, pageSize), { readonly: true, strict: true });
  try {
    return readRows(copy, table).rows;
  } finally {
    copy.close();
  }
}
