import { afterAll, beforeAll, expect, test } from "bun:test";
import { Charger } from "../support/charger.ts";

/** What other modules hear of transactions, on the compiled executable (BEHAVIOUR 5.5, 19.2). */
let charger: Charger;
const heard: { name: string; value: Record<string, unknown> }[] = [];

beforeAll(async () => {
  charger = await Charger.start({
    patch: {
      TariffCostCtrlr: { Available: true, Enabled: true, Currency: "EUR", NumberOfDecimalsForCostValues: 2 },
      SampledDataCtrlr: { TxUpdatedInterval: 0 },
    },
  });
  for (const [implementation, name] of [
    ["ocpp_generic", "ocpp_transaction_event"],
    ["ocpp_generic", "ocpp_transaction_event_response"],
    ["session_cost", "session_cost"],
    ["session_cost", "tariff_message"],
  ] as const)
    await charger.everest.bus.listen(`modules/ocpp/impl/${implementation}/var/${name}`, (payload) =>
      heard.push({ name, value: (payload as { data: { data: Record<string, unknown> } }).data.data }),
    );
}, 30_000);
afterAll(() => charger.stop());

test("each event, each answer, its total and its message", async () => {
  charger.csms.on("TransactionEvent", () => ({
    totalCost: 4.35,
    updatedPersonalMessage: { format: "UTF8", content: "4.35", language: "en" },
  }));
  const evse = charger.everest.evse(1);
  await evse.plugIn();
  await evse.authorize({ id_token: { value: "CARD" } });
  const { request } = await charger.csms.waitFor("TransactionEvent");
  for (let attempt = 0; attempt < 200 && heard.length < 4; attempt++) await Bun.sleep(20);

  const { transactionId } = request.transactionInfo as { transactionId: string };
  const of = (name: string) => heard.find((one) => one.name === name)?.value;
  const event = {
    transaction_event: "Started",
    session_id: transactionId,
    transaction_id: transactionId,
    evse: { id: 1, connector_id: 1 },
  };
  const message = { content: "4.35", format: "UTF8", language: "en" };
  expect(of("ocpp_transaction_event")).toEqual(event);
  expect(of("ocpp_transaction_event_response")).toMatchObject({ original_transaction_event: event, total_cost: 4.35 });
  expect(of("session_cost")).toMatchObject({
    session_id: transactionId,
    currency: { code: "EUR", decimals: 2 },
    status: "Running",
    cost_chunks: [{ cost: { value: 435 }, timestamp_to: request.timestamp }],
    message: [message],
  });
  expect(of("tariff_message")).toEqual({
    ocpp_transaction_id: transactionId,
    identifier_id: transactionId,
    identifier_type: "TransactionId",
    messages: [message],
  });
});
