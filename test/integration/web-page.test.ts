import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { accessibilityFaults, CHROMIUM, openPage, startBrowser } from "../support/browser.ts";
import { Charger } from "../support/charger.ts";
import { freeAddress } from "../support/free-address.ts";

const TOKEN = "a-token-for-this-test-only";
const CARD = { id_token: { value: "04A1B2C3D4E5F6", type: "ISO14443" }, authorization_type: "RFID" };
const VIEWS = ["/", "/evses", "/queue", "/messages", "/variables", "/log", "/configuration", "/login"];

if (CHROMIUM === undefined)
  console.warn("No Chromium is here: the web page is not tested in a browser (apt: chromium)");

describe.skipIf(CHROMIUM === undefined)("the web page in a browser", () => {
  const directory = mkdtempSync(join(tmpdir(), "web-page-"));
  const tokenFile = join(directory, "token");
  const address = freeAddress();
  const origin = `http://${address}`;
  let browser: Browser;
  let charger: Charger;
  let page: Page | undefined;

  beforeAll(async () => {
    writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
    charger = await Charger.start({
      powermeterIntervalMilliseconds: 500,
      commandLine: ["--http", address, "--http-token-file", tokenFile],
    });
    browser = await startBrowser();
  }, 60_000);
  afterEach(() => page?.context().close());
  afterAll(async () => {
    await browser?.close();
    await charger?.stop();
    rmSync(directory, { recursive: true });
  }, 30_000);

  const open = async (path: string, options?: Parameters<typeof openPage>[2]) => {
    const watched = await openPage(browser, origin, options);
    page = watched.page;
    await page.goto(`${origin}${path}`);
    return watched;
  };
  const see = (text: string) => page?.getByText(text).first().waitFor({ timeout: 15_000 });
  const isLive = () => page?.locator("#live", { hasText: /^live$/ }).waitFor({ timeout: 10_000 });
  /** The picture that a plot shows. */
  const picture = (selector: string) =>
    page
      ?.locator(`${selector} canvas`)
      .evaluate((canvas) => (canvas as unknown as { toDataURL(): string }).toDataURL());
  /** Until an expression is true on the page, whose policy lets nothing wait for it there. */
  const until = async (expression: string): Promise<void> => {
    for (let attempt = 0; attempt < 200; attempt++) {
      if ((await page?.evaluate<boolean>(expression)) === true) return;
      await Bun.sleep(50);
    }
    throw new Error(`not within ten seconds: ${expression.slice(0, 200)}`);
  };
  const logIn = async (): Promise<void> => {
    await page?.goto(`${origin}/login`);
    await page?.getByLabel("Token").fill(TOKEN);
    await page?.getByRole("button", { name: "Log in" }).click();
    await page?.getByRole("button", { name: "Log out" }).waitFor();
  };

  test("a session starts, the plot moves, the session ends", async () => {
    const { page, faults } = await open("/evses");
    await isLive();
    await page.locator('.plot[data-meter="1"] canvas').waitFor();
    const evse = charger.everest.evse(1);
    await evse.plugIn();
    await see("EV connected, waits for a token");
    await evse.authorize(CARD);
    await evse.startCharging();
    await see("charging");
    // Of the card only the end.
    await see("…E5F6 (ISO14443)");
    const [before, limitBefore] = [await picture('.plot[data-meter="1"]'), await picture('.plot[data-schedule="1"]')];
    const selector = '.plot[data-meter="1"] canvas';
    await until(`document.querySelector(${JSON.stringify(selector)})?.toDataURL() !== ${JSON.stringify(before)}`);
    expect(limitBefore).toBeDefined();
    await evse.unplug();
    await page.locator('[data-live="evse-1"]', { hasText: "Available" }).waitFor({ timeout: 15_000 });
    expect(faults).toEqual([]);
  }, 60_000);

  test("the connection drops, says why and what to do, and comes back", async () => {
    const { page, faults } = await open("/");
    await isLive();
    charger.csms.refuseWith = 401;
    charger.csms.drop();
    await page.locator('[data-live="header-connection"]', { hasText: /Not connected|Connecting/ }).waitFor();
    await see("HTTP 401: the CSMS refuses the credentials");
    await see("The CSMS does not take the identity or the password");
    charger.csms.refuseWith = undefined;
    await page.locator('[data-live="header-connection"]', { hasText: /^✓Connected$/ }).waitFor({ timeout: 20_000 });
    await see("Last loss");
    expect(faults).toEqual([]);
  }, 60_000);

  test("messages come in as they pass, are filtered, and open without the card's number", async () => {
    const { page, faults } = await open("/messages");
    await isLive();
    await charger.csms.send("GetVariables", {
      getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
    });
    const row = page.locator('#rows tr[data-action="GetVariables"]', { hasText: "GetVariablesResponse" }).first();
    await row.waitFor();
    expect(await row.textContent()).toMatch(/→ to CSMS.*\d+ ms/);
    await row.locator("summary").click();
    await row.locator("pre", { hasText: '"variable": {' }).waitFor();
    await page.getByLabel("Action").selectOption("TransactionEvent");
    await until(
      '[...document.querySelectorAll("#rows tr")].every((row) => row.textContent.includes("TransactionEvent"))',
    );
    const tokens = await page.evaluate<string[]>(
      'Promise.all([...document.querySelectorAll("#rows details")].map(async (one) => (await fetch(one.dataset.load)).text()))',
    );
    expect(tokens.join("\n")).toContain("…E5F6");
    expect(tokens.join("\n")).not.toContain(CARD.id_token.value);
    expect(faults).toEqual([]);
  }, 30_000);

  test("variables are found while one types; passwords are not shown", async () => {
    const { page, faults } = await open("/variables");
    await page.getByRole("searchbox").pressSequentially("securityctrlr basicauth");
    await see("1 found");
    const row = page.locator("#results tbody tr");
    expect(await row.textContent()).toContain("***");
    expect(await row.textContent()).not.toContain("DEADBEEF");
    expect(faults).toEqual([]);
  }, 30_000);

  test("nothing can be asked for before the token was shown; then it can, and the log tells it", async () => {
    const { page, faults } = await open("/");
    expect(await page.getByRole("button", { name: "Send a Heartbeat" }).count()).toBe(0);
    await logIn();
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    const from = charger.csms.calls.length;
    await page.getByRole("button", { name: "Send a Heartbeat" }).click();
    await see("The CSMS has answered the Heartbeat.");
    await charger.csms.waitFor("Heartbeat", undefined, 5_000, from);
    expect(charger.log).toContain("heartbeat is asked for on the web page, from 127.0.0.1");
    await page.getByRole("button", { name: "Reconnect now" }).click();
    await see("The station connects anew.");
    await see("asked for on the web page");
    await page.locator('[data-live="header-connection"]', { hasText: /^✓Connected$/ }).waitFor({ timeout: 20_000 });
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("banner").getByRole("link", { name: "Log in" }).waitFor();
    expect(faults).toEqual([]);
  }, 60_000);

  test("a wrong token is refused in words", async () => {
    const { page } = await open("/login");
    await page.getByLabel("Token").fill("not-the-token-at-all");
    await page.getByRole("button", { name: "Log in" }).click();
    expect(await page.getByRole("alert").textContent()).toBe("This is not the token.");
  }, 30_000);

  test("times are in the browser's zone, UTC is a hover away", async () => {
    const { page } = await open("/", { timezoneId: "Asia/Kathmandu", locale: "en-GB" });
    const time = page.locator('[data-live="station"] time');
    const utc = new Date((await time.getAttribute("datetime")) ?? "");
    await until('document.querySelector("time[data-local]") === null');
    expect(await time.getAttribute("title")).toBe(`${utc.toISOString().slice(0, 23).replace("T", " ")} UTC`);
    const local = utc.toLocaleTimeString("en-GB", { timeZone: "Asia/Kathmandu" });
    expect(await time.textContent()).toContain(local);
  }, 30_000);

  test("the keyboard reaches the content and every view", async () => {
    const { page } = await open("/");
    const focused = () => page.evaluate<string | undefined>("document.activeElement?.textContent?.trim()");
    await page.keyboard.press("Tab");
    expect(await focused()).toBe("To the content");
    const seen: (string | undefined)[] = [];
    for (let step = 0; step < 12; step++) {
      await page.keyboard.press("Tab");
      seen.push(await focused());
    }
    for (const view of ["Station", "EVSEs", "Queue", "Messages", "Variables", "Log", "Configuration"])
      expect(seen).toContain(view);
  }, 30_000);

  test.each([
    ["light", 1280],
    ["dark", 1280],
    ["dark", 390],
  ] as const)(
    "axe-core finds no serious fault: %s, %i pixels wide",
    async (colorScheme, width) => {
      const { page, faults } = await open("/", { colorScheme, viewport: { width, height: 800 } });
      await logIn();
      for (const path of VIEWS) {
        await page.goto(`${origin}${path}`);
        expect(await accessibilityFaults(page)).toEqual([]);
        // Nothing sticks out to the side of a phone.
        expect(await page.evaluate<number>("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
      }
      expect(faults).toEqual([]);
    },
    240_000,
  );
});
