/** What the demo's CSMS charges, and what its driver sees. */
import type { SimulatedCsms } from "./csms.ts";
import type { EverestSide } from "./everest/everest-side.ts";

export const TARIFF = "0.500 at the start, 0.390 per kWh";
const [START, PER_KWH] = [0.5, 0.39];

/** A message for the display that goes with the transaction. */
export async function greet(csms: SimulatedCsms): Promise<void> {
  const { request } = await csms.waitFor("TransactionEvent");
  const { transactionId } = request.transactionInfo as { transactionId: string };
  const message = { format: "UTF8", language: "en", content: "Coffee is free while you charge" } as const;
  await csms.send("SetDisplayMessage", { message: { id: 1, priority: "NormalCycle", transactionId, message } });
}

/** Answers the events of a transaction with what it has cost so far. */
export function chargeMoney(csms: SimulatedCsms): void {
  let energyAtStart = 0;
  csms.on("TransactionEvent", ({ eventType, meterValue = [] }) => {
    const sample = meterValue
      .at(-1)
      ?.sampledValue.find(({ measurand }) => measurand === "Energy.Active.Import.Register");
    if (sample === undefined) return {};
    if (eventType === "Started") energyAtStart = sample.value;
    return { totalCost: Number((START + ((sample.value - energyAtStart) * PER_KWH) / 1000).toFixed(4)) };
  });
}

/** What a driver sees: tariff, cost and the messages of the CSMS. */
export async function showOnDisplay(everest: EverestSide, show: (text: string) => void): Promise<void> {
  const listen = (name: string, describe: (value: Readonly<Record<string, unknown>>) => string): Promise<void> =>
    everest.bus.listen(`modules/ocpp/impl/session_cost/var/${name}`, (payload) => {
      const { data } = (payload as { data: { data: Readonly<Record<string, unknown>> } }).data;
      show(describe(data));
    });
  const first = (messages: unknown): string => (messages as readonly { content: string }[])[0]?.content ?? "";
  await listen("default_price", ({ messages }) => `tariff: ${first(messages)}`);
  await listen("tariff_message", ({ messages }) => `your tariff: ${first(messages)}`);
  await listen("session_cost", ({ status, currency, cost_chunks }) => {
    const { code = "", decimals } = currency as { code?: string; decimals: number };
    const units = (cost_chunks as readonly { cost: { value: number } }[])[0]?.cost.value ?? 0;
    return `${status === "Finished" ? "total" : "cost so far"}: ${(units / 10 ** decimals).toFixed(decimals)} ${code}`;
  });
  everest.display.onChange = (messages) =>
    show(messages.length === 0 ? "(no message)" : messages.map(({ message }) => `“${message.content}”`).join("  "));
}
