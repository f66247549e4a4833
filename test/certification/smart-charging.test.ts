/**
 * OCA certification test cases of block K for charging stations, on the compiled executable, as far as part 2 and the
 * errata (6.2.66–6.2.76) tell them. Limits in A, three phases; the deviation of clocks is nil on one machine.
 */
import { describe, expect, test } from "bun:test";
import type { ChargingProfileType } from "../../src/ocpp/v201/index.ts";
import { type Facts, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

const AC = { optionalModules: true };
type Period = readonly [startPeriod: number, limit: number];

const iso = (secondsFromNow: number): string => new Date(Date.now() + secondsFromNow * 1000).toISOString();

function profile(purpose: string, periods: readonly Period[], more: Facts = {}, schedule: Facts = {}) {
  return {
    id: 1,
    stackLevel: 0,
    chargingProfilePurpose: purpose,
    chargingProfileKind: "Absolute",
    ...more,
    chargingSchedule: [
      {
        id: 1,
        ...(more.chargingProfileKind !== "Relative" && { startSchedule: iso(-2) }),
        chargingRateUnit: "A",
        chargingSchedulePeriod: periods.map(([startPeriod, limit]) => ({ startPeriod, limit, numberPhases: 3 })),
        ...schedule,
      },
    ],
  } as unknown as ChargingProfileType;
}

const set = (system: TestSystem, evseId: number, chargingProfile: ChargingProfileType, status = "Accepted") =>
  system.send("SetChargingProfile", { evseId, chargingProfile }, { status });

/** [startPeriod, limit] of the composite schedule. */
async function composite(system: TestSystem, evseId: number, duration: number): Promise<readonly Period[]> {
  const { schedule } = (await system.send(
    "GetCompositeSchedule",
    { evseId, duration, chargingRateUnit: "A" },
    { status: "Accepted", schedule: { evseId, duration, chargingRateUnit: "A" } },
  )) as { schedule: { chargingSchedulePeriod: readonly { startPeriod: number; limit: number }[] } };
  return schedule.chargingSchedulePeriod.map(({ startPeriod, limit }) => [startPeriod, limit]);
}

/** As those, give or take the second or two that the test itself takes. */
function expectPeriods(actual: readonly Period[], expected: readonly Period[]): void {
  expect(actual.map(([, limit]) => limit)).toEqual(expected.map(([, limit]) => limit));
  actual.forEach(([start], index) => {
    expect(Math.abs(start - (expected[index]?.[0] ?? -100))).toBeLessThanOrEqual(3);
  });
}

/** What the car of the simulated hardware draws, once it has been told. */
async function waitForAmperes(system: TestSystem, amperes: number, evseId = 1): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt++) {
    if (system.charger.everest.evse(evseId).drawn().amperes === amperes) return;
    await Bun.sleep(20);
  }
  expect(system.charger.everest.evse(evseId).drawn().amperes).toBe(amperes);
}

describe("clear charging profile", () => {
  test("TC_K_01_CS by id, TC_K_05_CS without previous profile", () =>
    onCharger(AC, async (system) => {
      await system.send("ClearChargingProfile", { chargingProfileId: 1 }, { status: "Unknown" });
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]]));
      await system.send("ClearChargingProfile", { chargingProfileId: 1 }, { status: "Accepted" });
      expect(await composite(system, 1, 60)).toEqual([[0, 48]]);
    }));

  test("TC_K_03_CS, TC_K_04_CS by stack level, purpose and EVSE", () =>
    onCharger(AC, async (system) => {
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]]));
      await set(system, 0, profile("ChargingStationMaxProfile", [[0, 8]], { id: 2 }));
      const criteria = (chargingProfileCriteria: Facts, status: string) =>
        system.send("ClearChargingProfile", { chargingProfileCriteria }, { status });
      await criteria({ chargingProfilePurpose: "TxDefaultProfile", evseId: 2, stackLevel: 0 }, "Unknown");
      await criteria({ chargingProfilePurpose: "TxDefaultProfile", evseId: 1, stackLevel: 0 }, "Accepted");
      await criteria({ chargingProfilePurpose: "ChargingStationMaxProfile", evseId: 0, stackLevel: 0 }, "Accepted");
    }));

  test("TC_K_09_CS a TxDefaultProfile with an ongoing transaction", () =>
    onCharger({ ...AC, patch: { SmartChargingCtrlr: { LimitChangeSignificance: 1 } } }, async (system) => {
      const validity = { validFrom: iso(-2), validTo: iso(401) };
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], validity, { duration: 400 }));
      await system.charge();
      await waitForAmperes(system, 6);
      await system.send("ClearChargingProfile", { chargingProfileId: 1 }, { status: "Accepted" });
      await system.receiveTransactionEvent({ eventType: "Updated", triggerReason: "ChargingRateChanged" });
      await waitForAmperes(system, 16);
    }));
});

