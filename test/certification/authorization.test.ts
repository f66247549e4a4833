/** OCA certification test cases of blocks C and D for charging stations, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import type { IdTokenInfoType, IdTokenType } from "../../src/ocpp/v201/index.ts";
import { OTHER_TOKEN, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

const CARD = { value: VALID_TOKEN.idToken, type: VALID_TOKEN.type };
const OTHER_CARD = { value: OTHER_TOKEN.idToken, type: OTHER_TOKEN.type };
const LISTS_ON = { LocalAuthListCtrlr: { Enabled: true }, AuthCacheCtrlr: { Enabled: true } };

const sendList = (system: TestSystem, idTokenInfo: IdTokenInfoType, versionNumber = 1) =>
  system.send(
    "SendLocalList",
    {
      versionNumber,
      updateType: "Full",
      localAuthorizationList: [{ idToken: VALID_TOKEN, idTokenInfo }],
    },
    { status: "Accepted" },
  );

/** A token in the cache: one accepted session with it. */
async function cacheToken(
  system: TestSystem,
  idTokenInfo: IdTokenInfoType = { status: "Accepted" },
  token: IdTokenType = VALID_TOKEN,
): Promise<void> {
  system.answerTokensWith(idTokenInfo);
  await system.authorizedLocally({ token });
  await system.evConnectedPreSession();
  await system.energyTransferStarted();
  await system.stopAuthorizedLocally(token);
  await system.evDisconnected();
}

function goOffline({ charger }: TestSystem): Promise<void> {
  charger.csms.refuseWith = 503;
  charger.csms.drop();
  return Bun.sleep(150);
}

describe("local start", () => {
  test.each(["Invalid", "Blocked", "Expired", "Unknown", "NoCredit"] as const)(
    "TC_C_02_CS, TC_C_06_CS an idToken that the CSMS calls %s",
    (status) =>
      onCharger({ txStartPoint: "Authorized" }, async (system) => {
        system.answerTokensWith({ status });
        expect(await system.charger.everest.presentToken(CARD)).toBe(status);
        await system.receive("Authorize", { idToken: VALID_TOKEN });
        await system.receiveNo("TransactionEvent");
      }),
  );

  test("TC_C_39_CS, TC_C_43_CS another idToken of the same group stops the transaction, one of another group does not", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: false } } }, async (system) => {
      system.answerTokensWith({ status: "Accepted", groupIdToken: { idToken: "GROUP", type: "Central" } });
      await system.charge();
      expect(await system.charger.everest.presentToken(OTHER_CARD)).toBe("Stopped");
      await system.receive("Authorize", { idToken: OTHER_TOKEN });
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "StopAuthorized",
        idToken: OTHER_TOKEN,
        transactionInfo: { stoppedReason: "Local" },
      });
    }));
});

