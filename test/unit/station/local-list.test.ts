import { afterEach, describe, expect, test } from "bun:test";
import { LocalAuthListCtrlr } from "../../../src/device-model/variables.ts";
import { card, entry, present, sendLocalList, setMaxLimit, setVariable } from "../../support/authorization.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
const version = async () =>
  ((await charger.call("GetLocalListVersion", {})).body as { versionNumber: number }).versionNumber;
const send = (versionNumber: number, updateType: "Full" | "Differential", list?: readonly object[]) =>
  sendLocalList(charger, versionNumber, updateType, list);
const listed = (idToken: string) => charger.core.localList.get(card(idToken));
const stored = () => {
  const [[entries, bytes]] = charger.core.database
    .query("SELECT count(*), coalesce(sum(length(ID_TOKEN_HASH) + length(ID_TOKEN_INFO)), 0) FROM AUTH_LIST")
    .values() as [[number, number]];
  return { entries, bytes };
};
const reported = () => ({
  entries: charger.deviceModel.read(LocalAuthListCtrlr.Entries),
  bytes: charger.deviceModel.read(LocalAuthListCtrlr.Storage),
});

describe("SendLocalList (D01)", () => {
  test("TC_D_01: Full replaces the list and its version, also by a lower one (D01.FR.02, FR.15)", async () => {
    await start();
    expect(await send(7, "Full", [entry("A", "Accepted"), entry("B", "Blocked")])).toBe("Accepted");
    expect(await send(3, "Full", [entry("C", "Accepted")])).toBe("Accepted");
    expect([listed("A"), listed("B"), listed("C"), await version()]).toEqual([
      undefined,
      undefined,
      { status: "Accepted" },
      3,
    ]);
  });

  test("TC_D_02, 03: Differential adds, changes and removes (D01.FR.16, FR.17)", async () => {
    await start();
    await send(1, "Full", [entry("A", "Accepted"), entry("B", "Accepted")]);
    expect(await send(2, "Differential", [entry("A", "Blocked"), entry("B"), entry("C", "Accepted"), entry("D")])).toBe(
      "Accepted",
    );
    expect([listed("A"), listed("B"), listed("C"), await version()]).toEqual([
      { status: "Blocked" },
      undefined,
      { status: "Accepted" },
      2,
    ]);
  });

  test.each([
    ["absent", undefined],
    ["empty", []],
  ] as const)(
    "TC_D_04: Full with an %s list empties it, Differential changes the version only (D01.FR.04, FR.05)",
    async (_name, list) => {
      await start();
      await send(1, "Full", [entry("A", "Accepted")]);
      expect(await send(2, "Differential", list)).toBe("Accepted");
      expect([stored().entries, await version()]).toEqual([1, 2]);
      expect(await send(3, "Full", list)).toBe("Accepted");
      expect([stored().entries, await version()]).toEqual([0, 3]);
    },
  );

  test("TC_D_05: a Differential that is not newer is refused with VersionMismatch and changes nothing (D01.FR.19)", async () => {
    await start();
    await send(5, "Full", [entry("A", "Accepted")]);
    for (const old of [4, 5]) expect(await send(old, "Differential", [entry("B", "Accepted")])).toBe("VersionMismatch");
    expect([listed("B"), await version()]).toEqual([undefined, 5]);
  });

  test("TC_D_06: list and version outlive a power cut (D01.FR.10)", async () => {
    await start();
    await send(5, "Full", [entry("A", "Accepted")]);
    charger.crash();
    await charger.start();
    await charger.clock.advance(100);
    expect([listed("A"), await version(), reported().entries]).toEqual([{ status: "Accepted" }, 5, 1]);
  });

  test("duplicates, also in other letters, fail as a whole (D01.FR.06)", async () => {
    await start();
    await send(1, "Full", [entry("A", "Accepted")]);
    expect(await send(2, "Full", [entry("B", "Accepted"), entry("B", "Blocked")])).toBe("Failed");
    expect(await send(2, "Differential", [entry("abc", "Accepted"), entry("ABC", "Blocked")])).toBe("Failed");
    expect([stored().entries, listed("A"), await version()]).toEqual([1, { status: "Accepted" }, 1]);
  });

  test("another spelling changes and removes the same entry (C01.FR.25)", async () => {
    await start();
    await send(1, "Full", [entry("Card", "Accepted")]);
    await send(2, "Differential", [entry("CARD", "Blocked")]);
    expect([stored().entries, listed("card")]).toEqual([1, { status: "Blocked" }]);
    await send(3, "Differential", [entry("cArD")]);
    expect(stored().entries).toBe(0);
  });

  test("version 0 and below, and a Full list with an entry that says nothing, fail (D01.FR.18, FR.15)", async () => {
    await start();
    expect(await send(0, "Full", [entry("A", "Accepted")])).toBe("Failed");
    expect(await send(-1, "Full")).toBe("Failed");
    expect(await send(1, "Full", [entry("A", "Accepted"), entry("B")])).toBe("Failed");
    expect(await version()).toBe(0);
  });

  test("more entries or bytes than one message may have are refused with an error (D01.FR.11)", async () => {
    await start({ "LocalAuthListCtrlr.ItemsPerMessage": "2", "LocalAuthListCtrlr.BytesPerMessage": "1000" });
    const many = ["A", "B", "C"].map((idToken) => entry(idToken, "Accepted"));
    expect(await send(1, "Full", many)).toBe("OccurrenceConstraintViolation");
    const personalMessage = { format: "UTF8" as const, content: "x".repeat(500) };
    const large = ["A", "B"].map((idToken) => entry(idToken, "Accepted", { personalMessage }));
    expect(await send(1, "Full", large)).toBe("FormatViolation");
    expect(await send(1, "Full", many.slice(0, 2))).toBe("Accepted");
  });

  test("more than Entries or Storage can hold fails, and the list stays as it was (D01.FR.12)", async () => {
    await start();
    await send(1, "Full", [entry("A", "Accepted"), entry("B", "Accepted")]);
    setMaxLimit(charger, LocalAuthListCtrlr.Entries, 3);
    expect(await send(2, "Differential", [entry("C", "Accepted"), entry("D", "Accepted")])).toBe("Failed");
    expect(await send(2, "Differential", [entry("A"), entry("C", "Accepted"), entry("D", "Accepted")])).toBe(
      "Accepted",
    );
    setMaxLimit(charger, LocalAuthListCtrlr.Storage, stored().bytes);
    expect(await send(3, "Differential", [entry("C", "Blocked")])).toBe("Accepted");
    expect(await send(4, "Differential", [entry("C", "NotAtThisLocation")])).toBe("Failed");
    expect([listed("C"), await version(), reported()]).toEqual([{ status: "Blocked" }, 3, stored()]);
  });

  test("Entries and Storage are true after each change (D01.FR.12)", async () => {
    await start();
    const changes: readonly (() => Promise<unknown>)[] = [
      () => send(1, "Full", [entry("A", "Accepted"), entry("Bébé", "Blocked")]),
      () => send(2, "Differential", [entry("A", "NotAtThisTime"), entry("C", "Accepted")]),
      () => send(2, "Differential", [entry("D", "Accepted")]),
      () => send(3, "Differential", [entry("A"), entry("X")]),
      () => send(4, "Full", [entry("Z", "Accepted")]),
      () => send(5, "Full"),
    ];
    for (const change of changes) {
      await change();
      expect(reported()).toEqual(stored());
    }
  });

  test("switched off: Failed, version 0, and nobody is looked up; the content stays (D01.FR.13, D02.FR.03)", async () => {
    await start();
    await send(4, "Full", [entry("A", "Accepted")]);
    await setVariable(charger, "LocalAuthListCtrlr", "Enabled", "false");
    expect([await send(5, "Full"), await version()]).toEqual(["Failed", 0]);
    expect((await present(charger, card("A"))).source).toBe("csms");
    await setVariable(charger, "LocalAuthListCtrlr", "Enabled", "true");
    expect([await version(), listed("A")]).toEqual([4, { status: "Accepted" }]);
  });

  test("nothing but SendLocalList changes it: neither answers of the CSMS nor ClearCache (D01.FR.09)", async () => {
    await start();
    await send(1, "Full", [entry("A", "Accepted")]);
    charger.services.authorization.learn(card("A"), { status: "Blocked" });
    await charger.call("ClearCache", {});
    expect(listed("A")).toEqual({ status: "Accepted" });
  });

  test("a list that cannot be stored is Failed", async () => {
    await start();
    charger.core.database.run("PRAGMA query_only = ON");
    expect(await send(1, "Full", [entry("A", "Accepted")])).toBe("Failed");
    charger.core.database.run("PRAGMA query_only = OFF");
    expect(await version()).toBe(0);
  });

  test("who charges with a changed token: the hardware side is told, after the answer", async () => {
    await start();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
    await charger.clock.advance(50);
    const groupIdToken = card("FAMILY", "Central");
    await send(1, "Full", [entry("a", "Accepted", { groupIdToken }), entry("B", "Accepted")]);
    const updates = charger.hardwareCalls.filter(({ name }) => name === "publishValidationUpdate");
    expect(updates.map(({ args }) => args[0])).toEqual([
      { evseId: 1, idTokenInfo: { status: "Accepted", groupIdToken } },
    ]);
  });
});

