import { afterEach, describe, expect, test } from "bun:test";
import { InternalCtrlr } from "../../../src/device-model/variables.ts";
import type { NetworkOutcome, NetworkPort } from "../../../src/station/ports.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

/** APN and VPN: what the station does with what the hardware side makes of a profile's network. */
let charger: InProcessCharger;
afterEach(() => charger.dispose());

const CONNECTION_DATA = {
  messageTimeout: 30,
  ocppCsmsUrl: "ws://mobile:9000",
  ocppInterface: "Wireless0",
  ocppTransport: "JSON",
  ocppVersion: "OCPP20",
  securityProfile: 1,
};
const APN = { apn: "internet", apnAuthentication: "AUTO" };

class FakeNetwork implements NetworkPort {
  canSetUpApnAndVpn = true;
  readonly asked: { readonly ocppInterface: string; readonly limit: number; readonly apn: string | undefined }[] = [];
  outcome: (ocppInterface: string) => NetworkOutcome | Promise<NetworkOutcome> = () => ({ status: "Ready" });

  async configure({ ocppInterface, apn }: Parameters<NetworkPort["configure"]>[0], limit: number) {
    this.asked.push({ ocppInterface, limit, apn: apn?.apn });
    const outcome = await this.outcome(ocppInterface);
    if (outcome.status === "NotSupported") this.canSetUpApnAndVpn = false;
    return outcome;
  }
}

async function startWith(network: FakeNetwork | undefined, variables = {}): Promise<InProcessCharger> {
  charger = new InProcessCharger(1, { "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "3", ...variables });
  charger.network = network;
  return charger.start();
}
const setProfile = async (changes: object, configurationSlot = 2) =>
  (await charger.call("SetNetworkProfile", { configurationSlot, connectionData: { ...CONNECTION_DATA, ...changes } }))
    .body as { status: string; statusInfo?: { reasonCode: string } };
const setPriority = async (attributeValue: string) => {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [
      { component: { name: "OCPPCommCtrlr" }, variable: { name: "NetworkConfigurationPriority" }, attributeValue },
    ],
  });
  return (body as { setVariableResult: { attributeStatus: string }[] }).setVariableResult[0]?.attributeStatus;
};
/** The station is with slot 1; slot 2 with an APN is to be preferred from the next connection on. */
async function preferMobile(network: FakeNetwork): Promise<void> {
  await startWith(network);
  expect(await setProfile({ apn: APN })).toEqual({ status: "Accepted" });
  expect(await setPriority("2,1")).toBe("Accepted");
  network.asked.length = 0;
  charger.attempts.length = 0;
  charger.localAddresses.length = 0;
}
const slots = () => charger.attempts.map(({ slot }) => slot);

test("where nobody offers to set up networks, APN and VPN are refused", async () => {
  await startWith(undefined);
  const refused = { status: "Rejected", statusInfo: { reasonCode: "InvalidNetworkConf" } };
  expect(await setProfile({ apn: APN })).toMatchObject(refused);
  expect(await setProfile({ vpn: { server: "s", user: "u", password: "p", key: "k", type: "IPSec" } })).toMatchObject(
    refused,
  );
});

test("each attempt asks anew, with the time of NetworkConfigTimeout", async () => {
  const network = new FakeNetwork();
  await preferMobile(network);
  charger.deviceModel.write(InternalCtrlr.NetworkConfigTimeout, 7, "internal");
  charger.unreachableSlots.add(2);
  charger.disconnect();
  await charger.clock.advance(60_000);
  expect(slots()).toEqual([2, 2, 2, 1]);
  expect(network.asked).toEqual([
    ...Array.from({ length: 3 }, () => ({ ocppInterface: "Wireless0", limit: 7_000, apn: "internet" })),
    { ocppInterface: "Wired0", limit: 7_000, apn: undefined },
  ]);
});

describe("Ready", () => {
  test.each([
    ["10.1.2.3", "10.1.2.3"],
    ["lo", "127.0.0.1"],
    [undefined, undefined],
  ])("with the address %p the connection is bound to %p", async (interfaceAddress, bound) => {
    const network = new FakeNetwork();
    await preferMobile(network);
    network.outcome = () => ({ status: "Ready", ...(interfaceAddress !== undefined && { interfaceAddress }) });
    charger.disconnect();
    await charger.clock.advance(5_000);
    expect(slots()).toEqual([2]);
    expect(charger.localAddresses).toEqual([bound]);
    expect(charger.csms.connected).toBe(true);
  });

  test("with an interface that does not exist the next slot is due", async () => {
    const network = new FakeNetwork();
    await preferMobile(network);
    network.outcome = (name) =>
      name === "Wireless0" ? { status: "Ready", interfaceAddress: "wwan9" } : { status: "Ready" };
    charger.disconnect();
    await charger.clock.advance(10_000);
    expect(slots()).toEqual([2, 1]);
  });
});

test("Failed: the next slot is due at once, not after all attempts of this one", async () => {
  const network = new FakeNetwork();
  await preferMobile(network);
  network.outcome = (name) => (name === "Wireless0" ? { status: "Failed", reason: "no signal" } : { status: "Ready" });
  charger.disconnect();
  await charger.clock.advance(10_000);
  expect(slots()).toEqual([2, 1]);
  expect(charger.csms.connected).toBe(true);
  expect(charger.log.join("\n")).toContain("Wireless0 is not ready: no signal");
});

test("Failed for the only slot: it is tried again and again, no faster than the back-off says", async () => {
  const network = new FakeNetwork();
  network.outcome = () => ({ status: "Failed", reason: "no signal" });
  await startWith(network, { "OCPPCommCtrlr.RetryBackOffWaitMinimum": "10" });
  await charger.clock.advance(600_000);
  expect(network.asked.length).toBeGreaterThan(5);
  expect(network.asked.length).toBeLessThan(30);
  network.outcome = () => ({ status: "Ready" });
  await charger.clock.advance(120_000);
  expect(charger.csms.connected).toBe(true);
});

describe("NotSupported", () => {
  test("slots without APN and VPN connect as before, bound as the configuration says", async () => {
    const network = new FakeNetwork();
    network.outcome = () => ({ status: "NotSupported" });
    await startWith(network, { "InternalCtrlr.IFace": "127.0.0.1" });
    expect(charger.csms.connected).toBe(true);
    expect(charger.localAddresses).toEqual(["127.0.0.1"]);
  });

  test("a slot with an APN counts as failed, and further ones are Rejected", async () => {
    const network = new FakeNetwork();
    await preferMobile(network);
    network.outcome = () => ({ status: "NotSupported" });
    charger.disconnect();
    await charger.clock.advance(10_000);
    expect(slots()).toEqual([2, 1]);
    expect(charger.csms.connected).toBe(true);
    expect(await setProfile({ apn: APN })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidNetworkConf" },
    });
    expect(await setPriority("2,1")).toBe("Rejected");
    expect(await setProfile({})).toEqual({ status: "Accepted" });
    expect(await setPriority("2,1")).toBe("Accepted");
  });
});
