import { afterEach, expect, test } from "bun:test";
import { AgentCharger, type AgentChargerOptions } from "../support/agent-charger.ts";

/** `configure_network` on EVerest's bus, with a real socket to the CSMS. */
let charger: AgentCharger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

type Request = { readonly request_id: number; readonly interface: string; readonly apn?: unknown };
const asked = ({ everest }: AgentCharger): readonly Request[] =>
  everest.recorded("configure_network").map(({ request }) => request as Request);
const tell = ({ everest }: AgentCharger, status: object): Promise<void> =>
  everest.bus.variable("system", "main", "configure_network_status", status);

const AUGUST: readonly AgentChargerOptions[] = [{ release: "2026-08" }, { release: "2026-08", slot: "OCPPmulti" }];

for (const options of AUGUST)
  test(`August, in the slot of ${options.slot ?? "OCPP201"}: each attempt asks, and waits for the status with its number`, async () => {
    charger = await AgentCharger.prepare(options);
    const station = charger;
    const { csms, everest } = station;
    everest.answer("system.configure_network", (args) => {
      const { request_id } = (args as { request: Request }).request;
      // Of another attempt, then the right one, and that twice.
      void tell(station, { request_id: request_id + 100, status: "Failed" })
        .then(() => tell(station, { request_id, status: "Ready", interface_address: "127.0.0.1" }))
        .then(() => tell(station, { request_id, status: "Failed" }));
      return { status: "Processing" };
    });
    await station.startStation();
    expect(asked(station)).toEqual([{ request_id: 1, interface: "Wired0" }]);

    const connectionData = {
      messageTimeout: 30,
      ocppCsmsUrl: csms.url,
      ocppInterface: "Wireless0",
      ocppTransport: "JSON",
      ocppVersion: "OCPP20",
      securityProfile: 1,
      apn: { apn: "internet", apnAuthentication: "AUTO", simPin: 87654321 },
    };
    expect(await csms.send("SetNetworkProfile", { configurationSlot: 2, connectionData } as never)).toMatchObject({
      response: { status: "Accepted" },
    });
    await csms.send("SetVariables", {
      setVariableData: [
        {
          component: { name: "OCPPCommCtrlr" },
          variable: { name: "NetworkConfigurationPriority" },
          attributeValue: "2,1",
        },
      ],
    });
    await station.stopStation();
    await station.startStation();
    expect(asked(station).at(-1)).toEqual({
      request_id: 1,
      interface: "Wireless0",
      apn: {
        apn: "internet",
        apn_authentication: "AUTO",
        sim_pin: "87654321",
        use_only_preferred_network: false,
      },
    });
    expect(everest.violations).toEqual([]);
    expect(station.log.join("\n")).not.toContain("87654321");
  }, 20_000);

test("May: the command is not offered, so nobody is asked, and an APN is refused", async () => {
  charger = await AgentCharger.start({ release: "2026-05" });
  const { csms } = charger;
  const connectionData = {
    messageTimeout: 30,
    ocppCsmsUrl: csms.url,
    ocppInterface: "Wireless0",
    ocppTransport: "JSON",
    ocppVersion: "OCPP20",
    securityProfile: 1,
    apn: { apn: "internet", apnAuthentication: "AUTO" },
  };
  expect(await csms.send("SetNetworkProfile", { configurationSlot: 2, connectionData } as never)).toMatchObject({
    response: { status: "Rejected", statusInfo: { reasonCode: "InvalidNetworkConf" } },
  });
  expect(asked(charger)).toEqual([]);
}, 20_000);
