import { describe, expect, test } from "bun:test";
import { type LiveSource, LiveView, parseCursor } from "../../../src/web/live/live-view.ts";
import { Streams } from "../../../src/web/live/streams.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const START = { epoch: "e", version: 0, row: 0 };
const always = (): boolean => true;

function scene(source: LiveSource) {
  const clock = new FakeClock();
  let slow = 0;
  const streams = new Streams({ clock, onTooSlow: () => slow++ });
  const view = new LiveView(source);
  return { clock, streams, view, slow: () => slow };
}

async function readAll(
  reader: { read(): Promise<{ readonly value?: Uint8Array | undefined }> },
  chunks: number,
): Promise<string> {
  let text = "";
  for (let count = 0; count < chunks; count++) text += new TextDecoder().decode((await reader.read()).value);
  return text;
}

describe("a page is told what changes, once a second", () => {
  test("first everything, then only what is new, and a sign of life in silence", async () => {
    let text = "one";
    const { clock, streams, view } = scene({ fragments: () => ({ same: "same", other: text }) });
    const reader = streams.open(view, START, always).getReader();
    expect(await readAll(reader, 2)).toBe(
      'retry: 2000\n\nid: e.1.0\ndata: {"fragments":{"same":"same","other":"one"}}\n\n',
    );
    text = "two";
    await clock.advance(1_000);
    expect(await readAll(reader, 1)).toBe('id: e.2.0\ndata: {"fragments":{"other":"two"}}\n\n');
    await clock.advance(8_000);
    expect(await readAll(reader, 1)).toBe(":\n\n");
  });

  test("who comes back gets what was missed, rows newest first", async () => {
    const rows = { last: 3, since: (number: number) => `<rows since ${number}>` };
    const { streams, view } = scene({ fragments: () => ({}), rows });
    const reader = streams.open(view, { ...START, row: 1 }, always).getReader();
    expect(await readAll(reader, 2)).toContain('id: e.0.3\ndata: {"rows":"<rows since 1>"}');
  });

  test("without anybody who looks there is no timer", async () => {
    const { clock, streams, view } = scene({ fragments: () => ({}) });
    expect(clock.pendingTimerCount).toBe(0);
    const reader = streams.open(view, START, always).getReader();
    expect(clock.pendingTimerCount).toBe(1);
    await reader.cancel();
    expect(clock.pendingTimerCount).toBe(0);
  });

  test("who does not read is cut off before much waits for him; others go on", async () => {
    let beats = 0;
    const { clock, streams, view, slow } = scene({ fragments: () => ({ large: `${beats++}${"x".repeat(50_000)}` }) });
    const lazy = streams.open(view, START, always).getReader();
    const other = streams.open(view, START, always).getReader();
    await readAll(other, 2);
    for (let second = 0; second < 10; second++) {
      await clock.advance(1_000);
      await readAll(other, 1);
    }
    expect(slow()).toBe(1);
    await expect(readAll(lazy, 20)).rejects.toThrow("the page does not read");
  });

  test("who has logged out sees nothing more", async () => {
    let isLoggedIn = true;
    let beats = 0;
    const { clock, streams, view } = scene({ fragments: () => ({ beat: String(beats++) }) });
    const reader = streams.open(view, START, () => isLoggedIn).getReader();
    await readAll(reader, 2);
    isLoggedIn = false;
    await clock.advance(1_000);
    expect((await reader.read()).done).toBe(true);
    expect(clock.pendingTimerCount).toBe(0);
  });

  test("sixteen pages are live, no more", () => {
    const { streams, view } = scene({ fragments: () => ({}) });
    for (let page = 0; page < 16; page++) {
      expect(streams.isFull).toBe(false);
      streams.open(view, START, always);
    }
    expect(streams.isFull).toBe(true);
  });
});

test.each(["", "x", "e.1", "e.-1.0", "e.1.0.0", `e.${"9".repeat(20)}.0`, "E.1.0", "../.1.1"])(
  "%p is no cursor",
  (text) => expect(parseCursor(text)).toBeUndefined(),
);