describe("GetLocalListVersion (D02)", () => {
  test("TC_D_08, 09: the version, 0 while nothing was ever sent (D02.FR.01, FR.02)", async () => {
    await start();
    expect(await version()).toBe(0);
    await send(12, "Full");
    expect(await version()).toBe(12);
  });
});

test("100,000 entries: the last piece is taken like the first, all are found and counted, also after a restart", async () => {
  await start({ "LocalAuthListCtrlr.ItemsPerMessage": "1000", "LocalAuthListCtrlr.BytesPerMessage": "200000" });
  const { core } = charger;
  const entries = Array.from({ length: 100_000 }, (_, index) => entry(`CARD${index}`, "Accepted"));
  core.unitOfWork.run(() => core.localList.replace(entries.slice(0, 99_000), 1));
  expect(await send(2, "Differential", entries.slice(99_000))).toBe("Accepted");
  expect(reported()).toEqual(stored());
  expect(reported().entries).toBe(100_000);
  expect(await send(3, "Differential", [entry("ONE-MORE", "Accepted")])).toBe("Failed");
  charger.crash();
  await charger.start();
  await charger.clock.advance(100);
  expect(reported().entries).toBe(100_000);
  expect(await present(charger, card("card99999"))).toMatchObject({ source: "local-list" });
}, 60_000);
