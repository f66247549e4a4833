import { expect, test } from "bun:test";
import { createDisplayPort, fromDisplayMessage, toDisplayMessage } from "../../../src/bridge/display.ts";
import type { Peer } from "../../../src/everest/everest-module.ts";
import type { MessageInfoType } from "../../../src/ocpp/v201/index.ts";

const full: MessageInfoType = {
  id: 4,
  priority: "InFront",
  state: "Charging",
  startDateTime: "2026-03-01T12:00:00+01:00",
  endDateTime: "2026-03-01T13:00:00Z",
  transactionId: "tx",
  display: { name: "Display" },
  message: { format: "UTF8", language: "nl", content: "Hallo 😀 שלום" },
};

test("everything that decides how a message is shown goes to the display module (O01.FR.06, FR.08, FR.09, FR.12–15, O02.FR.06, FR.08, FR.09, FR.14–17)", () => {
  for (const priority of ["AlwaysFront", "InFront", "NormalCycle"] as const)
    expect(toDisplayMessage({ ...full, priority })).toEqual({
      id: 4,
      priority,
      state: "Charging",
      timestamp_from: "2026-03-01T11:00:00.000Z",
      timestamp_to: "2026-03-01T13:00:00.000Z",
      identifier_id: "tx",
      identifier_type: "TransactionId",
      message: { format: "UTF8", language: "nl", content: "Hallo 😀 שלום" },
    });
  expect(
    toDisplayMessage({ id: 0, priority: "NormalCycle", message: { format: "URI", content: "https://x" } }),
  ).toEqual({
    id: 0,
    priority: "NormalCycle",
    message: { format: "URI", content: "https://x" },
  });
});

test("what OCPP has no word for among the messages of a display is nobody's in OCPP", () => {
  const message = { content: "x" };
  expect(fromDisplayMessage({ id: 1, message })).toEqual({
    id: 1,
    priority: "NormalCycle",
    message: { format: "UTF8", content: "x" },
  });
  expect(fromDisplayMessage(toDisplayMessage({ ...full, startDateTime: "2026-03-01T12:00:00.000Z" }))).toMatchObject({
    id: 4,
    transactionId: "tx",
    startDateTime: "2026-03-01T12:00:00.000Z",
  });
  for (const odd of [
    { message },
    { id: -1, message },
    { id: 1, state: "Discharging" as const, message },
    { id: 1, message: { format: "QRCODE" as const, content: "x" } },
    { id: 1, message: { content: "x".repeat(513) } },
    { id: 1, identifier_id: "session", message },
    { id: 1, identifier_id: "CARD", identifier_type: "IdToken" as const, message },
  ])
    expect(fromDisplayMessage(odd)).toBeUndefined();
});

test("an unknown word of the display is no Accepted, an answer without messages is none", async () => {
  const answers: Record<string, unknown> = {
    set_display_message: { status: "Maybe", status_info: "who knows" },
    get_display_messages: {},
    clear_display_message: { status: "Unknown" },
  };
  const port = createDisplayPort({
    call: async (command: string) => answers[command],
  } as unknown as Peer<"display_message">);
  expect(await port.setMessage(full)).toEqual({ status: "Rejected", info: "who knows" });
  expect(await port.keptMessages()).toEqual([]);
  expect(await port.clearMessage(4)).toBeUndefined();
});
