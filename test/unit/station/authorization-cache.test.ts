import { afterEach, describe, expect, test } from "bun:test";
import { AuthCacheCtrlr } from "../../../src/device-model/variables.ts";
import { answerTokens, card, present, setMaxLimit, setVariable } from "../../support/authorization.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
  return charger;
};
const asked = () => charger.callsOf("Authorize").length;
const cached = (idToken: string) => charger.core.authCache.get(card(idToken))?.idTokenInfo;
const learn = (idToken: string, info: Record<string, unknown> = { status: "Accepted" }) =>
  charger.services.authorization.learn(card(idToken), info as { status: "Accepted" });
const clear = async () => ((await charger.call("ClearCache", {})).body as { status: string }).status;

describe("what is kept (C10)", () => {
  test("TC_C_33, 34: answers to Authorize and TransactionEvent update it, whatever the status (C10.FR.01, FR.04, FR.05, C12.FR.06)", async () => {
    await start();
    await present(charger, card("A"));
    expect(cached("A")).toEqual({ status: "Accepted" });
    answerTokens(charger, { status: "Invalid" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
    await charger.clock.advance(50);
    expect(charger.callsOf("TransactionEvent")[0]).toMatchObject({ idToken: card("A") }); // C12.FR.02
    expect(cached("A")).toEqual({ status: "Invalid" });
    await present(charger, card("A"));
    expect(asked()).toBe(2);
  });

  test("an answer to an event without token is about the token of the transaction (C10.FR.05)", async () => {
    await start();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
    await charger.clock.advance(50);
    charger.react = () => ({ answer: { idTokenInfo: { status: "NoCredit" } } });
    charger.event(1, { kind: "ChargingStarted", sessionId: "s" });
    await charger.clock.advance(50);
    expect(charger.callsOf("TransactionEvent").at(-1)?.idToken).toBeUndefined();
    expect(cached("A")).toEqual({ status: "NoCredit" });
  });

  test("TC_C_32: it outlives a power cut (C10.FR.02), under hashes (C10.FR.12)", async () => {
    await start();
    await present(charger, card("SECRET-CARD"));
    charger.crash();
    await charger.start();
    await charger.clock.advance(100);
    await present(charger, card("SECRET-CARD"));
    expect(asked()).toBe(1);
    expect(JSON.stringify(charger.core.database.query("SELECT * FROM AUTH_CACHE").values())).not.toContain("SECRET");
  });

  test("C10.FR.09: texts about tariffs are told once and not kept", async () => {
    await start();
    const personalMessage = { format: "UTF8", content: "0.30 per kWh" };
    answerTokens(charger, { status: "Accepted", personalMessage, language1: "de" });
    expect((await present(charger, card("A"))).idTokenInfo.personalMessage).toMatchObject(personalMessage);
    expect(cached("A")).toEqual({ status: "Accepted", language1: "de" });
  });

  test("AuthCacheCtrlr.Enabled switches it at run time and leaves the content as it is (C10.FR.11)", async () => {
    await start();
    await present(charger, card("A"));
    await setVariable(charger, "AuthCacheCtrlr", "Enabled", "false");
    await present(charger, card("A"));
    await present(charger, card("B"));
    expect(asked()).toBe(3);
    await setVariable(charger, "AuthCacheCtrlr", "Enabled", "true");
    await present(charger, card("A"));
    expect(asked()).toBe(3);
    expect(charger.core.authCache.entries).toBe(1);
  });
});

describe("how long", () => {
  test("TC_C_46: AuthCacheLifeTime counts from the last update, not from the last use (C10.FR.08, FR.10)", async () => {
    await start({ "AuthCacheCtrlr.LifeTime": "60" });
    await present(charger, card("A"));
    await charger.clock.advance(40_000);
    await present(charger, card("A"));
    expect(asked()).toBe(1);
    await charger.clock.advance(21_000);
    await present(charger, card("A"));
    expect(asked()).toBe(2);
  });

  test("cacheExpiryDateTime goes before the life time (C10.FR.13)", async () => {
    await start({ "AuthCacheCtrlr.LifeTime": "60" });
    const cacheExpiryDateTime = new Date(charger.clock.now().getTime() + 300_000).toISOString();
    answerTokens(charger, { status: "Accepted", cacheExpiryDateTime });
    await present(charger, card("A"));
    await charger.clock.advance(299_000);
    await present(charger, card("A"));
    expect(asked()).toBe(1);
    await charger.clock.advance(2_000);
    await present(charger, card("A"));
    expect(asked()).toBe(2);
  });

  test("a date in the past keeps a token out, and takes it out (C10.FR.10)", async () => {
    await start();
    learn("A");
    expect(charger.core.authCache.entries).toBe(1);
    learn("A", { status: "Accepted", cacheExpiryDateTime: "2020-01-01T00:00:00Z" });
    learn("B", { status: "Accepted", cacheExpiryDateTime: "2020-01-01T00:00:00Z" });
    expect(charger.core.authCache.entries).toBe(0);
  });

  test("nobody presents it: an expired entry is removed all the same", async () => {
    await start({ "AuthCacheCtrlr.LifeTime": "60" });
    learn("A");
    learn("B", {
      status: "Accepted",
      cacheExpiryDateTime: new Date(charger.clock.now().getTime() + 1_000).toISOString(),
    });
    await charger.clock.advance(15 * 60_000);
    expect(charger.core.authCache.entries).toBe(0);
    expect(charger.deviceModel.read(AuthCacheCtrlr.Storage)).toBe(0);
  });
});

describe("how much (C10.FR.07)", () => {
  const limited = async (policy: string) => {
    await start({ "AuthCacheCtrlr.Policy": policy });
    learn("MEASURE");
    const entryBytes = charger.core.authCache.sizeBytes;
    await clear();
    setMaxLimit(charger, AuthCacheCtrlr.Storage, entryBytes * 3 + 20);
    for (const idToken of ["FIRST", "SECOND", "THIRD"]) {
      learn(idToken);
      await charger.clock.advance(1_000);
    }
  };
  const use = async (idToken: string) => {
    await present(charger, card(idToken));
    await charger.clock.advance(1_000);
  };
  const kept = () => ["FIRST", "SECOND", "THIRD", "NEW"].filter((idToken) => cached(idToken) !== undefined);

  test("LRU gives up what was used longest ago", async () => {
    await limited("LRU");
    await use("FIRST");
    learn("NEW");
    expect(kept()).toEqual(["FIRST", "THIRD", "NEW"]);
  });

  test("LFU gives up what was used least", async () => {
    await limited("LFU");
    for (const idToken of ["SECOND", "FIRST", "SECOND", "THIRD", "FIRST"]) await use(idToken);
    learn("NEW");
    expect(kept()).toEqual(["FIRST", "SECOND", "NEW"]);
  });

  test("FIFO gives up what came first, however often it was used and updated since", async () => {
    await limited("FIFO");
    await use("FIRST");
    learn("FIRST");
    learn("NEW");
    expect(kept()).toEqual(["SECOND", "THIRD", "NEW"]);
  });

  test("CUSTOM gives up what is not Accepted, then what was used longest ago", async () => {
    await limited("CUSTOM");
    learn("THIRD", { status: "Unknown" });
    learn("NEW");
    expect(kept()).toEqual(["FIRST", "SECOND", "NEW"]);
  });

  test.each(["LFU", "CUSTOM"])(
    "incident: with %s a new entry was given up for the sake of all others",
    async (policy) => {
      await limited(policy);
      for (const idToken of ["FIRST", "SECOND", "THIRD"]) await use(idToken);
      learn("NEW", { status: "Unknown" });
      expect(kept()).toEqual(["SECOND", "THIRD", "NEW"]);
    },
  );

  test("Storage tells the bytes at any time and never stays above its limit", async () => {
    await limited("LRU");
    for (let index = 0; index < 50; index++) {
      learn(`CARD${index}`);
      const used = charger.deviceModel.read(AuthCacheCtrlr.Storage) ?? Number.NaN;
      const [[counted]] = charger.core.database
        .query("SELECT sum(length(ID_TOKEN_HASH) + length(ID_TOKEN_INFO)) FROM AUTH_CACHE")
        .values() as [[number]];
      expect(used).toBe(counted);
      expect(used).toBeLessThanOrEqual(charger.core.authCache.sizeBytes);
      expect(charger.core.authCache.entries).toBeLessThanOrEqual(3);
    }
  });
});

describe("ClearCache (C11)", () => {
  test("TC_C_37: empties it (C11.FR.01–03)", async () => {
    await start();
    await present(charger, card("A"));
    expect(await clear()).toBe("Accepted");
    expect(charger.core.authCache.entries).toBe(0);
    expect(charger.deviceModel.read(AuthCacheCtrlr.Storage)).toBe(0);
    await present(charger, card("A"));
    expect(asked()).toBe(2);
  });

  test("TC_C_38: Rejected while it is switched off (C11.FR.04)", async () => {
    await start({ "AuthCacheCtrlr.Enabled": "false" });
    expect(await clear()).toBe("Rejected");
  });

  test("Rejected when it cannot be done (C11.FR.05)", async () => {
    await start();
    await present(charger, card("A"));
    charger.core.database.run("PRAGMA query_only = ON");
    expect(await clear()).toBe("Rejected");
    charger.core.database.run("PRAGMA query_only = OFF");
    expect(charger.core.authCache.entries).toBe(1);
  });
});

test("a full disk does not keep anybody from charging", async () => {
  await start();
  charger.core.database.run("PRAGMA query_only = ON");
  expect((await present(charger, card("A"))).idTokenInfo.status).toBe("Accepted");
  const certificateHashData = [
    { hashAlgorithm: "SHA256", issuerNameHash: "a", issuerKeyHash: "b", serialNumber: "1", responderURL: "x" } as const,
  ];
  expect((await present(charger, card("DE8AA", "eMAID"), { certificateHashData })).idTokenInfo.status).toBe("Accepted");
  charger.core.database.run("PRAGMA query_only = OFF");
  await present(charger, card("A"));
  charger.core.database.run("PRAGMA query_only = ON");
  expect(await present(charger, card("A"))).toMatchObject({ source: "cache" });
  charger.core.database.run("PRAGMA query_only = OFF");
});
