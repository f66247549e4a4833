import { afterEach, expect, test } from "bun:test";
import { sleep } from "../../../src/lib/clock.ts";
import type { DataTransferPort } from "../../../src/station/ports.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (deliver?: DataTransferPort["deliver"]) => {
  charger = await new InProcessCharger().start();
  Object.assign(charger.context.hardware.dataTransfer, { deliver });
  await charger.clock.advance(100);
};
const transfer = async (request: object) => (await charger.call("DataTransfer", request)).body;

test("TC_P_01: nobody here knows the vendor (P01.FR.05)", async () => {
  await start();
  expect(await transfer({ vendorId: "com.example", messageId: "m", data: { x: 1 } })).toEqual({
    status: "UnknownVendorId",
  });
});

test("request and answer pass as they are (P01.FR.06, FR.07)", async () => {
  const seen: unknown[] = [];
  await start(async (request) => {
    seen.push(request);
    return request.messageId === "known" ? { status: "Accepted", data: { y: 2 } } : { status: "UnknownMessageId" };
  });
  const request = { vendorId: "com.example", messageId: "known", data: [1, null], customData: { vendorId: "v", z: 3 } };
  expect(await transfer(request)).toEqual({ status: "Accepted", data: { y: 2 } });
  expect(await transfer({ vendorId: "com.example", messageId: "strange" })).toEqual({ status: "UnknownMessageId" });
  expect(seen).toEqual([request, { vendorId: "com.example", messageId: "strange" }]);
});

test("a module that fails or does not answer in time: Rejected, and the next CALL does not wait for it", async () => {
  await start(async () => {
    throw new Error("module is gone");
  });
  const rejected = { status: "Rejected", statusInfo: { reasonCode: "InternalError" } };
  expect(await transfer({ vendorId: "v" })).toMatchObject(rejected);
  const deliver = async () => {
    await sleep(charger.clock, 20_000);
    throw new Error("no answer within 20 s");
  };
  Object.assign(charger.context.hardware.dataTransfer, { deliver });
  charger.sendText('[2,"stuck","DataTransfer",{"vendorId":"v"}]');
  expect((await charger.call("GetLocalListVersion", {})).body).toEqual({ versionNumber: 0 });
  await charger.clock.advance(20_000);
  expect(charger.answers.find(({ messageId }) => messageId === "stuck")?.body).toMatchObject(rejected);
});
