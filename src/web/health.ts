import type { ConnectionStatus } from "../ocpp/connection.ts";
import type { Registration } from "../ocpp/csms-link.ts";

/** What the health of a station that has been put together follows from. */
export interface HealthFacts {
  readonly isBrokerConnected: boolean;
  readonly connection: ConnectionStatus;
  readonly registration: Registration;
  /** Messages in the durable queue, and how many it takes before some are dropped. */
  readonly queuedMessages: number;
  readonly queueLimit: number;
  /** `EVSE.connector`, e.g. `1.1`. */
  readonly faultedConnectors: readonly string[];
}

export interface HealthReason {
  /** For programs: one of the table in docs/METRICS.md. */
  readonly code: "starting" | "broker" | "csms" | "registration" | "queue" | "fault";
  /** For people. */
  readonly text: string;
}

/**
 * `starting`: the station does not serve drivers yet; `degraded`: it does, and something is amiss that a restart would not
 * mend; `ok`.
 */
export interface Health {
  readonly status: "starting" | "degraded" | "ok";
  readonly ready: boolean;
  readonly reasons: readonly HealthReason[];
}

/** A queue that is so full will soon lose messages. */
const FULL_QUEUE_SHARE = 0.8;

function connectionReason({ connection, registration }: HealthFacts): HealthReason | undefined {
  const { state, lastFailure, lastLoss } = connection;
  if (state === "stopped") return { code: "csms", text: "the connection to the CSMS is switched off" };
  if (state !== "connected") {
    const why = lastFailure?.failure.text ?? lastLoss?.reason;
    return { code: "csms", text: `not connected to the CSMS${why === undefined ? "" : `: ${why}`}` };
  }
  if (registration === "Accepted") return undefined;
  const said = registration === "Unregistered" ? "has not answered to BootNotification yet" : `says ${registration}`;
  return { code: "registration", text: `the CSMS ${said}` };
}

/** Pure. Undefined facts: the station has not been put together. */
export function healthOf(isStarted: boolean, facts: HealthFacts | undefined): Health {
  const reasons: HealthReason[] = [];
  if (facts !== undefined && !facts.isBrokerConnected)
    reasons.push({ code: "broker", text: "not connected to EVerest's MQTT broker" });
  if (!isStarted || facts === undefined) {
    const text = "waiting for EVerest: its manager, or EVSEs that are not ready";
    return { status: "starting", ready: false, reasons: [{ code: "starting", text }, ...reasons] };
  }
  const connection = connectionReason(facts);
  if (connection !== undefined) reasons.push(connection);
  const { queuedMessages, queueLimit, faultedConnectors } = facts;
  if (queuedMessages >= queueLimit * FULL_QUEUE_SHARE)
    reasons.push({ code: "queue", text: `${queuedMessages} messages wait for the CSMS, room is for ${queueLimit}` });
  if (faultedConnectors.length > 0)
    reasons.push({ code: "fault", text: `faulted: connector ${faultedConnectors.join(", ")}` });
  return { status: reasons.length === 0 ? "ok" : "degraded", ready: true, reasons };
}
