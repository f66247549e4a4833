import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Clock, SystemClock, sleep } from "../lib/clock.ts";
import { startBroker } from "./broker.ts";
import { SimulatedCsms } from "./csms.ts";
import { chargeMoney, greet, showOnDisplay, TARIFF } from "./driver-display.ts";
import { EverestSide } from "./everest/everest-side.ts";
import type { Release } from "./everest/release.ts";
import type { SimulatedEvse } from "./everest/simulated-evse.ts";
import { PLUG_AND_CHARGE_VARIABLES, playPlugAndCharge } from "./plug-and-charge.ts";

const COLOURS = {
  station: "\u001b[36m",
  csms: "\u001b[33m",
  charger: "\u001b[32m",
  display: "\u001b[35m",
  off: "\u001b[0m",
} as const;
const CARD = { value: "04A1B2C3D4E5F6", type: "ISO14443" } as const;
const STRANGER = { value: "04FFEEDDCCBBAA", type: "ISO14443" } as const;
const RESERVED_SECONDS = 900;

function summarize(request: Readonly<Record<string, unknown>>): string {
  const info = request.transactionInfo as { chargingState?: string; stoppedReason?: string } | undefined;
  const facts = [
    request.reason,
    request.connectorStatus && `EVSE ${String(request.evseId)} ${String(request.connectorStatus)}`,
    request.reservationUpdateStatus &&
      `reservation ${String(request.reservationId)} ${String(request.reservationUpdateStatus)}`,
    request.eventType && `${String(request.eventType)} #${String(request.seqNo)} ${String(request.triggerReason)}`,
    info?.chargingState,
    info?.stoppedReason,
    (request.idToken as { idToken?: string } | undefined)?.idToken && `with ${tokenOf(request)}`,
    request.certificateType,
    request.action,
    request.eventType && request.reservationId !== undefined && `for reservation ${String(request.reservationId)}`,
    energyOf(request),
  ];
  return facts.filter(Boolean).join(", ");
}

function tokenOf({ idToken, iso15118CertificateHashData, certificate }: Readonly<Record<string, unknown>>): string {
  if ((idToken as { type?: string }).type !== "eMAID") return "token";
  const hashes = (iso15118CertificateHashData as readonly unknown[] | undefined)?.length;
  if (hashes !== undefined) return `contract and the hashes of ${hashes} certificates`;
  return certificate === undefined ? "contract" : "contract and its certificates";
}

function energyOf(request: Readonly<Record<string, unknown>>): string | undefined {
  const values = request.meterValue as
    | readonly { sampledValue: readonly { measurand?: string; value: number }[] }[]
    | undefined;
  const energy = values?.at(-1)?.sampledValue.find(({ measurand }) => measurand === "Energy.Active.Import.Register");
  return energy === undefined ? undefined : `${energy.value.toFixed(1)} Wh`;
}

/** File by file: what is embedded in the executable can be read, but not copied as a directory. */
function copyComponentConfig(source: string, target: string): void {
  for (const folder of ["standardized", "custom"]) {
    const [from, to] = [join(source, folder), join(target, folder)];
    if (!existsSync(from)) continue;
    mkdirSync(to, { recursive: true });
    for (const file of readdirSync(from)) writeFileSync(join(to, file), readFileSync(join(from, file)));
  }
}

/** A copy of the component configuration that points at the simulated CSMS and samples often enough to watch. */
export function patchComponentConfig(
  source: string,
  target: string,
  values: Readonly<Record<string, Readonly<Record<string, string | number | boolean>>>>,
): void {
  copyComponentConfig(source, target);
  for (const [component, variables] of Object.entries(values)) {
    const path = join(target, "standardized", `${component}.json`);
    const content = JSON.parse(readFileSync(path, "utf8")) as {
      properties: Record<string, { variable_name: string; attributes: { value?: unknown }[] }>;
    };
    for (const property of Object.values(content.properties)) {
      const value = variables[property.variable_name];
      const [attribute] = property.attributes;
      if (value !== undefined && attribute !== undefined) attribute.value = value;
    }
    writeFileSync(path, JSON.stringify(content, null, 2));
  }
}

