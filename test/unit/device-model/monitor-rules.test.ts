import { describe, expect, test } from "bun:test";
import type { Characteristics } from "../../../src/device-model/definitions.ts";
import {
  type MonitorSetting,
  type MonitorType,
  monitorDefect,
  nextClockAligned,
  noticeOf,
  type ToldState,
  toldWhenSet,
} from "../../../src/device-model/monitor-rules.ts";

const monitor = (type: MonitorType, value: number, severity = 5): MonitorSetting => ({
  type,
  value,
  severity,
  transaction: false,
});
const NUMBER: Characteristics = { dataType: "decimal", supportsMonitoring: true, minLimit: -10, maxLimit: 100 };

describe("which monitors can be set", () => {
  const cases: readonly (readonly [string, MonitorSetting, Partial<Characteristics>, string | undefined])[] = [
    ["N04.FR.05 without support", monitor("Delta", 1), { supportsMonitoring: false }, "UnsupportedMonitorType"],
    ["N04.FR.05 threshold of a text", monitor("UpperThreshold", 1), { dataType: "string" }, "UnsupportedMonitorType"],
    [
      "N04.FR.05 threshold of a boolean",
      monitor("LowerThreshold", 1),
      { dataType: "boolean" },
      "UnsupportedMonitorType",
    ],
    [
      "N04.FR.05 threshold of a list",
      monitor("LowerThreshold", 1),
      { dataType: "OptionList" },
      "UnsupportedMonitorType",
    ],
    ["an integer takes thresholds", monitor("UpperThreshold", 5), { dataType: "integer" }, undefined],
    ["N04.FR.06 above maxLimit", monitor("UpperThreshold", 100.5), {}, "ValueOutOfRange"],
    ["N04.FR.06 below minLimit", monitor("UpperThreshold", -11), {}, "ValueOutOfRange"],
    ["N04.FR.06 lower threshold above maxLimit", monitor("LowerThreshold", 101), {}, "ValueOutOfRange"],
    ["N04.FR.06 on the limit", monitor("UpperThreshold", 100), {}, undefined],
    [
      "the power of an EVSE that is not known yet",
      monitor("UpperThreshold", 50),
      { minLimit: undefined, maxLimit: 0 } as never,
      undefined,
    ],
    ["N04.FR.14 negative difference", monitor("Delta", -1), {}, "ValuePositiveOnly"],
    ["N04.FR.14 of a text as well", monitor("Delta", -1), { dataType: "string" }, "ValuePositiveOnly"],
    ["a difference beyond the limits is fine", monitor("Delta", 1_000), {}, undefined],
    ["a period beyond the limits is fine", monitor("Periodic", 1_000), {}, undefined],
    ["no period", monitor("Periodic", 0), {}, "ValueTooLow"],
    ["half a second", monitor("PeriodicClockAligned", 0.5), {}, "ValueTooLow"],
    ["a period without end", monitor("PeriodicClockAligned", 1e300), {}, "ValueTooHigh"],
    ["a life time", monitor("PeriodicClockAligned", 2_147_483_647), {}, undefined],
    ["severity 10", monitor("Delta", 1, 10), {}, "InvalidValue"],
    ["severity -1", monitor("Delta", 1, -1), {}, "InvalidValue"],
  ];
  for (const [name, setting, characteristics, expected] of cases)
    test(name, () => {
      const defect = monitorDefect(setting, { ...NUMBER, ...characteristics }, false);
      const told = defect?.status === "UnsupportedMonitorType" ? defect.status : defect?.reasonCode;
      expect(told as string | undefined).toBe(expected);
    });

  test("of a value that is found out when it is read no change is seen, only periodic monitors work", () => {
    expect(monitorDefect(monitor("Delta", 1), NUMBER, true)?.status).toBe("UnsupportedMonitorType");
    expect(monitorDefect(monitor("Periodic", 1), NUMBER, true)).toBeUndefined();
  });
});

