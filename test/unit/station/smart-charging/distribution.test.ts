import { afterEach, expect, test } from "bun:test";
import { defaultAnswer, InProcessCharger } from "../../../support/in-process-charger.ts";
import { driver } from "./support.ts";

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
afterEach(() => charger.dispose());

const start = async (options: Partial<InProcessCharger> = {}, variables: Record<string, string> = {}) => {
  charger = new InProcessCharger(1, variables);
  Object.assign(charger, options);
  await charger.start();
  drive = driver(charger);
  await charger.clock.advance(100);
};

const DEFAULTS = [
  [0, 96],
  [1, 48],
  [2, 48],
];

test("K04.FR.02, K06.FR.02: without profiles the default limits are told, the station's as their sum, at every interval (BEHAVIOUR 10.1)", async () => {
  await start();
  expect(drive.told()).toEqual([DEFAULTS]);
  await charger.clock.advance(61_000);
  expect(drive.told()).toEqual([DEFAULTS, DEFAULTS, DEFAULTS]);
});

test("with CompositeScheduleIntervalS 0 nothing is told again that has not changed", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  await charger.clock.advance(3 * 3_600_000);
  expect(drive.told()).toEqual([DEFAULTS]);
});

test("K01.FR.07, K03.FR.03, K04.FR.01, K10.FR.05: a profile that is set or cleared is told before its answer, to whom it concerns", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  drive.forget();
  await drive.set(1, { periods: [[0, 10]] });
  expect(drive.told()).toEqual([
    [
      [0, 58],
      [1, 10],
    ],
  ]);
  drive.forget();
  await drive.clear({ chargingProfileId: 1 });
  expect(drive.told()).toEqual([
    [
      [0, 96],
      [1, 48],
    ],
  ]);
});

test("a period that begins is told when it begins, not at the next interval", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  await drive.set(1, {
    periods: [
      [0, 10],
      [90, 20],
      [7200, 6],
    ],
  });
  drive.forget();
  await charger.clock.advance(88_000);
  expect(drive.told()).toEqual([]);
  await charger.clock.advance(2_000);
  expect(drive.told()).toEqual([
    [
      [0, 68],
      [1, 20],
    ],
  ]);
  drive.forget();
  // Far beyond what was told at first; the sinks hear of it as soon as it comes within reach, and when it begins.
  await charger.clock.advance(7_200_000);
  expect(drive.told().at(-1)).toEqual([
    [0, 54],
    [1, 6],
  ]);
});

test("a profile that only moves its start is news, although it looks the same from its own start", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  const rolling = {
    periods: [
      [0, 16],
      [300, 10],
    ] as [number, number][],
  };
  await drive.set(1, rolling);
  await charger.clock.advance(120_000);
  drive.forget();
  await drive.set(1, rolling);
  expect(drive.told()).toEqual([
    [
      [0, 64],
      [1, 16],
    ],
  ]);
});

test("the relative default of an idle EVSE is told once, and again when its transaction begins", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  await drive.set(0, {
    kind: "Relative",
    periods: [
      [0, 16],
      [300, 10],
    ],
  });
  drive.forget();
  await charger.clock.advance(1_000_000);
  expect(drive.told()).toEqual([]);
  await drive.startTransaction(1);
  await charger.clock.advance(300_000);
  expect(drive.told().at(-1)).toEqual([
    [0, 26],
    [1, 10],
  ]);
});

test("K02.FR.04, FR.05: a TxProfile overrules the default, and goes with its transaction", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  await drive.set(1, { periods: [[0, 20]] });
  const transactionId = await drive.startTransaction(1);
  await drive.set(1, { id: 2, purpose: "TxProfile", kind: "Relative", transactionId, periods: [[0, 32]] });
  expect(drive.told().at(-1)).toEqual([
    [0, 80],
    [1, 32],
  ]);
  await drive.endTransaction(1);
  expect(drive.told().at(-1)).toEqual([
    [0, 68],
    [1, 20],
  ]);
  expect(charger.core.chargingProfiles.list().map(({ id }) => id)).toEqual([1]);
});

