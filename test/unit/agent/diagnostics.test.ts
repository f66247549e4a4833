import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeDiagnostics } from "../../../src/agent/diagnostics.ts";
import { BLOCKS } from "../../../src/station/station.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

const SECRET = "Geheimnis0123456";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

async function write(status: () => unknown = () => ({ started: true })): Promise<string> {
  const { clock, core, deviceModel, directory } = charger;
  const writing = writeDiagnostics({ directory: join(directory, "logs"), core, deviceModel, status, clock });
  await clock.advance(100);
  return writing;
}

interface Diagnostics {
  readonly format: string;
  readonly version: string;
  readonly status: unknown;
  readonly inspect: Readonly<
    Record<string, { readonly isComplete: boolean; readonly rows: readonly Record<string, unknown>[] }>
  >;
}
const read = (path: string) => JSON.parse(readFileSync(path, "utf8")) as Diagnostics;

test("has what /status and inspect show, every table of every block, and no secret", async () => {
  charger = await new InProcessCharger(1, { "SecurityCtrlr.BasicAuthPassword": SECRET }).start();
  charger.reachable = false;
  charger.disconnect();
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, {
    kind: "TransactionStarted",
    sessionId: "s",
    token: { idToken: { idToken: "4711", type: "KeyCode" }, remote: false },
  });
  await charger.clock.advance(1_000);
  const path = await write(() => ({ started: true, url: `wss://user:${SECRET}@csms.example`, password: SECRET }));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(readFileSync(path, "utf8")).not.toContain(SECRET);
  const { format, version, status, inspect } = read(path);
  expect({ format, version }).toEqual({
    format: "everest-ocpp201 diagnostics 1",
    version: expect.any(String) as string,
  });
  expect(status).toEqual({ started: true, url: "wss://user:***@csms.example", password: "***" });
  const declared = BLOCKS.flatMap(({ views, deviceModelViews }) => [
    ...Object.keys(views),
    ...Object.keys(deviceModelViews),
  ]);
  expect(Object.keys(inspect).toSorted()).toEqual([...new Set(["variables", "queue", ...declared])].toSorted());
  expect(inspect.variables?.rows).toContainEqual(
    expect.objectContaining({ component: "SecurityCtrlr", variable: "BasicAuthPassword", value: "***" }),
  );
  expect(inspect.queue?.rows).toContainEqual(expect.objectContaining({ action: "TransactionEvent", event: "Started" }));
  expect(inspect.transactions?.rows).toHaveLength(1);
});

test("of a long table the beginning, and that there is more", async () => {
  charger = await new InProcessCharger(1).start();
  const entries = Array.from({ length: 6_000 }, (_, index) => ({
    idToken: { idToken: `T${index}`, type: "ISO14443" } as const,
    idTokenInfo: { status: "Accepted" } as const,
  }));
  charger.core.unitOfWork.run(() => charger.core.localList.replace(entries, 1));
  const { auth } = read(await write()).inspect;
  expect(auth?.isComplete).toBe(false);
  expect(auth?.rows).toHaveLength(5_000);
});

test("a table that cannot be read does not take the others along; a file that cannot be written is told", async () => {
  charger = await new InProcessCharger(1).start();
  charger.core.database.run("DROP TABLE TRANSACTION_QUEUE");
  charger.core.database.run("CREATE TABLE TRANSACTION_QUEUE (X)");
  charger.core.database.run("INSERT INTO TRANSACTION_QUEUE VALUES (1)");
  const { inspect } = read(await write());
  expect(inspect.variables?.isComplete).toBe(true);
  expect(inspect.variables?.rows.length).toBeGreaterThan(100);
  mkdirSync(join(charger.directory, "logs/diagnostics.json.new"));
  expect(write()).rejects.toThrow("EISDIR");
});