describe("authorization cache", () => {
  const patch = { AuthCacheCtrlr: { Enabled: true }, LocalAuthListCtrlr: { Enabled: false } };

  test("TC_C_08_CS accepted: no AuthorizeRequest; with the cable plugged in energy is offered (C12.FR.04)", () =>
    onCharger({ patch }, async (system) => {
      await cacheToken(system);
      await system.evConnectedPreSession();
      await system.authorizedLocally({ asksCsms: false });
      await system.energyTransferStarted();
      await system.receiveNo("Authorize", 100);
    }));

  test.each(["Invalid", "Blocked", "Expired"] as const)(
    "TC_C_09_CS, TC_C_10_CS, TC_C_12_CS cached as %s: the CSMS is asked again",
    (status) =>
      onCharger({ patch, txStartPoint: "Authorized" }, async (system) => {
        system.answerTokensWith({ status });
        await system.charger.everest.presentToken(CARD);
        await system.receive("Authorize");
        await system.charger.everest.presentToken(CARD);
        await system.receive("Authorize");
      }),
  );

  test("TC_C_57_CS DisablePostAuthorize: it is not asked again", () =>
    onCharger(
      { patch: { AuthCacheCtrlr: { Enabled: true, DisablePostAuthorize: true } }, txStartPoint: "Authorized" },
      async (system) => {
        system.answerTokensWith({ status: "Blocked" });
        await system.charger.everest.presentToken(CARD);
        await system.receive("Authorize");
        expect(await system.charger.everest.presentToken(CARD)).toBe("Blocked");
        await system.receiveNo("Authorize");
      },
    ));

  test("TC_C_36_CS LocalPreAuthorize false: always asked", () =>
    onCharger({ patch: { ...patch, AuthCtrlr: { LocalPreAuthorize: false } } }, async (system) => {
      await cacheToken(system);
      await system.authorizedLocally();
    }));

  test("TC_C_32_CS it survives a reboot", () =>
    onCharger({ patch }, async (system) => {
      await cacheToken(system);
      await system.charger.end("SIGKILL");
      await system.charger.startStation();
      system.skip();
      await system.authorizedLocally({ asksCsms: false });
    }));

  test("TC_C_34_CS updated by a TransactionEventResponse: deauthorized, then unknown again", () =>
    onCharger({ patch }, async (system) => {
      await cacheToken(system);
      system.answerTokensWith({ status: "Invalid" });
      await system.evConnectedPreSession();
      await system.authorizedLocally({ asksCsms: false });
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "Deauthorized",
        transactionInfo: { stoppedReason: "DeAuthorized" },
      });
      await system.evDisconnected();
      expect(await system.charger.everest.presentToken(CARD)).toBe("Invalid");
      await system.receive("Authorize");
    }));

  test("TC_C_37_CS, TC_C_38_CS ClearCache", () =>
    onCharger({ patch }, async (system) => {
      await cacheToken(system);
      await system.send("ClearCache", {}, { status: "Accepted" });
      await system.authorizedLocally();
      await system.setVariable("AuthCacheCtrlr", "Enabled", "false");
      await system.send("ClearCache", {}, { status: "Rejected" });
    }));

  test("TC_C_41_CS another cached idToken of the same group stops the transaction without asking", () =>
    onCharger({ patch }, async (system) => {
      const group = { status: "Accepted", groupIdToken: { idToken: "GROUP", type: "Central" } } as const;
      await cacheToken(system, group, OTHER_TOKEN);
      await cacheToken(system, group);
      await system.evConnectedPreSession();
      await system.authorizedLocally({ asksCsms: false });
      await system.energyTransferStarted();
      await system.stopAuthorizedLocally(OTHER_TOKEN);
      await system.receiveNo("Authorize", 100);
    }));
});

describe("offline", () => {
  test.each([
    ["TC_C_15_CS unknown idToken, OfflineTxForUnknownIdEnabled", true, "Accepted"],
    ["TC_C_19_CS unknown idToken refused", false, "Unknown"],
  ] as const)("%s", (_name, OfflineTxForUnknownIdEnabled, outcome) =>
    onCharger({ patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled } } }, async (system) => {
      await goOffline(system);
      expect(await system.charger.everest.presentToken(CARD)).toBe(outcome);
    }),
  );

  test.each([
    ["TC_C_21_CS Accepted", { status: "Accepted" }, "Accepted"],
    ["TC_C_22_CS Invalid", { status: "Invalid" }, "Invalid"],
    ["TC_C_23_CS Blocked", { status: "Blocked" }, "Blocked"],
    ["TC_C_24_CS Expired", { status: "Expired" }, "Expired"],
  ] as const)("local list: %s", (_name, idTokenInfo, outcome) =>
    onCharger({ patch: { ...LISTS_ON, AuthCtrlr: { LocalAuthorizeOffline: true } } }, async (system) => {
      await sendList(system, idTokenInfo);
      await goOffline(system);
      const answer = await system.charger.everest.presentToken(CARD);
      expect(outcome === "Accepted" ? answer === "Accepted" : answer !== "Accepted").toBe(true);
    }),
  );

  test("TC_C_26_CS accepted offline, invalid at the CSMS: deauthorized when it is back (StopTxOnInvalidId)", () =>
    onCharger(
      { patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled: true }, TxCtrlr: { StopTxOnInvalidId: true } } },
      async (system) => {
        await goOffline(system);
        const evse = system.charger.everest.evse(1);
        await evse.plugIn();
        await system.charger.everest.presentToken(CARD);
        await evse.startCharging();
        system.answerTokensWith({ status: "Invalid" });
        system.charger.csms.refuseWith = undefined;
        await system.receive("TransactionEvent", { eventType: "Started", offline: true }, 20_000);
        await system.receive("TransactionEvent", {
          eventType: "Ended",
          triggerReason: "Deauthorized",
          transactionInfo: { stoppedReason: "DeAuthorized" },
        });
      },
    ));
});

