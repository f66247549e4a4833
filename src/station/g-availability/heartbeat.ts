import { OCPPCommCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";

/** A Heartbeat is sent at least this often when it serves to keep the clock right (G02.FR.07). */
const LONGEST_SILENCE_MILLISECONDS = 24 * 3600 * 1000;

/** G02: Heartbeat after HeartbeatInterval seconds in which nothing else was sent (G02.FR.02, FR.05). */
export const heartbeat = declareBlock({
  name: "heartbeat",
  letter: "G",
  needs: ["stationTime", "triggers"],
  hears: { "station.accepted": "follow-up", "link.message": "reading" },
  create,
});

function create({ clock, csms, deviceModel, stationTime, triggers }: Given<"stationTime" | "triggers">) {
  let timer: Timer | undefined;
  let lastSentMilliseconds = 0;
  let lastHeartbeatMilliseconds = 0;
  let unsubscribe = (): void => {};

  const send = async (beforeAccepted: boolean): Promise<void> => {
    const sentAt = clock.monotonicMilliseconds();
    const outcome = await csms.call("Heartbeat", {}, { beforeAccepted });
    if (outcome.kind !== "response") return;
    stationTime.synchronize(outcome.response.currentTime, clock.monotonicMilliseconds() - sentAt);
  };

  const dueMilliseconds = (intervalMilliseconds: number): number =>
    Math.min(
      lastSentMilliseconds + intervalMilliseconds,
      lastHeartbeatMilliseconds + Math.max(LONGEST_SILENCE_MILLISECONDS, intervalMilliseconds),
    );

  const schedule = (): void => {
    timer?.cancel();
    timer = undefined;
    const intervalMilliseconds = (deviceModel.read(OCPPCommCtrlr.HeartbeatInterval) ?? 0) * 1000;
    if (intervalMilliseconds <= 0 || csms.registration !== "Accepted") return;
    timer = clock.after(dueMilliseconds(intervalMilliseconds) - clock.monotonicMilliseconds(), () => {
      const now = clock.monotonicMilliseconds();
      if (now >= dueMilliseconds(intervalMilliseconds)) {
        lastSentMilliseconds = lastHeartbeatMilliseconds = now;
        if (csms.connected) void send(false);
      }
      schedule();
    });
  };

  /** The interval that came with the acceptance is in the variable (G02.FR.01). */
  const restart = (): void => {
    lastSentMilliseconds = lastHeartbeatMilliseconds = clock.monotonicMilliseconds();
    schedule();
  };

  triggers.register("Heartbeat", () => () => void send(true));

  return {
    hears: {
      "station.accepted": restart,
      "link.message": ({ direction }: HeardEvents["link.message"]) => {
        if (direction === "sent") lastSentMilliseconds = clock.monotonicMilliseconds();
      },
    },
    start() {
      unsubscribe = deviceModel.onChange(OCPPCommCtrlr.HeartbeatInterval, restart);
    },
    stop() {
      timer?.cancel();
      unsubscribe();
    },
  };
}