test("K06.FR.01, K07.FR.01: offline the profiles hold, unless their purpose is to be ignored then", async () => {
  await start({ compositeScheduleIntervalSeconds: 0 });
  await drive.set(1, { periods: [[0, 10]] });
  charger.reachable = false;
  drive.forget();
  charger.disconnect();
  await charger.clock.advance(1_000);
  expect(drive.told()).toEqual([]);
  charger.deviceModel.set(
    [
      {
        address: { component: "SmartChargingCtrlr", variable: "IgnoredProfilePurposesOffline" },
        attributeType: "Actual",
        value: "TxDefaultProfile",
      },
    ],
    "test",
  );
  await charger.clock.advance(100);
  expect(drive.told()).toEqual([
    [
      [0, 96],
      [1, 48],
    ],
  ]);
});

test("BEHAVIOUR 10.1: nothing is told where smart charging is not available", async () => {
  await start({}, { "SmartChargingCtrlr.Available": "false" });
  await charger.clock.advance(100_000);
  expect(drive.told()).toEqual([]);
});

test("limits hold before an EV can draw current after a restart: they are told before the station has started", async () => {
  await start();
  await drive.set(1, { periods: [[0, 10]] });
  charger.crash();
  charger.hardwareCalls.length = 0;
  charger.hardwareAnswers.setLimits = () => new Promise(() => {});
  let hasStarted = false;
  void charger.start().then(() => {
    hasStarted = true;
  });
  // Other blocks start before, each in its own turn.
  for (let second = 0; second < 10 && !hasStarted; second++) await charger.clock.advance(1_000);
  expect(hasStarted).toBe(true);
  expect(drive.told()[0]).toEqual([
    [0, 58],
    [1, 10],
    [2, 48],
  ]);
});

test("K04.FR.05: where nobody keeps the station's limit, the EVSEs share it, those with an EV first", async () => {
  await start({ compositeScheduleIntervalSeconds: 0, keepsStationLimit: false });
  await drive.set(0, { purpose: "ChargingStationMaxProfile", periods: [[0, 20]] });
  expect(drive.told().at(-1)).toEqual([
    [0, 20],
    [1, 10],
    [2, 10],
  ]);
  await drive.startTransaction(2);
  expect(drive.told().at(-1)).toEqual([
    [1, 0],
    [2, 20],
  ]);
  await drive.startTransaction(1);
  expect(drive.told().at(-1)).toEqual([
    [1, 10],
    [2, 10],
  ]);
});

test("K03.FR.04–06: when there is too little for all, the higher charging priority is served", async () => {
  await start({ compositeScheduleIntervalSeconds: 0, keepsStationLimit: false });
  charger.react = (call) => {
    const { evse } = call.payload as { evse?: { id: number } };
    if (call.action !== "TransactionEvent" || evse === undefined)
      return { answer: defaultAnswer(call.action, charger.clock) };
    const idTokenInfo = { status: "Accepted", chargingPriority: evse.id === 1 ? 5 : -1 };
    return { answer: { idTokenInfo, ...(evse.id === 2 && { chargingPriority: 9 }) } };
  };
  await drive.startTransaction(1);
  await drive.startTransaction(2);
  await drive.set(0, { purpose: "ChargingStationMaxProfile", periods: [[0, 10]] });
  await charger.clock.advance(100);
  expect(drive.told().at(-1)).toEqual([
    [0, 10],
    [1, 0],
    [2, 10],
  ]);
});

test("K01.FR.46, FR.47: charging_schedules tells phases, phase to use and stack level (BEHAVIOUR 10.2, CHANGES c.5)", async () => {
  await start({}, { "SmartChargingCtrlr.ACPhaseSwitchingSupported": "true" });
  charger.hardwareCalls.length = 0;
  await drive.set(1, { stackLevel: 3, periods: [[0, 10, { numberPhases: 1, phaseToUse: 2 }]] });
  const published = charger.hardwareCalls.filter(({ name }) => name === "publishSchedules");
  expect(published).toHaveLength(1);
  const [schedules] = (published[0]?.args ?? []) as [{ periods: object[] }[]?];
  expect(schedules?.map(({ periods }) => periods)).toEqual([
    [{ startSeconds: 0, limit: 58, stackLevel: 0 }],
    [{ startSeconds: 0, limit: 10, numberOfPhases: 1, phaseToUse: 2, stackLevel: 3 }],
    [{ startSeconds: 0, limit: 48 }],
  ]);
});