export function networkProfiles(url: string, securityProfile = 1): string {
  return JSON.stringify([
    {
      configurationSlot: 1,
      connectionData: {
        messageTimeout: 30,
        ocppCsmsUrl: url,
        ocppInterface: "Wired0",
        ocppTransport: "JSON",
        ocppVersion: "OCPP20",
        securityProfile,
      },
    },
  ]);
}

const drawing = (evse: SimulatedEvse): string => `it draws ${evse.drawn().amperes.toFixed(1)} A on each phase`;

/** A TxProfile for the running transaction. */
async function limit(csms: SimulatedCsms, clock: Clock): Promise<void> {
  const event = csms.calls.findLast(({ action }) => action === "TransactionEvent");
  const info = event?.request.transactionInfo as { transactionId: string } | undefined;
  await csms.send("SetChargingProfile", {
    evseId: 1,
    chargingProfile: {
      id: 1,
      stackLevel: 0,
      chargingProfilePurpose: "TxProfile",
      chargingProfileKind: "Absolute",
      transactionId: info?.transactionId ?? "",
      chargingSchedule: [
        {
          id: 1,
          startSchedule: clock.now().toISOString(),
          chargingRateUnit: "A",
          chargingSchedulePeriod: [
            { startPeriod: 0, limit: 10 },
            { startPeriod: 3, limit: 6 },
          ],
        },
      ],
    },
  });
}

async function playSession(
  everest: EverestSide,
  csms: SimulatedCsms,
  clock: Clock,
  say: (text: string) => void,
): Promise<void> {
  const step = async (text: string, action: () => Promise<unknown>): Promise<void> => {
    say(text);
    await action();
    await sleep(clock, 1_200);
  };
  const evse = everest.evse(1);
  const from = csms.calls.length;
  await step("the CSMS reserves EVSE 1 for a driver", async () => {
    const expiryDateTime = new Date(clock.now().getTime() + RESERVED_SECONDS * 1000).toISOString();
    const idToken = { idToken: CARD.value, type: CARD.type };
    const answer = await csms.send("ReserveNow", { id: 1, expiryDateTime, idToken, evseId: 1 });
    say(`… ReserveNow is ${answer.kind === "response" ? (answer.response as { status: string }).status : answer.code}`);
  });
  await step("somebody else presents a card", async () => say(`… and is told ${await everest.presentToken(STRANGER)}`));
  await step("the driver arrives and plugs in: still reserved", () => evse.plugIn());
  await step("… and presents a card", () => everest.presentToken(CARD));
  await step("the car draws energy", () => evse.startCharging());
  await sleep(clock, 3_000);
  await step("the CSMS has something to say", () => greet(csms));
  await step(`… ${drawing(evse)}; the CSMS limits the transaction to 10 A, and to 6 A after 3 s`, () =>
    limit(csms, clock),
  );
  for (let second = 0; second < 3; second++) await step(`… ${drawing(evse)}`, () => sleep(clock, 300));
  await step("the car pauses", () => evse.pause("EV"));
  await step("the car goes on", () => evse.startCharging());
  await step("the driver presents the card again", () => everest.presentToken(CARD));
  await step("… and unplugs", () => evse.unplug());
  await csms.waitFor("StatusNotification", ({ connectorStatus }) => connectorStatus === "Available", 10_000, from);
}

/** How this program is started again as the station: compiled it is its own executable, else the runtime and a script. */
function stationCommand(): readonly [string, ...string[]] {
  const compiled = Bun.main.startsWith("/$bunfs/");
  return compiled ? [process.execPath] : [process.execPath, Bun.main];
}

export interface SimulationOptions {
  /** End after one session. */
  readonly once: boolean;
  readonly evseCount: number;
  /** Which EVerest is played. */
  readonly release: Release;
  /** Plug and Charge by ISO 15118 instead of cards. */
  readonly plugAndCharge: boolean;
  /** Where the station serves its state. */
  readonly http: string | undefined;
}

