import { safeParse } from "valibot";
import { Connector } from "../../src/device-model/variables.ts";
import { type Action, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import type { InProcessCharger, Payload, SeenCall } from "../support/in-process-charger.ts";

/** What the station has made and what the CSMS has got in the whole life of a charger. */
export interface Record {
  readonly charger: InProcessCharger;
  readonly calls: readonly SeenCall[];
  readonly created: readonly Payload[];
  readonly log: readonly string[];
}

export function recordOf(charger: InProcessCharger): Record {
  const created = charger.hardwareCalls.flatMap(({ name, args }) =>
    name === "transactionEvent" ? [args[0] as Payload] : [],
  );
  return { charger, created, calls: charger.calls, log: charger.log };
}

function require(condition: boolean, what: string, detail?: unknown): void {
  if (!condition) throw new Error(detail === undefined ? what : `${what}: ${JSON.stringify(detail)}`);
}

const idOf = ({ transactionInfo }: Payload): string => (transactionInfo as { transactionId: string }).transactionId;
const keyOf = (event: Payload): string => `${event.seqNo} of ${idOf(event)}`;
const withoutOffline = ({ offline: _, ...event }: Payload): string => JSON.stringify(event);

function registersOf(event: Payload): readonly number[] {
  const values = (event.meterValue ?? []) as { sampledValue: { measurand?: string; value: number }[] }[];
  return values.flatMap(({ sampledValue }) =>
    sampledValue.flatMap(({ measurand, value }) => (measurand === "Energy.Active.Import.Register" ? [value] : [])),
  );
}

/** Calls that were found to keep to their schemas: one look at each is enough. */
const sound = new WeakSet<SeenCall>();

function checkSchemas(calls: readonly SeenCall[]): void {
  for (const call of calls) {
    if (sound.has(call)) continue;
    sound.add(call);
    const { action, payload } = call;
    require(safeParse(MESSAGE_SCHEMAS[action as Action].request, payload)
      .success, `${action} violates its schema`, payload);
  }
}

/** Each event once, in the order of first arrival; repetitions may differ in nothing but `offline`, which never goes. */
function arrivals(calls: readonly SeenCall[]): readonly Payload[] {
  const first = new Map<string, Payload>();
  for (const { action, payload } of calls) {
    if (action !== "TransactionEvent") continue;
    const known = first.get(keyOf(payload));
    if (known === undefined) first.set(keyOf(payload), payload);
    else {
      require(withoutOffline(known) === withoutOffline(payload), "a repetition is altered", payload);
      require(known.offline !== true || payload.offline === true, "a repetition is no longer offline", payload);
    }
  }
  return [...first.values()];
}

/** Nothing is lost, reordered or altered beyond what the log names (E04.FR.08, E13.FR.04) and `offline` (E11.FR.07). */
function checkDelivery({ created, log }: Record, arrived: readonly Payload[]): ReadonlySet<string> {
  const gone = new Set(
    log.flatMap((line) => line.match(/TransactionEvent \w+ (\d+ of \S+) is (?:dropped|discarded)/)?.[1] ?? []),
  );
  const seen = new Set(arrived.map(keyOf));
  const expected = created.filter((event) => seen.has(keyOf(event)) || !gone.has(keyOf(event)));
  require(JSON.stringify(expected.map(withoutOffline)) ===
    JSON.stringify(arrived.map(withoutOffline)), "events are lost, reordered or altered", {
    created: expected.map(keyOf),
    arrived: arrived.map(keyOf),
  });
  const byKey = new Map(arrived.map((event) => [keyOf(event), event]));
  created.forEach((event) => {
    const got = byKey.get(keyOf(event));
    require(event.offline !== true || got === undefined || got.offline === true, "offline was lost", event);
  });
  for (const line of log)
    require(!/TransactionEvent (Started|Ended) \d+ of \S+ is dropped/.test(line), "Started or Ended was dropped", line);
  return gone;
}

/** Every transaction: one Started and one Ended, contiguous numbers, registers that never fall. */
function checkTransactions(created: readonly Payload[], running: ReadonlySet<string>): void {
  const byTransaction = new Map<string, Payload[]>();
  for (const event of created) byTransaction.set(idOf(event), [...(byTransaction.get(idOf(event)) ?? []), event]);
  for (const [transactionId, events] of byTransaction) {
    const types = events.map(({ eventType }) => eventType);
    const over = !running.has(transactionId);
    require(types[0] === "Started" &&
      types.lastIndexOf("Started") === 0, `${transactionId} has not one Started`, types);
    require(types.indexOf("Ended") ===
      (over ? types.length - 1 : -1), `${transactionId} is ${over ? "over" : "running"} and has not one Ended`, types);
    require(events.every(({ seqNo }, index) => seqNo === index), `${transactionId} has gaps`, events.map(
      ({ seqNo }) => seqNo,
    ));
    for (const registers of [
      events.filter(({ eventType }) => eventType !== "Ended").flatMap(registersOf),
      registersOf(events.at(-1) ?? {}),
    ])
      require(registers.every(
        (value, index) => value >= (registers[index - 1] ?? 0),
      ), `energy falls in ${transactionId}`, registers);
    const times = events.map(({ timestamp }) => Date.parse(String(timestamp)));
    require(times.every((time, index) => time >= (times[index - 1] ?? 0)), `time runs back in ${transactionId}`, times);
  }
}

/** The CSMS, the device model and the station's own model agree about every connector. */
function checkStatuses({ charger, calls }: Record, occupied: (evseId: number) => boolean): void {
  for (const { evseId } of charger.model.evses) {
    const status = charger.model.connector(evseId, 1)?.status;
    require(status === (occupied(evseId) ? "Occupied" : "Available"), `connector ${evseId}/1 is wrongly ${status}`);
    const told = calls.findLast(({ action, payload }) => action === "StatusNotification" && payload.evseId === evseId);
    require(told?.payload.connectorStatus ===
      status, `the CSMS was told ${told?.payload.connectorStatus}, not ${status}`);
    const variable = charger.deviceModel.read(Connector.AvailabilityState.at(evseId, 1));
    require(variable === status, `AvailabilityState is ${variable}, not ${status}`);
  }
}

/** What must hold when the CSMS has been there and well for a while. @throws Error that names what does not. */
export function checkInvariants(record: Record, occupied: (evseId: number) => boolean): void {
  checkSchemas(record.calls);
  checkCourse(record, occupied);
}

/** The same while drivers are still there, but for the form of the messages. */
export function checkCourse(record: Record, occupied: (evseId: number) => boolean): void {
  const { charger, calls, created, log } = record;
  require(charger.core.durableQueue.length === 0, "messages are left in the queue", charger.core.durableQueue.length);
  const bad = log.filter((line) => line.startsWith("critical"));
  require(bad.length === 0, "critical", bad);
  checkDelivery(record, arrivals(calls));
  const running = charger.model.evses.flatMap(({ transaction }) => transaction?.transactionId ?? []);
  checkTransactions(created, new Set(running));
  checkStatuses(record, occupied);
}
