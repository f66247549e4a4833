import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Glob } from "bun";
import { HELP } from "../../../src/cli/help.ts";

const ROOT = join(import.meta.dir, "../../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const DOCUMENTS = [
  ...readdirSync(ROOT).filter((name) => name.endsWith(".md")),
  ...readdirSync(join(ROOT, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** The texts that a source file can print, as one: template strings are not taken apart. */
const SOURCES = [...new Glob("src/**/*.ts").scanSync(ROOT)].map(read);

/** Is there a file that prints all parts of the line, in their order? */
function isPrinted(line: string): boolean {
  const parts = line.split("…").filter((part) => part.trim() !== "");
  return SOURCES.some((source) => {
    let from = 0;
    return parts.every((part) => {
      const at = source.indexOf(part, from);
      from = at + part.length;
      return at >= 0;
    });
  });
}

/** What the first column of each table quotes. */
function quotedLines(document: string): readonly string[] {
  return document.split("\n").flatMap((row) => {
    const [, first = ""] = row.split("|");
    return row.startsWith("|") ? [...first.matchAll(/`([^`]+)`/g)].map(([, line = ""]) => line) : [];
  });
}

describe("docs/TROUBLESHOOT.md", () => {
  const lines = quotedLines(read("docs/TROUBLESHOOT.md"));

  test("quotes log lines", () => expect(lines.length).toBeGreaterThan(40));

  test.each(lines)("`%s` is a line that the program prints", (line) => {
    expect(isPrinted(line)).toBe(true);
  });
});

test.each(DOCUMENTS)("the links of %s lead to files and headings that exist", (document) => {
  const anchorOf = (heading: string): string =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-");
  const broken = [...read(document).matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, target = ""]) => {
    if (/^[a-z]+:/.test(target)) return [];
    const [file = "", anchor] = target.split("#");
    const path = file === "" ? document : join(dirname(document), file);
    if (!existsSync(join(ROOT, path))) return [target];
    if (anchor === undefined) return [];
    const headings = [...read(path).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => anchorOf(heading));
    return headings.includes(anchor) ? [] : [target];
  });
  expect(broken).toEqual([]);
});

test("documents name subcommands and options that --help knows", () => {
  const unknown = DOCUMENTS.flatMap((document) =>
    [...read(document).matchAll(/\bOCPP201 ([a-z]+)\b/g)]
      .map(([, word = ""]) => word)
      .filter((word) => !new RegExp(`OCPP201 ${word}\\b`).test(HELP))
      .map((word) => `${document}: ${word}`),
  );
  expect(unknown).toEqual([]);
});
