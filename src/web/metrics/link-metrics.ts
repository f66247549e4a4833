import type { Registry } from "prom-client";
import type { Clock } from "../../lib/clock.ts";
import type { ConnectionStatus } from "../../ocpp/connection.ts";
import type { ConnectionFailure } from "../../ocpp/connection-failure.ts";
import type { Registration } from "../../ocpp/csms-link.ts";
import { CALL_ERROR_CODES } from "../../ocpp/errors.ts";
import { actionLabel, counter, histogram, labelOf, readCounter, readGauge, single, states } from "./definition.ts";
import type { MeasuredStation } from "./source.ts";

const CONNECTION_STATES: readonly ConnectionStatus["state"][] = ["stopped", "connecting", "connected", "waiting"];
const REGISTRATIONS: readonly Registration[] = ["Unregistered", "Pending", "Accepted", "Rejected"];
const FAILURES: readonly ConnectionFailure["kind"][] = ["network", "tls", "refused", "subprotocol", "configuration"];
/** From a CSMS next door to the message timeout. */
const CALL_SECONDS = [0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

function connectionMetrics(registry: Registry, { csms }: MeasuredStation): void {
  const state = { name: "ocpp_connection_state", help: "State of the connection to the CSMS, 1 for the one that is." };
  readGauge(registry, { ...state, labels: ["state"] }, () => states("state", CONNECTION_STATES, csms.status.state));
  const registration = {
    name: "ocpp_registration_state",
    help: "What the CSMS has answered to BootNotification, 1 for the one that is.",
  };
  readGauge(registry, { ...registration, labels: ["state"] }, () => states("state", REGISTRATIONS, csms.registration));
  readGauge(
    registry,
    { name: "ocpp_network_profile_slot", help: "Slot of the network profile in use or tried last." },
    () => single(csms.status.slot),
  );
  readCounter(registry, { name: "ocpp_connection_attempts_total", help: "Attempts to connect to the CSMS." }, () =>
    single(csms.status.attempts),
  );
  readCounter(registry, { name: "ocpp_connections_total", help: "Connections to the CSMS that were made." }, () =>
    single(csms.status.connections),
  );
  const losses = counter(registry, {
    name: "ocpp_connection_losses_total",
    help: "Connections to the CSMS that ended, for whatever reason.",
  });
  const failures = counter(registry, {
    name: "ocpp_connection_failures_total",
    help: "Attempts that failed, by the kind of failure.",
    labels: ["kind"],
  });
  for (const kind of FAILURES) failures.inc({ kind }, 0);
  csms.events.on("disconnected", () => losses.inc());
  csms.events.on("connectionFailed", ({ failure }) => failures.inc({ kind: failure.kind }));
  let validUntil: Date | undefined;
  csms.events.on("connected", ({ serverValidity }) => {
    validUntil = serverValidity?.until;
  });
  readGauge(
    registry,
    {
      name: "ocpp_csms_certificate_expiry_timestamp_seconds",
      help: "When the first certificate of the CSMS's chain expires; absent without TLS.",
    },
    () => single(validUntil && validUntil.getTime() / 1000),
  );
}

function callMetrics(registry: Registry, { csms }: MeasuredStation): void {
  const sent = {
    name: "ocpp_call_duration_seconds",
    help: "Round trip of a CALL of the station, until its CALLRESULT or CALLERROR.",
    labels: ["action"] as const,
  };
  const roundTrips = histogram(registry, sent, CALL_SECONDS);
  const received = {
    name: "ocpp_handling_duration_seconds",
    help: "Time from a CALL of the CSMS to the station's answer.",
    labels: ["action"] as const,
  };
  const handling = histogram(registry, received, CALL_SECONDS);
  const errors = counter(registry, {
    name: "ocpp_call_errors_total",
    help: "CALLERRORs, by who sent them and their code.",
    labels: ["sender", "code"],
  });
  const unanswered = counter(registry, {
    name: "ocpp_unanswered_calls_total",
    help: "CALLs of the station that got no answer in time, or lost their connection before.",
    labels: ["action", "reason"],
  });
  csms.events.on("callEnded", ({ direction, action: name, outcome, code = "", milliseconds }) => {
    const action = actionLabel(name);
    if (outcome === "timeout" || outcome === "offline") return unanswered.inc({ action, reason: outcome });
    if (outcome === "error")
      errors.inc({ sender: direction === "sent" ? "csms" : "station", code: labelOf(code, CALL_ERROR_CODES) });
    (direction === "sent" ? roundTrips : handling).observe({ action }, milliseconds / 1000);
  });
  const invalid = counter(registry, {
    name: "ocpp_invalid_frames_total",
    help: "Frames of the CSMS that are no OCPP-J message.",
  });
  csms.events.on("invalidMessage", () => invalid.inc());
}

function queueMetrics(registry: Registry, { csms, core }: MeasuredStation, clock: Clock): void {
  readGauge(
    registry,
    { name: "ocpp_queue_messages", help: "Messages that wait for the CSMS.", labels: ["queue"] },
    () => {
      const { durable, normal, memory } = csms.waitingMessages;
      return [
        [{ queue: "durable" }, durable.length],
        [{ queue: "normal" }, normal.length],
        [{ queue: "memory" }, memory],
        [{ queue: "put_aside" }, core.durableQueue.putAsideLength],
      ];
    },
  );
  readGauge(
    registry,
    {
      name: "ocpp_queue_oldest_message_age_seconds",
      help: "Age of the oldest message that waits, 0 without one.",
      labels: ["queue"],
    },
    () => {
      const { durable, normal } = csms.waitingMessages;
      const age = (oldest: Date | undefined): number =>
        oldest === undefined ? 0 : Math.max(0, clock.now().getTime() - oldest.getTime()) / 1000;
      return [
        [{ queue: "durable" }, age(durable.oldest)],
        [{ queue: "normal" }, age(normal.oldest)],
      ];
    },
  );
  const dropped = counter(registry, {
    name: "ocpp_messages_dropped_total",
    help: "Messages that the CSMS will never get, by action and reason.",
    labels: ["action", "reason"],
  });
  csms.events.on("dropped", ({ action, reason, count }) => dropped.inc({ action: actionLabel(action), reason }, count));
}

/** The connection to the CSMS, the CALLs of both sides, and what waits for it. */
export function linkMetrics(registry: Registry, station: MeasuredStation, clock: Clock): void {
  connectionMetrics(registry, station);
  callMetrics(registry, station);
  queueMetrics(registry, station, clock);
}
