/** OCA certification test cases of blocks C (groups, cache and list), D, N09, N10 and P, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import type { IdTokenType } from "../../src/ocpp/v201/index.ts";
import { type Facts, OTHER_TOKEN, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

const OTHER_CARD = { value: OTHER_TOKEN.idToken, type: OTHER_TOKEN.type };
const GROUP = { idToken: "GROUP", type: "Central" } as const;
const LIST_ONLY = { LocalAuthListCtrlr: { Enabled: true }, AuthCacheCtrlr: { Enabled: false } };

const sendList = (system: TestSystem, versionNumber: number, updateType: "Full" | "Differential", entries: object[]) =>
  system.send("SendLocalList", { versionNumber, updateType, localAuthorizationList: entries } as never, {
    status: "Accepted",
  });

async function goOffline({ charger }: TestSystem): Promise<void> {
  const disconnected = new Promise<void>((resolve) => {
    charger.csms.events.on("disconnected", () => resolve());
  });
  charger.csms.refuseWith = 503;
  charger.csms.drop();
  await disconnected;
  await Bun.sleep(100);
}

describe("groups", () => {
  test("TC_C_04_CS another idToken, without a group, does not stop the transaction", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: false } } }, async (system) => {
      await system.charge();
      expect(await system.charger.everest.presentToken(OTHER_CARD)).not.toBe("Stopped");
      await system.receiveNo("TransactionEvent");
    }));

  test("TC_C_40_CS another listed idToken of the same group stops it without asking", () =>
    onCharger({ patch: LIST_ONLY }, async (system) => {
      const idTokenInfo = { status: "Accepted", groupIdToken: GROUP };
      await sendList(system, 1, "Full", [
        { idToken: VALID_TOKEN, idTokenInfo },
        { idToken: OTHER_TOKEN, idTokenInfo },
      ]);
      await system.evConnectedPreSession();
      await system.authorizedLocally({ asksCsms: false });
      await system.energyTransferStarted();
      await system.stopAuthorizedLocally(OTHER_TOKEN);
      await system.receiveNo("Authorize", 100);
    }));

  test("TC_C_44_CS a cached idToken of the same group that is not Accepted is asked about and stops nothing", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: true } } }, async (system) => {
      system.answerTokensWith({ status: "Invalid", groupIdToken: GROUP });
      await system.charger.everest.presentToken(OTHER_CARD);
      system.answerTokensWith({ status: "Accepted", groupIdToken: GROUP });
      await system.charge();
      system.answerTokensWith({ status: "Invalid", groupIdToken: GROUP });
      expect(await system.charger.everest.presentToken(OTHER_CARD)).toBe("Invalid");
      await system.receive("Authorize", { idToken: OTHER_TOKEN });
      await system.receiveNo("TransactionEvent");
    }));

  test("TC_C_14_CS a cached master pass starts nothing (C12.FR.09)", () =>
    onCharger(
      { patch: { AuthCtrlr: { MasterPassGroupId: "GROUP" }, AuthCacheCtrlr: { Enabled: true } } },
      async (system) => {
        system.answerTokensWith({ status: "Accepted", groupIdToken: GROUP });
        for (let time = 0; time < 2; time++)
          expect(await system.charger.everest.presentToken(OTHER_CARD)).toBe("MasterPass");
        await system.evConnectedPreSession();
        await system.receiveNo("TransactionEvent");
      },
    ));
});

describe("cache and list together", () => {
  const BOTH = { LocalAuthListCtrlr: { Enabled: true }, AuthCacheCtrlr: { Enabled: true } };

  test("TC_C_13_CS accepted in the cache, the cable comes later", () =>
    onCharger({ patch: BOTH, txStartPoint: "Authorized" }, async (system) => {
      await cache(system, VALID_TOKEN);
      await system.authorizedLocally({ asksCsms: false });
      await system.evConnectedPreSession();
      await system.energyTransferStarted();
    }));

  test("TC_C_31_CS, TC_C_25_CS the list goes before the cache, online and offline", () =>
    onCharger({ patch: BOTH }, async (system) => {
      system.answerTokensWith({ status: "Invalid" });
      await cache(system, VALID_TOKEN);
      await sendList(system, 1, "Full", [{ idToken: VALID_TOKEN, idTokenInfo: { status: "Accepted" } }]);
      await system.authorizedLocally({ asksCsms: false });
      await system.receiveNo("Authorize", 100);
      await goOffline(system);
      expect(await system.charger.everest.presentToken({ value: VALID_TOKEN.idToken, type: "ISO14443" }, 2)).toBe(
        "Accepted",
      );
    }));

  test("TC_C_46_CS AuthCacheLifeTime: asked again when it is over", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: true, LifeTime: 1 } } }, async (system) => {
      await cache(system, VALID_TOKEN);
      await Bun.sleep(1_100);
      await system.authorizedLocally({ asksCsms: true });
    }));
});

describe("refused after the start", () => {
  test.each([
    ["TC_C_16_CS StopTxOnInvalidId", { StopTxOnInvalidId: true, MaxEnergyOnInvalidId: 0 }],
    [
      "TC_C_18_CS StopTxOnInvalidId, whatever MaxEnergyOnInvalidId says",
      { StopTxOnInvalidId: true, MaxEnergyOnInvalidId: 500 },
    ],
  ])("%s: the transaction ends", (_name, TxCtrlr) =>
    onCharger({ patch: { TxCtrlr, AuthCacheCtrlr: { Enabled: true } } }, async (system) => {
      await cache(system, VALID_TOKEN);
      system.answerTokensWith({ status: "Invalid" });
      await system.evConnectedPreSession();
      await system.authorizedLocally({ asksCsms: false });
      await system.receiveTransactionEvent({
        eventType: "Ended",
        triggerReason: "Deauthorized",
        transactionInfo: { stoppedReason: "DeAuthorized" },
      });
    }),
  );

  test("TC_C_17_CS without StopTxOnInvalidId: the transaction goes on without energy", () =>
    onCharger(
      { patch: { TxCtrlr: { StopTxOnInvalidId: false, MaxEnergyOnInvalidId: 0 }, AuthCacheCtrlr: { Enabled: true } } },
      async (system) => {
        await cache(system, VALID_TOKEN);
        system.answerTokensWith({ status: "Invalid" });
        await system.evConnectedPreSession();
        await system.authorizedLocally({ asksCsms: false });
        await until(() => system.charger.everest.recorded("pause_charging").length > 0);
      },
    ));
});

describe("local list (D)", () => {
  test("TC_D_04_CS, TC_D_05_CS emptied by an empty list; an old version is refused", () =>
    onCharger({ patch: LIST_ONLY }, async (system) => {
      await sendList(system, 5, "Full", [{ idToken: VALID_TOKEN, idTokenInfo: { status: "Accepted" } }]);
      await system.send(
        "SendLocalList",
        { versionNumber: 5, updateType: "Differential", localAuthorizationList: [{ idToken: VALID_TOKEN }] },
        { status: "VersionMismatch" },
      );
      await sendList(system, 6, "Full", []);
      await system.send("GetLocalListVersion", {}, { versionNumber: 6 });
      await system.authorizedLocally({ asksCsms: true });
    }));

  test("TC_D_06_CS persistent over a reboot", () =>
    onCharger({ patch: LIST_ONLY }, async (system) => {
      await sendList(system, 5, "Full", [{ idToken: VALID_TOKEN, idTokenInfo: { status: "Accepted" } }]);
      await system.charger.end("SIGKILL");
      await system.charger.startStation();
      system.skip();
      await system.send("GetLocalListVersion", {}, { versionNumber: 5 });
      expect(await system.getVariable("LocalAuthListCtrlr", "Entries")).toBe("1");
      await system.authorizedLocally({ asksCsms: false });
    }));
});

describe("customer information (N09, N10)", () => {
  test("TC_N_27_CS, TC_N_46_CS what is known is told; cleared except for the list", () =>
    onCharger(
      { patch: { AuthCacheCtrlr: { Enabled: true }, LocalAuthListCtrlr: { Enabled: true } } },
      async (system) => {
        await cache(system, VALID_TOKEN);
        await sendList(system, 1, "Full", [{ idToken: VALID_TOKEN, idTokenInfo: { status: "Accepted" } }]);
        await customer(system, 1, { report: true, clear: true, idToken: VALID_TOKEN });
        expect((await lastPart(system, 1)).data).toContain("authorizationCache");
        await customer(system, 2, { report: true, clear: false, idToken: VALID_TOKEN });
        const { data } = await lastPart(system, 2);
        expect(data).toContain("localAuthorizationList");
        expect(data).not.toContain("authorizationCache");
        await sendList(system, 2, "Differential", [{ idToken: VALID_TOKEN }]);
      },
    ));

  test("TC_N_29_CS neither report nor clear", () =>
    onCharger({}, async (system) => {
      await system.send(
        "CustomerInformation",
        { requestId: 1, report: false, clear: false, idToken: VALID_TOKEN },
        { status: "Rejected" },
      );
      await system.receiveNo("NotifyCustomerInformation", 100);
    }));

  test("TC_N_32_CS cleared without a report: one message", () =>
    onCharger({ patch: { AuthCacheCtrlr: { Enabled: true } } }, async (system) => {
      await cache(system, VALID_TOKEN);
      await customer(system, 1, { report: false, clear: true, idToken: VALID_TOKEN });
      expect(await lastPart(system, 1)).toMatchObject({ seqNo: 0 });
      await system.authorizedLocally({ asksCsms: true });
    }));
});

describe("data transfer (P)", () => {
  test("TC_P_01_CS, TC_P_02_CS, TC_P_03_CS a module answers for its vendors and messages", () =>
    onCharger({ optionalModules: true }, async (system) => {
      system.charger.everest.answer("data_transfer.data_transfer", ({ request }) => {
        const { vendor_id, message_id, data } = request as Readonly<Record<string, string | undefined>>;
        if (vendor_id !== "com.example") return { status: "UnknownVendorId" };
        return message_id === "echo" ? { status: "Accepted", data } : { status: "UnknownMessageId" };
      });
      const vendorId = "com.example";
      const data = { list: [1, "ü", null] };
      await system.send("DataTransfer", { vendorId: "org.other", messageId: "echo" }, { status: "UnknownVendorId" });
      await system.send("DataTransfer", { vendorId, messageId: "none" }, { status: "UnknownMessageId" });
      await system.send("DataTransfer", { vendorId, messageId: "echo", data }, { status: "Accepted", data });
    }));

  test("a module transfers data to the CSMS (P02)", () =>
    onCharger({ optionalModules: true }, async (system) => {
      const transfer = (request: object) =>
        system.charger.everest.bus.call("tester", "ocpp", "data_transfer", "data_transfer", { request });
      system.charger.csms.on("DataTransfer", ({ messageId }) =>
        messageId === "known" ? { status: "Accepted", data: { ok: true } } : { status: "UnknownMessageId" },
      );
      const request = { vendor_id: "com.example", message_id: "known", data: '{"a":1}' };
      expect(await transfer(request)).toEqual({ status: "Accepted", data: '{"ok":true}' });
      await system.receive("DataTransfer", { vendorId: "com.example", messageId: "known", data: { a: 1 } });
      expect(await transfer({ vendor_id: "com.example", message_id: "?" })).toEqual({ status: "UnknownMessageId" });
      expect(await transfer({ vendor_id: "x".repeat(256) })).toEqual({ status: "Rejected" });
      await goOffline(system);
      expect(await transfer(request)).toEqual({ status: "Offline" });
    }));
});

test("every field of a validation result, and the texts as tariff message (BEHAVIOUR 7, 19.2)", () =>
  onCharger({}, async (system) => {
    const texts: unknown[] = [];
    await system.charger.everest.bus.listen("modules/ocpp/impl/session_cost/var/tariff_message", (payload) => {
      texts.push((payload as { data: { data: unknown } }).data.data);
    });
    const message = { format: "UTF8", language: "en", content: "Welcome" } as const;
    system.answerTokensWith({
      status: "Accepted",
      cacheExpiryDateTime: "2040-01-01T00:00:00Z",
      groupIdToken: GROUP,
      evseId: [1],
      personalMessage: message,
    });
    const result = await system.charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
      provided_token: { id_token: OTHER_CARD, authorization_type: "RFID" },
    });
    expect(result).toEqual({
      authorization_status: "Accepted",
      expiry_time: "2040-01-01T00:00:00.000Z",
      parent_id_token: { value: "GROUP", type: "Central" },
      evse_ids: [1],
      tariff_messages: [message],
    });
    await until(() => texts.length === 1);
    expect(texts).toEqual([{ identifier_id: OTHER_CARD.value, identifier_type: "IdToken", messages: [message] }]);
  }));

/** Presented and Accepted once: in the cache. */
async function cache(system: TestSystem, token: IdTokenType): Promise<void> {
  await system.charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
    provided_token: { id_token: { value: token.idToken, type: token.type }, authorization_type: "RFID" },
  });
  await system.receive("Authorize", { idToken: token });
}

const customer = (system: TestSystem, requestId: number, request: Facts) =>
  system.send("CustomerInformation", { requestId, ...request } as never, { status: "Accepted" });

const lastPart = (system: TestSystem, requestId: number) =>
  system.receive("NotifyCustomerInformation", { requestId, tbc: false });

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 200 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
}