/** Every value in turn; what is told of them. */
function run(setting: MonitorSetting, dataType: Characteristics["dataType"], values: readonly string[]): string[] {
  let told: ToldState = toldWhenSet(setting.type, values[0], undefined);
  return values.flatMap((value) => {
    const notice = noticeOf(setting, dataType, value, told);
    told = notice?.told ?? told;
    return notice === undefined ? [] : [`${value}${notice.cleared ? " cleared" : ""}`];
  });
}

describe("what is told", () => {
  test("N07.FR.16, FR.02: beyond the upper threshold, not on it; each crossing once, and the way back", () => {
    const values = ["0", "10", "10.1", "11", "10", "9", "12", "3"];
    expect(run(monitor("UpperThreshold", 10), "decimal", values)).toEqual(["10.1", "10 cleared", "12", "3 cleared"]);
  });

  test("N07.FR.17, FR.02: below the lower threshold", () => {
    expect(run(monitor("LowerThreshold", -2), "integer", ["0", "-2", "-3", "-4", "-2"])).toEqual(["-3", "-2 cleared"]);
  });

  test("a threshold that is exceeded already is told", () => {
    expect(run(monitor("UpperThreshold", 10), "integer", ["11"])).toEqual(["11"]);
  });

  test("N07.FR.18: a difference is counted from the last notice, not from the value at the time of setting", () => {
    const values = ["0", "5", "5.1", "10", "10.3", "0", "5.1"];
    expect(run(monitor("Delta", 5), "decimal", values)).toEqual(["5.1", "10.3", "0", "5.1"]);
  });

  test("a difference of exactly the value is none, whatever binary fractions make of it", () => {
    expect(run(monitor("Delta", 0.2), "decimal", ["0.1", "0.3"])).toEqual([]);
  });

  test("N07.FR.19: of texts, booleans and lists every change, whatever the value", () => {
    expect(run(monitor("Delta", 100), "OptionList", ["A", "A", "B", "A"])).toEqual(["B", "A"]);
    expect(run(monitor("Delta", 1), "boolean", ["false", "true", "true", "false"])).toEqual(["true", "false"]);
    expect(run(monitor("Delta", 1), "MemberList", ["a,b", "a", ""])).toEqual(["a", ""]);
  });

  test("no value is neither beyond a threshold nor within it", () => {
    expect(run(monitor("LowerThreshold", 5), "decimal", ["", "1", "", "9"])).toEqual(["1", "9 cleared"]);
    expect(
      noticeOf(monitor("LowerThreshold", 5), "decimal", undefined, { triggered: true, reference: undefined }),
    ).toBe(undefined);
  });

  test("N07.FR.11: a moved threshold knows what the CSMS was told, one of another type begins anew", () => {
    const before = { type: "UpperThreshold", told: { triggered: true, reference: undefined } } as const;
    expect(toldWhenSet("UpperThreshold", "5", before).triggered).toBe(true);
    expect(toldWhenSet("LowerThreshold", "5", before).triggered).toBe(false);
    expect(toldWhenSet("Delta", "5", before)).toEqual({ triggered: false, reference: "5" });
  });
});

describe("N08.FR.07 clock-aligned", () => {
  const next = (time: string, seconds: number) => nextClockAligned(new Date(time), seconds).toISOString().slice(0, 19);
  const cases = [
    ["2026-03-01T12:07:00Z", 900, "2026-03-01T12:15:00"],
    ["2026-03-01T12:15:00Z", 900, "2026-03-01T12:30:00"],
    ["2026-03-01T12:56:00Z", 1_000, "2026-03-01T13:00:00"],
    ["2026-03-01T12:00:00.500Z", 1, "2026-03-01T12:00:01"],
    ["2026-03-01T12:56:00Z", 7_200, "2026-03-01T14:00:00"],
    ["2026-03-01T12:56:00Z", 86_400, "2026-03-02T00:00:00"],
    ["2026-03-01T12:56:00Z", 2_147_483_647, "2038-01-19T03:14:07"],
    ["1970-01-02T12:00:00Z", 172_800, "1970-01-03T00:00:00"],
  ] as const;
  for (const [now, seconds, expected] of cases)
    test(`after ${now}, every ${seconds} s: ${expected}`, () => expect(next(now, seconds)).toBe(expected));
});