describe("set charging profile", () => {
  test("TC_K_10_CS TxDefaultProfile on an EVSE, TC_K_13_CS ChargingStationMaxProfile", () =>
    onCharger(AC, async (system) => {
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], {}, { duration: 300 }));
      await set(system, 0, profile("ChargingStationMaxProfile", [[0, 8]], { id: 2 }, { duration: 300 }));
      expectPeriods(await composite(system, 1, 400), [
        [0, 6],
        [298, 48],
      ]);
    }));

  test("TC_K_15_CS not supported", () =>
    onCharger({ patch: { SmartChargingCtrlr: { Available: false } } }, async (system) => {
      const request = { evseId: 1, chargingProfile: profile("TxDefaultProfile", [[0, 6]]) };
      await system.sendForError("SetChargingProfile", request, "NotSupported");
    }));

  test("TC_K_16_CS, TC_K_19_CS a profile of the same id replaces, one of the same level and purpose is Rejected", () =>
    onCharger(AC, async (system) => {
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]]));
      await set(system, 1, profile("TxDefaultProfile", [[0, 8]]));
      expect(await composite(system, 1, 60)).toEqual([[0, 8]]);
      await set(system, 1, profile("TxDefaultProfile", [[0, 8]], { id: 2 }), "Rejected");
    }));

  test("TC_K_21_CS, TC_K_22_CS recurring profiles, daily and weekly", () =>
    onCharger(AC, async (system) => {
      const recurring = (recurrencyKind: string) => ({ chargingProfileKind: "Recurring", recurrencyKind });
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], recurring("Daily"), { duration: 3600 }));
      expectPeriods(await composite(system, 1, 89_000), [
        [0, 6],
        [3598, 48],
        [86_398, 6],
      ]);
      await set(system, 1, profile("TxDefaultProfile", [[0, 7]], recurring("Weekly"), { duration: 3600 }));
      expectPeriods(await composite(system, 1, 89_000), [
        [0, 7],
        [3598, 48],
      ]);
    }));

  test("TC_K_23_CS startSchedule and validFrom in the future", () =>
    onCharger(AC, async (system) => {
      const validity = { validFrom: iso(50), validTo: iso(400) };
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], validity, { startSchedule: iso(60) }));
      expectPeriods(await composite(system, 1, 500), [
        [0, 48],
        [60, 6],
        [400, 48],
      ]);
    }));

  test("TC_K_28_CS TxDefaultProfile with a transaction ongoing", () =>
    onCharger(AC, async (system) => {
      await system.charge();
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], { validTo: iso(401) }, { duration: 400 }));
      await waitForAmperes(system, 6);
    }));

  test("TC_K_60_CS TxProfile with a transaction ongoing, gone with it", () =>
    onCharger(AC, async (system) => {
      await system.charge();
      const { transactionId } = system;
      await set(system, 1, profile("TxProfile", [[0, 6]], { transactionId }));
      await system.receiveTransactionEvent({ eventType: "Updated", triggerReason: "ChargingRateChanged" });
      await waitForAmperes(system, 6);
      await system.stopAuthorizedLocally();
      await system.send("GetChargingProfiles", { requestId: 1, chargingProfile: {} }, { status: "NoProfiles" });
    }));

  test("TC_K_24_CS, TC_K_25_CS, TC_K_26_CS TxProfile without, with an unknown, on an EVSE without transaction", () =>
    onCharger(AC, async (system) => {
      await set(system, 1, profile("TxProfile", [[0, 6]], { transactionId: "unknown" }), "Rejected");
      await system.charge();
      await set(system, 1, profile("TxProfile", [[0, 6]], { transactionId: "unknown" }), "Rejected");
      await set(system, 1, profile("TxProfile", [[0, 6]]), "Rejected");
      const { transactionId } = system;
      await set(system, 2, profile("TxProfile", [[0, 6]], { transactionId }), "Rejected");
      await set(system, 0, profile("TxProfile", [[0, 6]], { transactionId }), "Rejected");
    }));

  test("TC_K_27_CS an unknown EVSE, a unit that is not supported", () =>
    onCharger({ ...AC, patch: { SmartChargingCtrlr: { RateUnit: "A" } } }, async (system) => {
      await set(system, 7, profile("TxDefaultProfile", [[0, 6]]), "Rejected");
      const watts = profile("TxDefaultProfile", [[0, 6]], {}, { chargingRateUnit: "W" });
      await set(system, 1, watts, "Rejected");
    }));

  test("profiles outlive a restart, and hold before anybody charges", () =>
    onCharger(AC, async (system) => {
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]]));
      await system.charger.end("SIGKILL");
      await system.charger.startStation();
      system.skip();
      await system.charge();
      await waitForAmperes(system, 6);
      expect(await composite(system, 1, 60)).toEqual([[0, 6]]);
    }));
});

