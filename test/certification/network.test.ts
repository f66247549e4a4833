/** OCA certification test cases B.42–B.50 (network profiles) and B.51, B.52 (offline) on the compiled executable. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { Charger, SURROUNDINGS } from "../support/charger.ts";
import { onCharger, type TestSystem } from "../support/test-system.ts";

const PASSWORD = "DEADBEEFDEADBEEF";
const ATTEMPTS = 3;

let other: SimulatedCsms;
beforeEach(async () => {
  other = await SimulatedCsms.start({ password: PASSWORD });
});
afterEach(() => other.stop());

const profile = (ocppCsmsUrl: string) => ({
  messageTimeout: 30,
  ocppCsmsUrl,
  ocppInterface: "Wired0" as const,
  ocppTransport: "JSON" as const,
  ocppVersion: "OCPP20" as const,
  securityProfile: 1,
});

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
}

/** Steps 1–6 of TC_B_45_CS: the new profile, its place in the list, the reset. */
async function migrate(system: TestSystem, url: string, priority: string): Promise<void> {
  await system.send(
    "SetNetworkProfile",
    { configurationSlot: 2, connectionData: profile(url) },
    { status: "Accepted" },
  );
  await system.setVariable("OCPPCommCtrlr", "NetworkConfigurationPriority", priority);
  expect(await system.getVariable("OCPPCommCtrlr", "ActiveNetworkProfile")).toBe("1"); // B10.FR.01: still there
  await system.send("Reset", { type: "OnIdle" }, { status: "Accepted" });
  await until(() => system.charger.everest.recorded("reset").length === 1);
  system.charger.everest.answer("system.get_boot_reason", () => "RemoteReset");
  await system.charger.end("SIGTERM");
  system.skip();
  system.charger.spawn();
}

const activeProfile = async (csms: SimulatedCsms): Promise<unknown> => {
  const answer = await csms.send("GetVariables", {
    getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "ActiveNetworkProfile" } }],
  });
  const { response } = answer as { response: { getVariableResult: { attributeValue?: string }[] } };
  return response.getVariableResult[0]?.attributeValue;
};

