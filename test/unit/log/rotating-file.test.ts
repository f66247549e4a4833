import { afterEach, beforeEach, expect, test } from "bun:test";
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RotatingFile, type RotatingFileOptions, type Rotation } from "../../../src/log/message-log/rotating-file.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let directory: string;
let path: string;
const errors: string[] = [];
let removed = 0;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rotating-"));
  path = join(directory, "base.log");
  errors.length = 0;
  removed = 0;
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true, force: true });
});

const open = (rotation: Partial<Rotation> = {}, more: Partial<RotatingFileOptions> = {}) =>
  new RotatingFile({
    path,
    rotation: { maximumBytes: 10, maximumFiles: 3, dateSuffix: false, ...rotation },
    clock: new FakeClock("2026-03-01T12:00:00.000Z"),
    onError: (message) => errors.push(message),
    onRemoved: () => {
      removed++;
    },
    ...more,
  });
const contents = () =>
  Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, readFileSync(join(directory, name), "utf8")]),
  );
const write = async (file: RotatingFile, ...texts: readonly string[]) => {
  for (const text of texts) file.append(text);
  await file.close();
};

test("entries are never divided; the latest old file is .0, the oldest goes when there are too many", async () => {
  await write(open(), "one 1\n", "two 2\n", "three\n", "four\n", "five\n", "six\n", "seven\n");
  expect(contents()).toEqual({
    "base.log": "six\nseven\n",
    "base.log.0": "four\nfive\n",
    "base.log.1": "three\n",
  });
  expect(removed).toBe(2);
});

test("a restart goes on in the same file", async () => {
  await write(open(), "one\n");
  await write(open(), "two\n", "three\n");
  expect(contents()).toEqual({ "base.log": "three\n", "base.log.0": "one\ntwo\n" });
});

test("suffix by date: one for each second, the oldest go", async () => {
  await write(open({ dateSuffix: true }), "111111\n", "222222\n", "333333\n", "444444\n");
  expect(contents()).toEqual({
    "base.log": "444444\n",
    "base.log.20260301120001": "222222\n",
    "base.log.20260301120002": "333333\n",
  });
});

test("with a single file it begins again", async () => {
  await write(open({ maximumFiles: 1 }), "111111\n", "222222\n");
  expect(contents()).toEqual({ "base.log": "222222\n" });
});

test("a fewer number of files than there are: the surplus goes", async () => {
  for (const index of [0, 1, 2, 3, 4]) writeFileSync(`${path}.${index}`, `old ${index}`);
  await write(open(), "111111\n", "222222\n");
  expect(Object.keys(contents())).toEqual(["base.log", "base.log.0", "base.log.1"]);
  expect(contents()["base.log.1"]).toBe("old 0");
});

test("head and foot frame each file", async () => {
  await write(open({ maximumBytes: 14 }, { head: "<", foot: ">" }), "111111\n", "222222\n");
  expect(contents()).toEqual({ "base.log": "<222222\n", "base.log.0": "<111111\n>" });
});

test("files are private", async () => {
  await write(open(), "one\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("nothing is written through a symbolic link", async () => {
  const victim = join(directory, "victim");
  writeFileSync(victim, "");
  symlinkSync(victim, path);
  await write(open(), "one\n");
  expect(readFileSync(victim, "utf8")).toBe("");
  expect(errors).toHaveLength(1);
});

test("a disk that fails costs entries, one complaint, and nothing else", async () => {
  rmSync(directory, { recursive: true });
  const file = open();
  await write(file, "one\n");
  await write(file, "two\n");
  expect(errors).toHaveLength(1);
  // mkdtemp's directory comes back: so does the log.
  const { mkdirSync } = await import("node:fs");
  mkdirSync(directory);
  await write(file, "three\n");
  expect(contents()).toEqual({ "base.log": "three\n" });
});

test("what waits for the disk is bounded, and the gap is told", async () => {
  const file = open({ maximumBytes: 100_000_000 });
  const megabyte = "x".repeat(1_000_000);
  for (let index = 0; index < 10; index++) file.append(megabyte);
  await file.close();
  file.append("later\n");
  await file.close();
  const text = readFileSync(path, "utf8");
  expect(text.length).toBeLessThan(6_000_000);
  expect(text).toContain("entries are missing here");
  expect(text).toContain("later\n");
});
