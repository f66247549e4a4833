import { expect, test } from "bun:test";
import { Emitter } from "../../../src/lib/events.ts";

test("a listener that fails does not keep the others from hearing, and its error is not lost", () => {
  const emitter = new Emitter<{ happened: number }>();
  const heard: number[] = [];
  emitter.on("happened", () => {
    throw new Error("first");
  });
  emitter.on("happened", (value) => heard.push(value));
  expect(() => emitter.emit("happened", 1)).toThrow("first");
  expect(heard).toEqual([1]);
});
