import { expect, test } from "bun:test";
import { createDataTransferPort, transferToCsms } from "../../../src/bridge/data-transfer.ts";
import type { Peer } from "../../../src/everest/everest-module.ts";
import type { OcppDataTransferResponse } from "../../../src/everest/interfaces/index.ts";
import type { CallOutcome, CsmsLink } from "../../../src/ocpp/csms-link.ts";

const csmsThat = (outcome: CallOutcome<"DataTransfer">) => {
  const requests: unknown[] = [];
  const call = async (_action: string, request: unknown) => {
    requests.push(request);
    return outcome;
  };
  return { csms: { call } as unknown as CsmsLink, requests };
};
const moduleThat = (answer: OcppDataTransferResponse) => {
  const requests: unknown[] = [];
  const call = async (_command: string, { request }: { request: unknown }) => {
    requests.push(request);
    return answer;
  };
  return { port: createDataTransferPort({ call } as unknown as Peer<"ocpp_data_transfer">), requests };
};

test("to the CSMS: JSON text becomes data, text stays text, custom data keep their members (P02.FR.03, FR.04)", async () => {
  const { csms, requests } = csmsThat({ kind: "response", response: { status: "Accepted" } });
  await transferToCsms(csms, {
    vendor_id: "com.example",
    message_id: "m",
    data: '{"a":[1]}',
    custom_data: { vendor_id: "org.example", data: '{"vendorId":"other","x":1}' },
  });
  await transferToCsms(csms, { vendor_id: "com.example", data: "no JSON" });
  expect(requests).toEqual([
    { vendorId: "com.example", messageId: "m", data: { a: [1] }, customData: { vendorId: "org.example", x: 1 } },
    { vendorId: "com.example", data: "no JSON" },
  ]);
});

test.each(["Accepted", "Rejected", "UnknownMessageId", "UnknownVendorId"] as const)(
  "the CSMS's %s is told with its data (P02.FR.06–08)",
  async (status) => {
    const customData = { vendorId: "org.example", x: 1 };
    const { csms } = csmsThat({ kind: "response", response: { status, data: ["b"], customData } });
    expect(await transferToCsms(csms, { vendor_id: "com.example" })).toEqual({
      status,
      data: '["b"]',
      custom_data: { vendor_id: "org.example", data: '{"vendorId":"org.example","x":1}' },
    });
  },
);

test("no connection, no answer, an error, no station yet", async () => {
  const status = async (outcome: CallOutcome<"DataTransfer">) =>
    (await transferToCsms(csmsThat(outcome).csms, { vendor_id: "v" })).status;
  expect(await status({ kind: "offline" })).toBe("Offline");
  expect(await status({ kind: "timeout" })).toBe("Offline");
  expect(await status({ kind: "error", code: "InternalError", description: "" })).toBe("Rejected");
  expect(await transferToCsms(undefined, { vendor_id: "v" })).toEqual({ status: "Offline" });
});

test("to a module: data as JSON text, its answer as data again (P01.FR.03, FR.06, FR.07)", async () => {
  const { port, requests } = moduleThat({
    status: "UnknownMessageId",
    data: '"text"',
    custom_data: { vendor_id: "org.example", data: "broken" },
  });
  const customData = { vendorId: "org.example", x: 1 };
  expect(await port.deliver?.({ vendorId: "com.example", messageId: "m", data: "text", customData })).toEqual({
    status: "UnknownMessageId",
    data: "text",
    customData: { vendorId: "org.example", data: "broken" },
  });
  expect(requests).toEqual([
    {
      vendor_id: "com.example",
      message_id: "m",
      data: '"text"',
      custom_data: { vendor_id: "org.example", data: '{"vendorId":"org.example","x":1}' },
    },
  ]);
});

test("a module that is itself offline, or none at all, knows no vendor (P01.FR.05)", async () => {
  expect(await moduleThat({ status: "Offline" }).port.deliver?.({ vendorId: "v" })).toEqual({
    status: "UnknownVendorId",
  });
  expect(createDataTransferPort(undefined).deliver).toBeUndefined();
});
