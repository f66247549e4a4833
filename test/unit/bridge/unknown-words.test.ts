import { expect, test } from "bun:test";
import { createDataTransferPort } from "../../../src/bridge/data-transfer.ts";
import { createSystemPort } from "../../../src/bridge/hardware.ts";
import { createReservationPort } from "../../../src/bridge/reservation.ts";
import { createSecurityPort } from "../../../src/bridge/security.ts";
import { toEvseEvent } from "../../../src/bridge/session-event.ts";
import { toEnergyTransferModes } from "../../../src/bridge/vehicle.ts";
import { openError } from "../../../src/everest/envelope.ts";
import type { InterfaceName, Peer } from "../../../src/everest/everest-module.ts";
import type { EvseManagerSessionEvent } from "../../../src/everest/interfaces/index.ts";

/** A module that answers every command with the same. */
const answering = <I extends InterfaceName>(result: unknown) => ({ call: async () => result }) as unknown as Peer<I>;
const HASH = { hashAlgorithm: "SHA256", issuerNameHash: "a", issuerKeyHash: "b", serialNumber: "1" } as const;
const everestHash = (hash_algorithm: string) => ({
  hash_algorithm,
  issuer_name_hash: "a",
  issuer_key_hash: "b",
  serial_number: "1",
});

test("an unknown boot reason would have kept the station from ever booting", async () => {
  expect(await createSystemPort(answering("Sunrise")).bootReason()).toBe("Unknown");
});

test("unknown answers to orders are no: they must neither go on to the CSMS nor count as yes", async () => {
  const location = "ftp://x";
  const system = createSystemPort(answering("Perhaps"));
  expect(await system.updateFirmware({ requestId: 1, location, retrieveDateTime: "2026-01-01T00:00:00Z" })).toBe(
    "Rejected",
  );
  const logs = createSystemPort(answering({ upload_logs_status: "Perhaps" }));
  expect(await logs.uploadLogs({ requestId: 1, type: "SecurityLog", location })).toEqual({ status: "Rejected" });
  const security = createSecurityPort(answering("Perhaps"));
  expect(await security.deleteCertificate(HASH)).toBe("Failed");
  expect(await security.verifyCertificate("PEM", ["CSMS"])).toBe("Unknown");
  expect(await security.installCaCertificate("PEM", "CSMS")).toBe("Rejected");
  const transfer = createDataTransferPort(answering({ status: "Perhaps" }));
  expect(await transfer.deliver?.({ vendorId: "v" })).toEqual({ status: "Rejected" });
});

test("what is unknown may be a reservation for somebody else", async () => {
  const token = { idToken: "A", type: "Local" } as const;
  const isReserved = (word: string) => createReservationPort(answering(word)).isReservedForOther(1, token);
  expect(await isReserved("ReservedForSomething")).toBe(true);
  expect(await isReserved("ReservedForOtherTokenAndHasParentToken")).toBe(false);
});

test("certificates of kinds that OCPP has no word for are not reported, the others are", async () => {
  const chain = (certificate_type: string, algorithm: string) => ({
    certificate_type,
    certificate_hash_data: everestHash(algorithm),
    child_certificate_hash_data: [everestHash("MD5"), everestHash("SHA384")],
  });
  const certificate_hash_data_chain = [
    chain("MFRootCertificate", "SHA256"),
    chain("MoonRootCertificate", "SHA256"),
    chain("V2GRootCertificate", "MD5"),
  ];
  const security = createSecurityPort(answering({ status: "Accepted", certificate_hash_data_chain }));
  const children = [{ ...HASH, hashAlgorithm: "SHA384" as const }];
  expect(await security.installedCertificates([])).toEqual([
    { use: "ManufacturerRootCertificate", hash: HASH, children },
  ]);
  const ocsp = (algorithm: string) => ({ certificate_hash_data: everestHash(algorithm), responder_url: "http://o" });
  const list = { ocsp_request_data_list: [ocsp("SHA1"), ocsp("SHA256")] };
  expect(await createSecurityPort(answering(list)).v2gOcspRequestData()).toEqual([
    { ...HASH, responderURL: "http://o" },
  ]);
});

test("an error whose state nobody knows is what its envelope says", () => {
  const stateOf = (msg_type: string, state?: string) =>
    openError(
      JSON.stringify({
        msg_type,
        data: {
          type: "a/B",
          origin: { module_id: "m", implementation_id: "i" },
          ...(state !== undefined && { state }),
        },
      }),
    )?.state;
  expect([stateOf("RaiseError", "Latched"), stateOf("RaiseError")]).toEqual(["Active", "Active"]);
  expect([stateOf("ClearError", "ClearedBySunrise"), stateOf("ClearError")]).toEqual([
    "ClearedByModule",
    "ClearedByModule",
  ]);
  expect(stateOf("RaiseError", "ClearedByModule")).toBe("ClearedByModule"); // PROTOCOL 12.2
});

test("a mode of energy transfer that nobody knows is not in the list of those that are supported", () => {
  const modes = ["DC_extended", "Wireless", "unknown 27", "AC_BPT"] as unknown as Parameters<
    typeof toEnergyTransferModes
  >[0];
  expect(toEnergyTransferModes(modes)).toEqual({ names: ["DC", "AC_BPT"], bidirectional: true });
});

test("a session that starts for an unknown reason began with its token, and without one with the cable", () => {
  const reasonOf = (session_started: object) => {
    const event = { event: "SessionStarted", uuid: "s", timestamp: "", session_started };
    return toEvseEvent(1, event as unknown as EvseManagerSessionEvent, new Date(0));
  };
  const id_tag = { id_token: { value: "A", type: "Local" }, authorization_type: "RFID" };
  expect(reasonOf({ reason: "Magic", id_tag })).toMatchObject({ reason: "Authorized" });
  expect(reasonOf({ reason: "Magic" })).toMatchObject({ reason: "EVConnected" });
});
