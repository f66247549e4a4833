import { expect, test } from "bun:test";
import { RPCServer } from "ocpp-rpc";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { Charger } from "../support/charger.ts";

/** What the station did, in the eyes of a CSMS that somebody else has written. */
interface Seen {
  readonly actions: string[];
  readonly violations: string[];
}

test("an independent CSMS with strict schemas takes a whole session", async () => {
  const server = new RPCServer({ protocols: ["ocpp2.0.1"], strictMode: true });
  const seen: Seen = { actions: [], violations: [] };
  server.auth((accept) => accept());
  server.on("client", (client) => {
    client.on("strictValidationFailure", ({ error }: { error: Error }) => seen.violations.push(error.message));
    client.handle(({ method }: { method: string }) => {
      seen.actions.push(method);
      const currentTime = new SystemTime().text;
      if (method === "BootNotification") return { currentTime, interval: 300, status: "Accepted" };
      if (method === "Heartbeat") return { currentTime };
      if (method === "Authorize") return { idTokenInfo: { status: "Accepted" } };
      return {};
    });
  });
  const http = await server.listen(0, "127.0.0.1");
  const { port } = http.address() as { port: number };
  const charger = await Charger.start({
    stopped: true,
    patch: { InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(`ws://127.0.0.1:${port}`) } },
  });
  try {
    charger.spawn();
    await until(() => seen.actions.filter((action) => action === "StatusNotification").length === 2);
    await charger.everest.evse(1).plugIn();
    await charger.everest.presentToken({ value: "04A1B2C3", type: "ISO14443" });
    await charger.everest.evse(1).startCharging();
    await charger.everest.evse(1).unplug();
    await until(() => seen.actions.filter((action) => action === "TransactionEvent").length === 3);
    expect(seen.violations).toEqual([]);
  } finally {
    await charger.stop();
    await server.close({ force: true });
  }
});

class SystemTime {
  readonly text = new Date().toISOString();
}

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 400 && !condition(); attempt++) await Bun.sleep(25);
  expect(condition()).toBe(true);
}