describe("get charging profile", () => {
  test("TC_K_29_CS … TC_K_36_CS by EVSE, id, level, purpose and source; TC_K_33_CS no profile", () =>
    onCharger(AC, async (system) => {
      const get = async (request: Facts): Promise<readonly number[]> => {
        await system.send(
          "GetChargingProfiles",
          { requestId: 5, chargingProfile: {}, ...request },
          { status: "Accepted" },
        );
        const ids: number[] = [];
        for (let more = true; more; ) {
          const report = await system.receive("ReportChargingProfiles", { requestId: 5 });
          ids.push(...(report.chargingProfile as readonly { id: number }[]).map(({ id }) => id));
          more = report.tbc === true;
        }
        return ids;
      };
      const none = { requestId: 5, chargingProfile: { chargingProfileId: [1] } };
      await system.send("GetChargingProfiles", none, { status: "NoProfiles" });
      await system.charge();
      const { transactionId } = system;
      await set(system, 0, profile("ChargingStationMaxProfile", [[0, 20]]));
      await set(system, 1, profile("TxDefaultProfile", [[0, 6]], { id: 2 }));
      await set(system, 1, profile("TxProfile", [[0, 6]], { id: 3, stackLevel: 1, transactionId }));
      expect(await get({ evseId: 0 })).toEqual([1]);
      expect(await get({ evseId: 1 })).toEqual([2, 3]);
      expect(await get({})).toEqual([1, 2, 3]);
      expect(await get({ chargingProfile: { chargingProfileId: [3] } })).toEqual([3]);
      expect(await get({ evseId: 1, chargingProfile: { stackLevel: 1 } })).toEqual([3]);
      expect(await get({ evseId: 1, chargingProfile: { chargingLimitSource: ["CSO"] } })).toEqual([2, 3]);
      expect(await get({ evseId: 1, chargingProfile: { chargingProfilePurpose: "TxDefaultProfile" } })).toEqual([2]);
    }));
});

