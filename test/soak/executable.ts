import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Charger } from "../support/charger.ts";

const LIMIT_MILLISECONDS = 30_000;
const TICKS_PER_SECOND = 100;

/** Polls; a soak looks at what stands outside of this process. @throws Error after half a minute */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + LIMIT_MILLISECONDS;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`${what}: not within ${LIMIT_MILLISECONDS / 1_000} s`);
    await Bun.sleep(20);
  }
}

export function memoryMegabytes({ pid }: Charger): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1_024;
}

/** Processor time of the station's process so far. */
export function processorSeconds({ pid }: Charger): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** What lies on the disk for the station, databases and logs. */
export function fileMegabytes(directory: string): number {
  if (!existsSync(directory)) return 0;
  const bytes = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => statSync(join(entry.parentPath, entry.name), { throwIfNoEntry: false })?.size ?? 0);
  return bytes.reduce((sum, size) => sum + size, 0) / 1_048_576;
}

/** Of the process: its log and its end. */
export function testimonyOf({ log, isRunning, spawned }: Charger): string {
  const end = isRunning ? "still runs" : `has ended: code ${spawned?.exitCode}, signal ${spawned?.signalCode}`;
  return `${log}\nThe process ${spawned?.pid} ${end}\n`;
}

/** Nothing unexpected, nothing critical. */
export function demandCleanLog({ log }: Charger): void {
  const bad = log.split("\n").find((line) => /Unexpected|\[CRIT\]|panic/.test(line));
  if (bad !== undefined) throw new Error(`the station says: ${bad}`);
}

/** The station is connected, and the CSMS has got everything that waited. */
export async function drained(charger: Charger): Promise<void> {
  await until("everything is delivered", async () => {
    if (!charger.csms.connected) return false;
    try {
      const answer = await Promise.race([charger.csms.send("GetTransactionStatus", {}), Bun.sleep(2_000)]);
      return (answer as { response?: { messagesInQueue?: boolean } } | undefined)?.response?.messagesInQueue === false;
    } catch {
      return false;
    }
  });
}

type Event = Readonly<Record<string, unknown>>;
const idOf = ({ transactionInfo }: Event) => String((transactionInfo as { transactionId?: unknown }).transactionId);

function checkTransaction(transactionId: string, events: readonly Event[], isOver: boolean): void {
  const first = new Map<number, string>();
  for (const { offline: _, ...event } of events) {
    const seqNo = Number(event.seqNo);
    const text = JSON.stringify(event);
    const known = first.get(seqNo);
    if (known !== undefined && known !== text)
      throw new Error(`${transactionId}: ${seqNo} was altered when it came again`);
    if (known === undefined && seqNo !== first.size)
      throw new Error(`${transactionId}: ${seqNo} came, ${first.size} was expected`);
    first.set(seqNo, text);
  }
  if (events[0]?.eventType !== "Started") throw new Error(`${transactionId} does not begin with Started`);
  if (isOver && events.at(-1)?.eventType !== "Ended") throw new Error(`${transactionId} does not end with Ended`);
}

/** Has every transaction that the CSMS knows of had its Ended? */
export function areOver(charger: Charger): boolean {
  const events = charger.transactionEvents();
  const ended = new Set(events.filter(({ eventType }) => eventType === "Ended").map(idOf));
  return events.every((event) => ended.has(idOf(event)));
}

/** Nothing lost, doubled (but for repetitions that differ at most in `offline`) or reordered. Says how many there are. */
export function checkTransactions(charger: Charger, areOver: boolean): number {
  const transactions = Map.groupBy(charger.transactionEvents(), idOf);
  for (const [transactionId, events] of transactions) checkTransaction(transactionId, events, areOver);
  const [violation] = charger.csms.violations;
  if (violation !== undefined) throw new Error(violation);
  return transactions.size;
}
