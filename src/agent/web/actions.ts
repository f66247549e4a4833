import type { HeartbeatOutcome, StationActions } from "../../web/source.ts";
import type { ObservedStation } from "../observed-station.ts";

/** What may be asked for without harm to anybody who charges. */
export function stationActions({ context: { clock, csms }, station }: ObservedStation): StationActions {
  return {
    reconnect() {
      if (csms.status.state === "stopped") return false;
      csms.reconnect("asked for on the web page");
      return true;
    },
    async sendHeartbeat(): Promise<HeartbeatOutcome> {
      const sentAt = clock.monotonicMilliseconds();
      const outcome = await csms.call("Heartbeat", {});
      if (outcome.kind === "response") {
        station.services.stationTime.synchronize(outcome.response.currentTime, clock.monotonicMilliseconds() - sentAt);
        return "answered";
      }
      if (outcome.kind === "error") return "refused";
      return outcome.kind === "timeout" ? "timeout" : "offline";
    },
  };
}