describe("get composite schedule", () => {
  test("TC_K_39_CS without profiles, TC_K_44_CS an unknown EVSE, TC_K_38_CS a unit that is not supported", () =>
    onCharger({ ...AC, patch: { SmartChargingCtrlr: { RateUnit: "A" } } }, async (system) => {
      expect(await composite(system, 0, 300)).toEqual([[0, 96]]);
      await system.send("GetCompositeSchedule", { evseId: 7, duration: 300 }, { status: "Rejected" });
      const watts = { evseId: 1, duration: 300, chargingRateUnit: "W" } as const;
      await system.send("GetCompositeSchedule", watts, { status: "Rejected" });
    }));

  test("TC_K_40_CS stacking profiles", () =>
    onCharger(AC, async (system) => {
      const validity = { validFrom: iso(-2), validTo: iso(401) };
      const low: readonly Period[] = [
        [0, 6],
        [100, 8],
        [200, 10],
      ];
      const high: readonly Period[] = [
        [0, 7],
        [100, 9],
      ];
      await set(system, 1, profile("TxDefaultProfile", low, validity, { duration: 400 }));
      await set(system, 1, profile("TxDefaultProfile", high, { ...validity, id: 2, stackLevel: 1 }, { duration: 150 }));
      expectPeriods(await composite(system, 1, 350), [
        [0, 7],
        [98, 9],
        [148, 8],
        [198, 10],
      ]);
    }));

  test("TC_K_41_CS combining purposes", () =>
    onCharger(AC, async (system) => {
      await system.charge();
      const { transactionId } = system;
      const validity = { validFrom: iso(-2), validTo: iso(401) };
      const usual: readonly Period[] = [
        [0, 6],
        [60, 10],
        [120, 8],
        [180, 15],
        [260, 8],
      ];
      const own: readonly Period[] = [
        [0, 8],
        [50, 11],
        [140, 16],
        [200, 6],
        [240, 12],
      ];
      await set(system, 0, profile("ChargingStationMaxProfile", [[0, 10]], {}, { duration: 86_400 }));
      await set(system, 1, profile("TxDefaultProfile", usual, { ...validity, id: 2 }, { duration: 300 }));
      await set(system, 1, profile("TxProfile", own, { ...validity, id: 3, transactionId }, { duration: 260 }));
      expectPeriods(await composite(system, 1, 400), [
        [0, 8],
        [48, 10],
        [198, 6],
        [238, 10],
        [258, 8],
        [298, 10],
      ]);
      await waitForAmperes(system, 8);
    }));
});

describe("remote start with a charging profile", () => {
  const start = (chargingProfile: ChargingProfileType) => ({
    evseId: 1,
    remoteStartId: 4711,
    idToken: VALID_TOKEN,
    chargingProfile,
  });

  test("TC_K_37_CS, TC_F_51_CS it is in force when the transaction begins", () =>
    onCharger({ ...AC, patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } }, async (system) => {
      await system.evConnectedPreSession();
      const relative = { chargingProfileKind: "Relative" };
      const request = start(profile("TxProfile", [[0, 6]], relative, { duration: 300 }));
      await system.send("RequestStartTransaction", request, { status: "Accepted" });
      await system.receiveTransactionEvent({ triggerReason: "RemoteStart" });
      await system.energyTransferStarted();
      await waitForAmperes(system, 6);
    }));

  test("K05.FR.05 an invalid one is Rejected with InvalidProfile or InvalidSchedule", () =>
    onCharger(AC, async (system) => {
      const defects = [
        ["InvalidProfile", profile("TxDefaultProfile", [[0, 6]])],
        ["InvalidProfile", profile("TxProfile", [[0, 6]], { transactionId: "t" })],
        ["InvalidSchedule", profile("TxProfile", [[5, 6]])],
      ] as const;
      for (const [reasonCode, chargingProfile] of defects)
        await system.send("RequestStartTransaction", start(chargingProfile), {
          status: "Rejected",
          statusInfo: { reasonCode },
        });
    }));
});

describe("offline", () => {
  test("TC_K_45_CS … the profiles hold for a transaction that goes on or begins offline (K06.FR.01, K07.FR.01)", () =>
    onCharger({ ...AC, patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled: true } } }, async (system) => {
      await system.charge();
      const { transactionId } = system;
      await set(system, 1, profile("TxProfile", [[0, 6]], { transactionId }));
      await set(system, 2, profile("TxDefaultProfile", [[0, 8]], { id: 2 }));
      await waitForAmperes(system, 6);
      await system.charger.csms.stop();
      await system.charger.everest.evse(2).plugIn();
      await system.charger.everest.presentToken({ value: "04A1", type: "ISO14443" }, 2);
      await system.charger.everest.evse(2).startCharging();
      await waitForAmperes(system, 8, 2);
      await waitForAmperes(system, 6, 1);
    }));
});
