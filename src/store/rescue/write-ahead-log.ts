import { endianness } from "node:os";

/** One page as the log has it; see "WAL frame format" in SQLite's description of its files. */
interface Frame {
  readonly pageNumber: number;
  /** Pages of the whole database after the commit that this frame ends; 0 within a transaction. */
  readonly pagesAfterCommit: number;
  readonly page: Buffer;
  /** Its checksum goes on from that of its predecessor. */
  readonly isSound: boolean;
}

export interface WriteAheadLog {
  readonly pageSize: number;
  /** Of the newest generation, up to the last commit that can be read. */
  readonly frames: readonly Frame[];
  /** Commits that SQLite would pass over in silence: they stand behind a frame or a head that it cannot read. */
  readonly hidesCommits: boolean;
  /** There is something, but it is no log. */
  readonly isUnreadable: boolean;
  /** Frames that the log's index knows of and that are not in the log any more. */
  readonly missingFrames: number;
}

type Checksum = readonly [number, number];

const HEAD_LENGTH = 32;
const FRAME_HEAD_LENGTH = 24;
/** Its last bit says that the checksums are of big-endian words. */
const MAGIC = 0x377f0682;
const PAGE_SIZES: ReadonlySet<number> = new Set([512, 1_024, 2_048, 4_096, 8_192, 16_384, 32_768, 65_536]);
/** Of the log's index (`-shm`): the last frame and the salts of its generation. */
const INDEX_HEAD = { length: 48, lastFrame: 16, salts: 32, checksum: 40 } as const;

/** Of whole words, in the order of this machine; `from` and `to` are bytes. */
function checksum([first, second]: Checksum, words: Int32Array, from: number, to: number): Checksum {
  let one = first | 0;
  let two = second | 0;
  for (let index = from >> 2; index < to >> 2; index += 2) {
    one = (one + (words[index] ?? 0) + two) | 0;
    two = (two + (words[index + 1] ?? 0) + one) | 0;
  }
  return [one >>> 0, two >>> 0];
}

/** The words that the checksums are made of. */
function wordsOf(bytes: Buffer, bigEndian: boolean): Int32Array {
  const copy = Buffer.from(new Uint8Array(bytes.subarray(0, bytes.length & ~7)).buffer);
  const isOtherWay = bigEndian !== (endianness() === "BE");
  if (isOtherWay) copy.swap32();
  return new Int32Array(copy.buffer, copy.byteOffset, copy.length >> 2);
}

const isSame = (one: Checksum, other: Checksum): boolean => one[0] === other[0] && one[1] === other[1];
const storedAt = (bytes: Buffer, offset: number): Checksum => [
  bytes.readUInt32BE(offset),
  bytes.readUInt32BE(offset + 4),
];

class LogReader {
  readonly frames: Frame[] = [];
  hidesCommits = false;
  private readonly frameLength: number;
  private readonly words: Int32Array;

  constructor(
    private readonly bytes: Buffer,
    readonly pageSize: number,
    private readonly isHeadSound: boolean,
  ) {
    this.frameLength = FRAME_HEAD_LENGTH + pageSize;
    this.words = wordsOf(bytes, isHeadSound ? isBigEndian(bytes) : endianness() === "BE");
  }

  /** The salts of the generation: what stands in the head, or in the first frame that is followed by its successor. */
  private salts(count: number): Checksum | undefined {
    if (this.isHeadSound) return storedAt(this.bytes, 16);
    for (let index = 0; index + 1 < count; index++) {
      const [, stored] = this.checksumsOf(index, [0, 0]);
      const [computed, next] = this.checksumsOf(index + 1, stored);
      if (isSame(computed, next)) return storedAt(this.bytes, this.offsetOf(index + 1) + 8);
    }
    return undefined;
  }

  private offsetOf(index: number): number {
    return HEAD_LENGTH + index * this.frameLength;
  }

  /** What the checksum of a frame is behind `previous`, and what it says itself. */
  private checksumsOf(index: number, previous: Checksum): readonly [Checksum, Checksum] {
    const offset = this.offsetOf(index);
    const head = checksum(previous, this.words, offset, offset + 8);
    const whole = checksum(head, this.words, offset + FRAME_HEAD_LENGTH, offset + this.frameLength);
    return [whole, storedAt(this.bytes, offset + 16)];
  }

