import type { SetResult } from "../../device-model/device-model.ts";
import { ClockCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import { declareBlock, type Given } from "../block.ts";

/** The wall clock may be set meanwhile, so the time of a transition is looked at again at least so often. */
const LONGEST_WAIT_MILLISECONDS = 60_000;
const OFFSET = /^[+-](?:0\d|1[0-4]):[0-5]\d$/;

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: name });
    return !OFFSET.test(name);
  } catch {
    return false;
  }
}

/**
 * The local time that is shown to drivers (part 2, 3.1.1): the variables are checked here for EVerest's display modules to
 * follow, and the offset changes at NextTimeOffsetTransitionDateTime. Times on the wire stay in UTC.
 */
export const localTime = declareBlock({ name: "local-time", letter: "B", create });

function create({ clock, deviceModel, logger }: Given) {
  let timer: Timer | undefined;
  const unsubscribes: (() => void)[] = [];

  const rule =
    (isValid: (value: string) => boolean, wanted: string) =>
    (value: string): SetResult | undefined =>
      value === "" || isValid(value)
        ? undefined
        : { status: "Rejected", reasonCode: "InvalidValue", additionalInfo: wanted };
  const offsetRule = rule((value) => OFFSET.test(value), "an offset such as +01:00");
  deviceModel.addRule(ClockCtrlr.TimeOffset, offsetRule);
  deviceModel.addRule(ClockCtrlr.TimeOffset_NextTransition, offsetRule);
  deviceModel.addRule(ClockCtrlr.TimeZone, rule(isTimeZone, "a time zone such as Europe/Oslo"));

  const changeOffset = (offset: string): void => {
    logger.info(`The local time offset is ${offset} from now on`);
    deviceModel.write(ClockCtrlr.TimeOffset, offset, "internal");
    deviceModel.write(ClockCtrlr.NextTimeOffsetTransitionDateTime, "", "internal");
    deviceModel.write(ClockCtrlr.TimeOffset_NextTransition, "", "internal");
  };

  const changeWhenDue = (): void => {
    timer?.cancel();
    const offset = deviceModel.read(ClockCtrlr.TimeOffset_NextTransition) ?? "";
    const due = Date.parse(deviceModel.read(ClockCtrlr.NextTimeOffsetTransitionDateTime) ?? "");
    if (offset === "" || Number.isNaN(due)) return;
    const wait = due - clock.now().getTime();
    if (wait <= 0) return changeOffset(offset);
    timer = clock.after(Math.min(wait, LONGEST_WAIT_MILLISECONDS), changeWhenDue);
  };

  return {
    start() {
      unsubscribes.push(
        deviceModel.onChange(ClockCtrlr.TimeOffset_NextTransition, changeWhenDue),
        deviceModel.onChange(ClockCtrlr.NextTimeOffsetTransitionDateTime, changeWhenDue),
      );
      changeWhenDue();
    },
    stop() {
      timer?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
