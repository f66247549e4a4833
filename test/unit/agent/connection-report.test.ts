import { expect, test } from "bun:test";
import { reportConnection } from "../../../src/agent/connection-report.ts";
import { createObserverPort } from "../../../src/bridge/observer.ts";
import type { EverestModule } from "../../../src/everest/everest-module.ts";
import { Emitter } from "../../../src/lib/events.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import type { CsmsLink, LinkEvents } from "../../../src/ocpp/csms-link.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const PROFILE = { slot: 2, url: "ws://csms:9000/ocpp", securityProfile: 1, ocppInterface: "Wired0" };

/** What the other modules hear while the link goes up and down. */
function listen(features: { isConnected: boolean; connectionStatus: boolean }) {
  const events = new Emitter<LinkEvents>();
  const heard: unknown[] = [];
  const module = {
    features,
    publish: (_implementation: string, _interface: string, name: string, value: unknown) => heard.push([name, value]),
  } as unknown as EverestModule;
  const deviceModel = { read: () => "cp001" };
  reportConnection(
    { events } as unknown as CsmsLink,
    deviceModel as never,
    createObserverPort(module, new FakeClock(), silentLogger),
  );
  const connect = () =>
    events.emit("connected", {
      profile: PROFILE,
      offlineMilliseconds: undefined,
      switchedProfile: false,
      serverChain: [],
      serverValidity: undefined,
    });
  return { events, heard, connect };
}

const DETAILS = {
  csms_url: "ws://csms:9000/ocpp",
  identity: "cp001",
  security_profile: 1,
  configuration_slot: 2,
  ocpp_interface: "Wired0",
  ocpp_transport: "JSON",
};

test("connection_status tells all members at each connection and loss (CHANGES b.1)", () => {
  const { connect, events, heard } = listen({ isConnected: false, connectionStatus: true });
  connect();
  events.emit("disconnected", { reason: "gone" });
  expect(heard).toEqual([
    ["connection_status", { connected: true, ...DETAILS, ocpp_version: "2.0.1" }],
    ["connection_status", { connected: false, ...DETAILS, ocpp_version: "2.0.1" }],
  ]);
});

test("a profile that has used up its attempts is told; before the first connection there is no version", () => {
  const { events, heard } = listen({ isConnected: false, connectionStatus: true });
  events.emit("profileFailed", { profile: PROFILE });
  expect(heard).toEqual([["connection_status", { connected: false, ...DETAILS }]]);
});

test("before August is_connected tells changes only, and nothing else is published", () => {
  const { connect, events, heard } = listen({ isConnected: true, connectionStatus: false });
  events.emit("profileFailed", { profile: PROFILE });
  connect();
  events.emit("disconnected", { reason: "gone" });
  events.emit("profileFailed", { profile: PROFILE });
  expect(heard).toEqual([
    ["is_connected", true],
    ["is_connected", false],
  ]);
});