  /** `lastKnown`: number of the last frame that is committed according to the log's index. */
  read(lastKnown: number): void {
    const count = Math.floor((this.bytes.length - HEAD_LENGTH) / this.frameLength);
    const salts = this.salts(count);
    if (salts === undefined) return;
    let isBroken = !this.isHeadSound;
    // A frame is sound behind what its predecessor says, or behind what it should say.
    let predecessors: readonly Checksum[] = this.isHeadSound ? [storedAt(this.bytes, 24)] : [];
    let length = 0;
    for (let index = 0; index < count; index++) {
      const offset = this.offsetOf(index);
      const computed = predecessors.map((previous) => this.checksumsOf(index, previous)[0]);
      const stored = storedAt(this.bytes, offset + 16);
      predecessors = [stored, ...computed.filter((one) => !isSame(one, stored)).slice(0, 1)];
      const isOfGeneration = isSame(storedAt(this.bytes, offset + 8), salts);
      const isSound = isOfGeneration && computed.some((one) => isSame(one, stored));
      isBroken ||= !isSound;
      if (!isOfGeneration) continue;
      this.frames.push(this.frame(offset, isSound));
      const isCommit = isSound && this.bytes.readUInt32BE(offset + 4) > 0;
      if (!isCommit && index + 1 !== lastKnown) continue;
      // Behind a commit all that went before is its own, however damaged; a torn end has none.
      length = this.frames.length;
      this.hidesCommits ||= isBroken;
    }
    this.frames.length = length;
  }

  private frame(offset: number, isSound: boolean): Frame {
    return {
      pageNumber: this.bytes.readUInt32BE(offset),
      pagesAfterCommit: isSound ? this.bytes.readUInt32BE(offset + 4) : 0,
      page: this.bytes.subarray(offset + FRAME_HEAD_LENGTH, offset + this.frameLength),
      isSound,
    };
  }
}

const isBigEndian = (bytes: Buffer): boolean => (bytes.readUInt32BE(0) & 1) === 1;

function isSoundHead(bytes: Buffer): boolean {
  if ((bytes.readUInt32BE(0) & ~1) >>> 0 !== MAGIC) return false;
  return isSame(checksum([0, 0], wordsOf(bytes.subarray(0, 24), isBigEndian(bytes)), 0, 24), storedAt(bytes, 24));
}

/** The last frame that the index of the log knows; 0 where it is of another generation or cannot be read. */
function lastKnownFrame(index: Buffer, salts: Buffer): number {
  if (index.length < INDEX_HEAD.length) return 0;
  // The index is in the byte order of the machine; its salts are copied as they are.
  const words = wordsOf(index.subarray(0, INDEX_HEAD.length), endianness() === "BE");
  const at = (offset: number): number => (words[offset >> 2] ?? 0) >>> 0;
  const computed = checksum([0, 0], words, 0, INDEX_HEAD.checksum);
  if (!isSame(computed, [at(INDEX_HEAD.checksum), at(INDEX_HEAD.checksum + 4)])) return 0;
  return index.subarray(INDEX_HEAD.salts, INDEX_HEAD.salts + 8).equals(salts) ? at(INDEX_HEAD.lastFrame) : 0;
}

/**
 * Reads a write-ahead log further than SQLite does, which ends at the first frame that it cannot read and says nothing: what
 * was committed behind that is there all the same, and each frame can be checked against its predecessor.
 * `index`: the `-shm` file, empty where there is none. `defaultPageSize`: where the head cannot be read.
 */
export function readWriteAheadLog(bytes: Buffer, index: Buffer, defaultPageSize: number): WriteAheadLog {
  const isHeadSound = bytes.length >= HEAD_LENGTH && isSoundHead(bytes);
  const saidSize = isHeadSound ? bytes.readUInt32BE(8) : 0;
  const pageSize = PAGE_SIZES.has(saidSize) ? saidSize : defaultPageSize;
  const reader = new LogReader(bytes, pageSize, isHeadSound);
  const known = isHeadSound ? lastKnownFrame(index, bytes.subarray(16, 24)) : 0;
  reader.read(known);
  const { frames, hidesCommits } = reader;
  // A power cut at its very beginning leaves zeros.
  const isUnreadable = !isHeadSound && frames.length === 0 && bytes.subarray(0, HEAD_LENGTH).some((byte) => byte !== 0);
  return { pageSize, frames, hidesCommits, isUnreadable, missingFrames: Math.max(0, known - frames.length) };
}
