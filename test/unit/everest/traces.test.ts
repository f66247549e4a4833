import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { toMeterReading } from "../../../src/bridge/meter-reading.ts";
import { toEvseEvent } from "../../../src/bridge/session-event.ts";
import { toAuthorizationQuery } from "../../../src/bridge/tokens.ts";
import {
  ConfigAnswerSchema,
  ModuleConfigurationSchema,
  toModuleConfiguration,
} from "../../../src/everest/configuration.ts";
import { openCommand, openConfiguration, openVariable } from "../../../src/everest/envelope.ts";
import { COMMANDS, VARIABLES } from "../../../src/everest/interfaces/index.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

/** Our own recordings of a real EVerest, trimmed to what the station hears and says. */
interface Recorded {
  readonly time: string;
  readonly topic: string;
  readonly payload: unknown;
}
const readTrace = (name: string): readonly Recorded[] =>
  readFileSync(join(import.meta.dir, "../../fixtures/traces", name), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Recorded);

let charger: InProcessCharger | undefined;
afterEach(() => {
  charger?.dispose();
  charger = undefined;
});

test("the recorded configuration answer is understood", () => {
  const answers = readTrace("01_boot.jsonl").filter(({ topic }) => topic === "everest/modules/ocpp/response");
  const answer = v.parse(ConfigAnswerSchema, openConfiguration(JSON.stringify(answers[0]?.payload)));
  const { data } = v.parse(v.object({ data: ModuleConfigurationSchema }), answer.response);
  const configuration = toModuleConfiguration(data, "ocpp");
  expect(configuration.moduleName).toBe("OCPP201");
  expect(configuration.connections.get("evse_manager")?.length).toBeGreaterThan(0);
  expect(configuration.parameters.get("MessageLogPath")).toBeString();
});

/** What counts of a message: the recording is of another implementation, whose optional members may differ. */
function essence(action: string, payload: Record<string, unknown>): string {
  const { chargingState, stoppedReason } = (payload.transactionInfo ?? {}) as {
    chargingState?: string;
    stoppedReason?: string;
  };
  const token = (payload.idToken as { idToken?: string } | undefined)?.idToken;
  return [
    action,
    payload.connectorStatus,
    payload.eventType,
    payload.triggerReason,
    chargingState,
    stoppedReason,
    token,
    payload.offline === true ? "offline" : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(" ");
}

/** Hears the recorded bus messages at their recorded distances. */
async function replay(trace: readonly Recorded[], station: InProcessCharger): Promise<void> {
  let last = Date.parse(trace[0]?.time ?? "");
  for (const { time, topic, payload } of trace) {
    await station.clock.advance(Math.max(0, Math.min(Date.parse(time) - last, 2_000)));
    last = Date.parse(time);
    hear(topic, JSON.stringify(payload), station);
  }
  await station.clock.advance(100);
}

function hear(topic: string, text: string, station: InProcessCharger): void {
  const evseId = Number(/evse_manager_(\d)/.exec(topic)?.[1] ?? 0);
  if (topic.endsWith("/var/session_event")) {
    const event = toEvseEvent(
      evseId,
      v.parse(VARIABLES.evse_manager.session_event, openVariable(text)?.value),
      station.clock.now(),
    );
    if (event !== undefined) station.hardwareEvents.emit("evse", event);
  } else if (topic.endsWith("/var/powermeter")) {
    const meter = v.parse(VARIABLES.evse_manager.powermeter, openVariable(text)?.value);
    station.hardwareEvents.emit("meter", { evseId, reading: toMeterReading(meter, station.clock.now()) });
  } else if (topic.endsWith("/cmd/validate_token")) {
    const { provided_token } = v.parse(COMMANDS.auth_token_validator.validate_token.args, openCommand(text)?.args);
    void station.services.authorization.authorize(toAuthorizationQuery(provided_token));
  }
}

describe("a recorded session heard again makes the recorded messages", () => {
  test.each([
    "02_plug_first_then_rfid_unplug.jsonl",
    "03_rfid_first_then_plug_stop_by_rfid.jsonl",
    "09_offline_transaction.jsonl",
  ])("%s", async (name) => {
    const trace = readTrace(name);
    charger = await new InProcessCharger(1, { "SampledDataCtrlr.TxUpdatedInterval": "0" }).start();
    await charger.clock.advance(1_000);
    const offline = name.includes("offline");
    if (offline) {
      charger.reachable = false;
      charger.disconnect();
    }
    const from = charger.calls.length;
    await replay(trace, charger);
    charger.reachable = true;
    await charger.clock.advance(offline ? 60_000 : 100);
    const wanted = (action: string) => action === "TransactionEvent" || (action === "StatusNotification" && !offline);
    const recorded = trace
      .filter(({ topic }) => topic === "OCPP station>csms")
      .map(({ payload }) => payload as [number, string, string, Record<string, unknown>])
      .filter(([type, , action]) => type === 2 && wanted(action))
      .map(([, , action, payload]) => essence(action, payload));
    const made = charger.calls
      .slice(from)
      .filter(({ action }) => wanted(action))
      .map(({ action, payload }) => essence(action, payload));
    expect(made).toEqual(recorded);
  });
});