/** A host that answers every handshake with 503 and counts them. */
async function startDeadHost(): Promise<{ url: string; attempts: () => number; server: Server }> {
  let attempts = 0;
  const server = createServer();
  server.on("upgrade", (_request, socket) => {
    attempts++;
    socket.end("HTTP/1.1 503 Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, attempts: () => attempts, server };
}

describe.each(SURROUNDINGS)("migration to another CSMS, EVerest of $release in the slot of $slot", (surroundings) => {
  test("TC_B_45_CS, TC_B_50_CS, B10.FR.04, FR.06: after the reset the station is with the new one", () =>
    onCharger(surroundings, async (system) => {
      const from = system.charger.csms.calls.length;
      await migrate(system, other.url, "2,1");
      const boot = await other.waitFor("BootNotification");
      expect(boot.request).toMatchObject({ reason: "RemoteReset" });
      await other.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
      expect(await activeProfile(other)).toBe("2");
      expect(system.charger.csms.connected).toBe(false);
      expect(system.charger.csms.calls.slice(from).map(({ action }) => action)).not.toContain("BootNotification");
    }));

  test("TC_B_46_CS, B10.FR.03: the new one does not answer, so the second of the list is taken", () =>
    onCharger(
      { ...surroundings, patch: { OCPPCommCtrlr: { NetworkProfileConnectionAttempts: ATTEMPTS } } },
      async (system) => {
        const dead = await startDeadHost();
        await migrate(system, dead.url, "2,1");
        await system.receive("BootNotification", { reason: "RemoteReset" });
        expect(dead.attempts()).toBe(ATTEMPTS);
        expect(await system.getVariable("OCPPCommCtrlr", "ActiveNetworkProfile")).toBe("1");
        dead.server.close();
      },
    ));

  test("TC_B_47_CS, TC_B_49_CS, B10.FR.07, FR.09: the whole list is dead, so the last good profile is taken", () =>
    onCharger(
      { ...surroundings, patch: { OCPPCommCtrlr: { NetworkProfileConnectionAttempts: ATTEMPTS } } },
      async (system) => {
        const dead = await startDeadHost();
        await migrate(system, dead.url, "2");
        await system.receive("BootNotification", { reason: "RemoteReset" });
        expect(dead.attempts()).toBe(ATTEMPTS);
        expect(await system.getVariable("OCPPCommCtrlr", "ActiveNetworkProfile")).toBe("1");
        dead.server.close();
      },
    ));

  test("B10.FR.08, FR.10: a lost CSMS is followed by the next profile, which gets BootNotification first", () =>
    onCharger(
      { ...surroundings, patch: { OCPPCommCtrlr: { NetworkProfileConnectionAttempts: 2 } } },
      async (system) => {
        const { csms } = system.charger;
        await system.send("SetNetworkProfile", { configurationSlot: 2, connectionData: profile(other.url) });
        await system.setVariable("OCPPCommCtrlr", "NetworkConfigurationPriority", "1,2");
        await system.evConnectedPreSession();
        csms.refuseWith = 503;
        csms.drop();
        await other.waitFor("StatusNotification", ({ evseId }) => evseId === 2);
        expect(other.calls.map(({ action }) => action)).toEqual([
          "BootNotification",
          "StatusNotification",
          "StatusNotification",
        ]);
        expect(await activeProfile(other)).toBe("2");
        other.drop();
        other.refuseWith = 503;
        csms.refuseWith = undefined;
        system.skip();
        await system.receive("BootNotification");
      },
    ));
});

test("B09.FR.01, FR.02, FR.05, B10.FR.02: what cannot work is refused with its reason", () =>
  onCharger({}, async (system) => {
    const connectionData = profile(other.url);
    const set = (changes: object, reasonCode: string, configurationSlot = 2) =>
      system.send(
        "SetNetworkProfile",
        { configurationSlot, connectionData: { ...connectionData, ...changes } },
        { status: "Rejected", statusInfo: { reasonCode } },
      );
    await set({}, "InvalidConfSlot", 3);
    await set({ ocppCsmsUrl: "not a URL" }, "InvalidNetworkConf");
    await set({ ocppCsmsUrl: "wss://host" }, "InvalidNetworkConf");
    await set({ securityProfile: 0 }, "InvalidNetworkConf");
    await set({ ocppVersion: "OCPP16" }, "InvalidNetworkConf");
    await set({ apn: { apn: "internet", apnAuthentication: "AUTO" } }, "InvalidNetworkConf");
    await system.setVariable("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1", "Rejected");
    await system.setVariable("OCPPCommCtrlr", "NetworkConfigurationPriority", "9", "Rejected");
  }));

describe("offline", () => {
  const changeWhileOffline = async (system: TestSystem, offlineMilliseconds: number): Promise<void> => {
    const { csms, everest } = system.charger;
    csms.refuseWith = 503;
    csms.drop();
    await everest.evse(1).plugIn();
    await Bun.sleep(offlineMilliseconds);
    system.skip();
    csms.refuseWith = undefined;
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Occupied" });
  };

  test("TC_B_51_CS, B04.FR.01: longer than OfflineThreshold, every connector is told", () =>
    onCharger({ patch: { OCPPCommCtrlr: { OfflineThreshold: 1 } } }, async (system) => {
      await changeWhileOffline(system, 1_500);
      await system.receive("StatusNotification", { evseId: 2, connectorStatus: "Available" });
      await system.receiveNo("BootNotification");
    }));

  test("TC_B_52_CS, B04.FR.02: shorter, only the connector that changed", () =>
    onCharger({ patch: { OCPPCommCtrlr: { OfflineThreshold: 300 } } }, async (system) => {
      await changeWhileOffline(system, 100);
      await system.receiveNo("StatusNotification");
    }));

  test("B01.FR.01, FR.08: a station that starts without network boots when it is there, then tells what happened", async () => {
    const charger = await Charger.start({ stopped: true });
    try {
      charger.csms.refuseWith = 503;
      charger.spawn();
      await charger.everest.stationReady;
      await until(() => charger.log.includes("HTTP 503"));
      await charger.everest.evse(1).plugIn();
      charger.csms.refuseWith = undefined;
      await charger.csms.waitFor("StatusNotification", ({ connectorStatus }) => connectorStatus === "Occupied");
      expect(charger.csms.calls[0]?.action).toBe("BootNotification");
      expect(charger.csms.violations).toEqual([]);
    } finally {
      await charger.stop();
    }
  });
});

test("the interface of the profile decides from where the station connects", async () => {
  let remoteAddress: string | undefined;
  const server = createServer();
  server.on("upgrade", (request, socket) => {
    remoteAddress = request.socket.remoteAddress;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const charger = await Charger.start({
    stopped: true,
    patch: {
      InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(`ws://127.0.0.1:${port}`), IFace: "127.0.0.9" },
    },
  });
  try {
    charger.spawn();
    await until(() => remoteAddress !== undefined);
    expect(remoteAddress).toBe("127.0.0.9");
  } finally {
    await charger.stop();
    server.close();
  }
});
