import { expect, test } from "bun:test";
import * as v from "valibot";
import { ENUM_ARRAYS, VARIABLES } from "../../../src/everest/interfaces/index.ts";
import { withPositions } from "../../../src/everest/interfaces/sending.ts";

const sent = (what: string, value: unknown) => withPositions(value, ENUM_ARRAYS[what]);

test("what is sent: names as positions where a type holds the array, and nothing else is touched (PROTOCOL 14)", () => {
  const result = { authorization_status: "Accepted", allowed_energy_transfer_modes: ["DC", "AC_two_phase"] };
  expect(sent("auth_token_validator.validate_token.result", result)).toEqual({
    authorization_status: "Accepted",
    allowed_energy_transfer_modes: [7, 1],
  });
  const update = { validation_result: result, connector_id: 1 };
  expect(sent("auth_token_validator.validate_result_update", update)).toMatchObject({
    connector_id: 1,
    validation_result: { allowed_energy_transfer_modes: [7, 1] },
  });
  const without = { authorization_status: "Accepted" };
  expect(sent("auth_token_validator.validate_token.result", without)).toEqual(without);
});

test("a word that came later has no position: it is left out, since a C++ module would end over it", () => {
  const result = { allowed_energy_transfer_modes: ["AC_DER_IEC", "DC"] };
  expect(sent("auth_token_validator.validate_token.result", result)).toEqual({ allowed_energy_transfer_modes: [7] });
});

test("an array that is an argument itself travels as names in every generation", () => {
  const args = { allowed_energy_transfer_modes: ["DC"] };
  expect(sent("evse_manager.update_allowed_energy_transfer_modes.args", args)).toEqual(args);
});

test("what is received: positions count as the older generation declares them, names are taken from both (CHANGES a.2)", () => {
  const received = (reasons: unknown) =>
    v.parse(VARIABLES.evse_manager.session_event, {
      uuid: "u",
      timestamp: "",
      event: "ChargingPausedEVSE",
      charging_paused_evse: { reasons },
    });
  expect(received([0, 2])).toMatchObject({ charging_paused_evse: { reasons: ["UserPause", "NoEnergy"] } });
  expect(received(["NoEnergy"])).toMatchObject({ charging_paused_evse: { reasons: ["NoEnergy"] } });
});