/**
 * Subcommand `simulate`: broker, EVerest side and CSMS in this process, the station as a child process; a charging
 * session is played and every OCPP message shown as one line. Resolves to an exit code with `--once`.
 */
export async function simulateSession(
  { once, evseCount, release, plugAndCharge, http }: SimulationOptions,
  environment: Readonly<Record<string, string | undefined>>,
  componentConfig: string,
): Promise<number | undefined> {
  const clock = new SystemClock();
  const print = (colour: keyof typeof COLOURS, who: string, text: string): void => {
    process.stdout.write(`${COLOURS[colour]}${who.padEnd(16)}${COLOURS.off} ${text}\n`);
  };
  const directory = mkdtempSync(join(tmpdir(), "ocpp201-demo-"));
  const broker = await startBroker();
  const csms = await SimulatedCsms.start({ password: "DEADBEEFDEADBEEF" });
  const config = join(directory, "component_config");
  mkdirSync(config, { recursive: true });
  patchComponentConfig(componentConfig, config, {
    InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(csms.url) },
    SampledDataCtrlr: { TxUpdatedInterval: 2, TxEndedInterval: 2 },
    TariffCostCtrlr: {
      Available: true,
      Enabled: true,
      NumberOfDecimalsForCostValues: 3,
      TariffFallbackMessage: TARIFF,
    },
    DisplayMessageCtrlr: { Available: true },
    ...(plugAndCharge && PLUG_AND_CHARGE_VARIABLES),
  });
  const everest = await EverestSide.start({
    broker: { host: "127.0.0.1", port: broker.port },
    release,
    evseCount,
    optionalModules: true,
    ...(plugAndCharge && { certificates: { directory: join(directory, "certificates") } }),
    parameters: {
      CoreDatabasePath: join(directory, "core"),
      DeviceModelDatabasePath: join(directory, "device_model.db"),
      EverestDeviceModelDatabasePath: join(directory, "everest_device_model.db"),
      DeviceModelConfigPath: config,
      MessageLogPath: join(directory, "logs"),
    },
  });
  await showOnDisplay(everest, (text) => print("display", "display", text));
  chargeMoney(csms);
  csms.events.on("call", ({ action, request }) =>
    print("station", "station → CSMS", `${action} ${summarize(request)}`),
  );
  csms.events.on("connected", () => print("csms", "CSMS", "a station has connected"));
  const [command, ...first] = stationCommand();
  const station = spawn(
    command,
    [
      ...first,
      "--module",
      "ocpp",
      "--mqtt_broker_host",
      "127.0.0.1",
      "--mqtt_broker_port",
      String(broker.port),
      ...(http === undefined ? [] : ["--http", http]),
    ],
    { stdio: ["ignore", "inherit", "inherit"], env: { ...environment } as NodeJS.ProcessEnv },
  );
  const ended = new Promise<void>((resolve) => station.once("exit", () => resolve()));
  const end = async (): Promise<void> => {
    station.kill("SIGTERM");
    await ended;
    await Promise.all([everest.stop(), csms.stop()]);
    await broker.stop();
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("SIGINT", () => void end().then(() => process.exit(0)));
  await csms.waitFor("StatusNotification", undefined, 20_000);
  await sleep(clock, 500);
  const play = plugAndCharge ? playPlugAndCharge : playSession;
  await play(everest, csms, clock, (text) => print("charger", "charger", text));
  for (const violation of csms.violations) print("csms", "CSMS complains", violation);
  print(
    "charger",
    "demo",
    csms.violations.length === 0 ? "the session is complete, the CSMS has no complaints" : "something is wrong",
  );
  if (once) {
    await end();
    return csms.violations.length === 0 ? 0 : 1;
  }
  print("charger", "demo", "stays up until Ctrl-C; the station is connected and idle");
  return undefined;
}
