import { describe, expect, test } from "bun:test";
import { csmsUrlDefect, stationUrl } from "../../../src/ocpp/station-url.ts";

describe("the connection URL ends with the station's identity (A00.FR.204, FR.303; part 4, 3.1.1)", () => {
  test.each([
    ["ws://csms.example:9000", 1, "cp001", "ws://csms.example:9000/cp001"],
    ["ws://csms.example/ocpp/", 1, "cp001", "ws://csms.example/ocpp/cp001"],
    ["ws://csms.example/ocpp/cp001", 1, "cp001", "ws://csms.example/ocpp/cp001"],
    ["ws://csms.example/ocpp/cp001/", 1, "cp001", "ws://csms.example/ocpp/cp001"],
    ["ws://csms.example/notcp001", 1, "cp001", "ws://csms.example/notcp001/cp001"],
    ["wss://csms.example/ocpp?tenant=7", 2, "cp001", "wss://csms.example/ocpp/cp001?tenant=7"],
    ["wss://csms.example", 3, "DE*ABC/1 ä", "wss://csms.example/DE*ABC%2F1%20%C3%A4"],
    ["csms.example:9000/ocpp", 1, "cp001", "ws://csms.example:9000/ocpp/cp001"],
    ["csms.example/ocpp", 2, "cp001", "wss://csms.example/ocpp/cp001"],
    ["ws://[::1]:9000", 1, "cp001", "ws://[::1]:9000/cp001"],
  ])("%s, profile %d, identity %s", (url, securityProfile, identity, expected) => {
    expect(stationUrl(url, securityProfile, identity)).toBe(expected);
  });
});

describe("a URL that does not fit the security profile is named (A00.FR.312, FR.415)", () => {
  test.each([
    ["ws://csms.example", 2, "wss://"],
    ["ws://csms.example", 3, "wss://"],
    ["wss://csms.example", 1, "ws://"],
    ["https://csms.example", 2, "wss://"],
    ["wss://user:secret@csms.example", 2, "user information"],
    ["wss://csms.example/#top", 2, "fragment"],
    ["ws://", 1, "cannot be read"],
  ])("%s with profile %d", (url, securityProfile, complaint) => {
    expect(csmsUrlDefect(url, securityProfile)).toContain(complaint);
    expect(() => stationUrl(url, securityProfile, "cp001")).toThrow(complaint);
  });

  test("what fits has no defect", () => {
    expect(csmsUrlDefect("wss://csms.example/ocpp", 3)).toBeUndefined();
    expect(csmsUrlDefect("ws://10.0.0.1:80", 1)).toBeUndefined();
  });
});
