/** Pictures of the web page with a charger at work; see scripts/screenshots. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { startBrowser } from "../test/support/browser.ts";
import { Charger } from "../test/support/charger.ts";
import { freeAddress } from "../test/support/free-address.ts";

const IMAGES = join(import.meta.dir, "../docs/images");
const TOKEN = "the-token-of-the-pictures";
const CARDS = ["04A1B2C3D4E5F6", "045D3A9C11F280"].map((value) => ({
  id_token: { value, type: "ISO14443" },
  authorization_type: "RFID",
}));
const HOUR_SECONDS = 3_600;
/** So long the meters draw their lines. */
const PLAYED_SECONDS = 45;

/** A limit for each EVSE that changes over the day. */
function dayProfile(evseId: number): Parameters<Charger["csms"]["send"]>[1] {
  const limits = [32, 20, 10, 16, 32];
  return {
    evseId,
    chargingProfile: {
      id: 10 + evseId,
      stackLevel: 0,
      chargingProfilePurpose: "TxDefaultProfile",
      chargingProfileKind: "Absolute",
      chargingSchedule: [
        {
          id: 1,
          startSchedule: new Date().toISOString(),
          chargingRateUnit: "A",
          chargingSchedulePeriod: limits.map((limit, step) => ({ startPeriod: step * 5 * HOUR_SECONDS, limit })),
        },
      ],
    },
  } as Parameters<Charger["csms"]["send"]>[1];
}

async function play({ csms, everest }: Charger): Promise<void> {
  const [first, second, third] = everest.evses;
  if (first === undefined || second === undefined || third === undefined) throw new Error("three EVSEs are needed");
  for (const evseId of [1, 2]) await csms.send("SetChargingProfile", dayProfile(evseId) as never);
  await first.plugIn();
  await first.authorize(CARDS[0] as never);
  await first.startCharging();
  await Bun.sleep((PLAYED_SECONDS * 1_000) / 3);
  await second.plugIn();
  await second.authorize(CARDS[1] as never);
  await second.startCharging();
  await Bun.sleep((PLAYED_SECONDS * 1_000) / 3);
  await first.pause("EV");
  await Bun.sleep(4_000);
  await first.startCharging();
  await Bun.sleep((PLAYED_SECONDS * 1_000) / 3);
}

interface Picture {
  readonly name: string;
  readonly path: string;
  readonly scheme: "light" | "dark";
  readonly width: number;
  readonly height: number;
}

const PICTURES: readonly Picture[] = [
  { name: "evses", path: "/evses", scheme: "light", width: 1_280, height: 960 },
  { name: "messages", path: "/messages", scheme: "light", width: 1_280, height: 620 },
  { name: "evses-phone", path: "/evses", scheme: "dark", width: 390, height: 844 },
  { name: "station-offline", path: "/", scheme: "light", width: 1_280, height: 760 },
];

async function take(browser: Browser, origin: string, { name, path, scheme, width, height }: Picture): Promise<void> {
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: scheme,
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
  });
  const page = await context.newPage();
  await page.goto(`${origin}/login`);
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Log in" }).click();
  await page.goto(`${origin}${path}`);
  await page.locator("#live", { hasText: /^live$/ }).waitFor();
  await page.waitForTimeout(2_500);
  await page.screenshot({ path: join(IMAGES, `${name}.png`) });
  await context.close();
  console.log(`docs/images/${name}.png`);
}

const directory = mkdtempSync(join(tmpdir(), "screenshots-"));
const tokenFile = join(directory, "token");
writeFileSync(tokenFile, TOKEN, { mode: 0o600 });
mkdirSync(IMAGES, { recursive: true });
const address = freeAddress();
const charger = await Charger.start({
  evseCount: 3,
  powermeterIntervalMilliseconds: 1_000,
  commandLine: ["--http", address, "--http-token-file", tokenFile],
  patch: {
    SampledDataCtrlr: { TxUpdatedInterval: 10 },
    OCPPCommCtrlr: { RetryBackOffWaitMinimum: 5 },
  },
});
const browser = await startBrowser();
try {
  console.log(`a charger is at work for ${PLAYED_SECONDS} seconds`);
  await play(charger);
  const [offline, ...online] = PICTURES.toReversed();
  for (const picture of online.toReversed()) await take(browser, `http://${address}`, picture);
  charger.csms.refuseWith = 401;
  charger.csms.drop();
  await Bun.sleep(3_000);
  if (offline !== undefined) await take(browser, `http://${address}`, offline);
} finally {
  await browser.close();
  await charger.stop();
  rmSync(directory, { recursive: true });
}
process.exit(0);
