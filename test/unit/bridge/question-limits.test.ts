import { expect, test } from "bun:test";
import { Glob } from "bun";
import { askedOf } from "../../../src/bridge/question-limits.ts";
import type { InterfaceName } from "../../../src/everest/everest-module.ts";
import { COMMANDS } from "../../../src/everest/interfaces/index.ts";

/** What is asked one after the other while the CSMS waits for the answer to its CALL. */
const QUESTIONS: Readonly<Record<string, readonly (readonly [InterfaceName, string])[]>> = {
  UnlockConnector: [["evse_manager", "force_unlock"]],
  RequestStopTransaction: [
    ["evse_manager", "stop_transaction"],
    ["evse_manager", "withdraw_authorization"],
  ],
  RequestStartTransaction: [["reservation", "exists_reservation"]],
  ReserveNow: [["reservation", "reserve_now"]],
  CancelReservation: [["reservation", "cancel_reservation"]],
  Reset: [["system", "is_reset_allowed"]],
  UpdateFirmware: [
    ["evse_security", "verify_certificate"],
    ["system", "update_firmware"],
  ],
  GetLog: [["system", "upload_logs"]],
  DataTransfer: [["ocpp_data_transfer", "data_transfer"]],
  InstallCertificate: [
    ["evse_security", "get_installed_certificates"],
    ["evse_security", "get_verify_file"],
    ["evse_security", "get_verify_location"],
    ["evse_security", "get_verify_file"],
    ["evse_security", "get_verify_location"],
    ["evse_security", "get_installed_certificates"],
    ["evse_security", "install_ca_certificate"],
  ],
  DeleteCertificate: [
    ["evse_security", "get_leaf_certificate_info"],
    ["evse_security", "get_leaf_certificate_info"],
    ["evse_security", "get_installed_certificates"],
    ["evse_security", "delete_certificate"],
  ],
  GetInstalledCertificateIds: [["evse_security", "get_installed_certificates"]],
  CertificateSigned: [
    ["evse_security", "get_leaf_certificate_info"],
    ["evse_security", "update_leaf_certificate"],
  ],
  SetDisplayMessage: [
    ["display_message", "set_display_message"],
    ["display_message", "set_display_message"],
  ],
  ClearDisplayMessage: [
    ["display_message", "set_display_message"],
    ["display_message", "clear_display_message"],
  ],
  GetDisplayMessages: [["display_message", "get_display_messages"]],
  SetVariables: [["evse_security", "is_ca_certificate_installed"]],
  SetNetworkProfile: [["evse_security", "is_ca_certificate_installed"]],
};

test.each(Object.entries(QUESTIONS))(
  "modules that do not answer: %s is answered within 25 s all the same",
  (_action, questions) => {
    const known = questions.every(([name, command]) => Object.hasOwn(COMMANDS[name], command));
    const limits = questions.map(([name, command]) => askedOf(name, command).limitMilliseconds);
    expect(known).toBe(true);
    expect(limits.reduce((sum, limit) => sum + limit, 0)).toBeLessThanOrEqual(25_000);
  },
);

test("every question that is asked has a limit below a minute and a word for the log", async () => {
  const interfaces = Object.keys(COMMANDS) as InterfaceName[];
  const asked = new Set<string>();
  for (const folder of ["bridge", "agent"])
    for await (const file of new Glob(`src/${folder}/*.ts`).scan("."))
      for (const [, command = ""] of (await Bun.file(file).text()).matchAll(/\.call\(\s*"([a-z_0-9]+)"/g))
        asked.add(command);
  expect(asked.size).toBeGreaterThan(25);
  for (const command of asked) {
    const rows = interfaces.flatMap((name) => {
      try {
        return [askedOf(name, command)];
      } catch {
        return [];
      }
    });
    expect([command, rows.length]).toEqual([command, 1]);
    for (const { limitMilliseconds, about } of rows) {
      // How long a network may take, InternalCtrlr.NetworkConfigTimeout says.
      expect(limitMilliseconds).toBeLessThanOrEqual(command === "configure_network" ? 3_600_000 : 60_000);
      expect(about).not.toBe("");
    }
  }
});

test("a question without a row cannot be asked", () => {
  expect(() => askedOf("evse_manager", "get_coffee")).toThrow("evse_manager.get_coffee has no limit");
});