describe("local authorization list", () => {
  test("TC_C_27_CS accepted in the list: no AuthorizeRequest", () =>
    onCharger({ patch: LISTS_ON }, async (system) => {
      await sendList(system, { status: "Accepted" });
      await system.authorizedLocally({ asksCsms: false });
      await system.receiveNo("Authorize", 100);
    }));

  test("TC_C_28_CS, TC_C_31_CS not accepted in the list: the CSMS decides", () =>
    onCharger({ patch: LISTS_ON, txStartPoint: "Authorized" }, async (system) => {
      await sendList(system, { status: "Invalid" });
      await system.authorizedLocally({ asksCsms: true });
    }));

  test("TC_C_58_CS DisablePostAuthorize: the CSMS is not asked", () =>
    onCharger(
      {
        patch: {
          LocalAuthListCtrlr: { Enabled: true, DisablePostAuthorize: true },
          AuthCacheCtrlr: { Enabled: false },
        },
        txStartPoint: "Authorized",
      },
      async (system) => {
        await sendList(system, { status: "Blocked" });
        expect(await system.charger.everest.presentToken(CARD)).not.toBe("Accepted");
        await system.receiveNo("Authorize");
      },
    ));

  test("TC_D_01_CS, TC_D_02_CS, TC_D_03_CS full, differential, removed; TC_D_08_CS, TC_D_09_CS version", () =>
    onCharger({ patch: LISTS_ON }, async (system) => {
      await system.send("GetLocalListVersion", {}, { versionNumber: 0 });
      await sendList(system, { status: "Accepted" }, 3);
      await system.send("GetLocalListVersion", {}, { versionNumber: 3 });
      await system.send(
        "SendLocalList",
        {
          versionNumber: 4,
          updateType: "Differential",
          localAuthorizationList: [{ idToken: OTHER_TOKEN, idTokenInfo: { status: "Accepted" } }],
        },
        { status: "Accepted" },
      );
      expect(await system.getVariable("LocalAuthListCtrlr", "Entries")).toBe("2");
      await system.send(
        "SendLocalList",
        { versionNumber: 4, updateType: "Differential", localAuthorizationList: [{ idToken: OTHER_TOKEN }] },
        { status: "VersionMismatch" },
      );
      await system.send("SendLocalList", { versionNumber: 5, updateType: "Full" }, { status: "Accepted" });
      expect(await system.getVariable("LocalAuthListCtrlr", "Entries")).toBe("0");
    }));
});

describe("master pass (C16)", () => {
  const patch = { AuthCtrlr: { MasterPassGroupId: "MASTER" }, AuthCacheCtrlr: { Enabled: false } };
  const master = { status: "Accepted", groupIdToken: { idToken: "MASTER", type: "Central" } } as const;

  test("TC_C_47_CS it stops every transaction", () =>
    onCharger({ patch }, async (system) => {
      await system.charge();
      system.answerTokensWith(master);
      await system.charger.everest.presentToken(OTHER_CARD);
      await system.receive("Authorize", { idToken: OTHER_TOKEN });
      await system.receiveTransactionEvent({ eventType: "Ended", transactionInfo: { stoppedReason: "MasterPass" } });
    }));

  test("TC_C_49_CS it never starts one (C12.FR.09, C16.FR.03)", () =>
    onCharger({ patch, txStartPoint: "Authorized" }, async (system) => {
      system.answerTokensWith(master);
      await system.charger.everest.presentToken(CARD);
      await system.receiveNo("TransactionEvent");
    }));
});
