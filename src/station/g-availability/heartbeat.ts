import { OCPPCommCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { Block, StationContext } from "../context.ts";

/** A Heartbeat is sent at least this often when it serves to keep the clock right (G02.FR.07). */
const LONGEST_SILENCE_MILLISECONDS = 24 * 3600 * 1000;

/** G02: Heartbeat after HeartbeatInterval seconds in which nothing else was sent (G02.FR.02, FR.05). */
export function createHeartbeatBlock(context: StationContext): Block {
  const { clock, csms, deviceModel, events } = context;
  let timer: Timer | undefined;
  let lastSentMilliseconds = 0;
  let lastHeartbeatMilliseconds = 0;
  const unsubscribes: (() => void)[] = [];

  const send = async (beforeAccepted: boolean): Promise<void> => {
    const sentAt = clock.monotonicMilliseconds();
    const outcome = await csms.call("Heartbeat", {}, { beforeAccepted });
    if (outcome.kind !== "response") return;
    context.services.synchronizeClock?.(outcome.response.currentTime, clock.monotonicMilliseconds() - sentAt);
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

  context.services.triggerHeartbeat = () => void send(true);

  return {
    name: "heartbeat",
    start() {
      // The interval that came with the acceptance is in the variable (G02.FR.01).
      const restart = (): void => {
        lastSentMilliseconds = lastHeartbeatMilliseconds = clock.monotonicMilliseconds();
        schedule();
      };
      unsubscribes.push(
        events.on("accepted", restart),
        csms.events.on("message", ({ direction }) => {
          if (direction === "sent") lastSentMilliseconds = clock.monotonicMilliseconds();
        }),
        deviceModel.onChange(OCPPCommCtrlr.HeartbeatInterval, restart),
      );
    },
    stop() {
      timer?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
