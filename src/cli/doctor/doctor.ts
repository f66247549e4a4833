import { askEverest, type CertificateSource, namedRoots } from "../../agent/certificate-source.ts";
import { CommandLineError, readModuleArguments } from "../../everest/command-line.ts";
import { type Clock, SystemClock } from "../../lib/clock.ts";
import { databaseFiles, LOCATION_OPTIONS, locateDatabases } from "../database-location.ts";
import { type ConfiguredModule, readEverestConfiguration } from "../everest-configuration.ts";
import { readSubcommandLine } from "../options.ts";
import { print } from "../output.ts";
import { VERSION } from "../version.ts";
import { examine, runningProcess } from "./examination.ts";
import { type Report, toText } from "./report.ts";
import { runningStation } from "./running-station.ts";
import { openCopies, profilesToTry, unusableSlots } from "./stored-station.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const OPTIONS = {
  ...LOCATION_OPTIONS,
  mqtt_broker_host: { type: "string" },
  mqtt_broker_port: { type: "string" },
  mqtt_broker_socket_path: { type: "string" },
  mqtt_everest_prefix: { type: "string" },
  slot: { type: "string" },
  roots: { type: "string" },
  timeout: { type: "string", default: "30" },
  handshake: { type: "boolean", default: false },
  json: { type: "boolean", default: false },
} as const;

const LONGEST_TIMEOUT_SECONDS = 600;

/** Exit codes: every profile leads to its CSMS; none does, or there is none; some do and some do not. */
const EXIT_CODES = { all: 0, none: 1, some: 2 } as const;

export interface DoctorQuestion {
  readonly values: Readonly<Record<string, unknown>>;
  readonly environment: Environment;
  readonly clock: Clock;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= LONGEST_TIMEOUT_SECONDS))
    throw new CommandLineError(`--timeout wants seconds up to ${LONGEST_TIMEOUT_SECONDS}`);
  return value;
}

function slotOfOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw new CommandLineError("--slot wants the number of a network profile");
  return Number(text);
}

/** Where certificates come from: a path that was named, EVerest, or nobody, since none are needed. */
async function certificateSource(
  { values, environment, clock }: DoctorQuestion,
  module: ConfiguredModule | undefined,
  usesTls: boolean,
): Promise<CertificateSource> {
  const { roots } = values;
  if (typeof roots === "string") return namedRoots(roots);
  if (!usesTls || module === undefined) return namedRoots("");
  const text = (name: string): readonly string[] => {
    const value = values[name];
    return typeof value === "string" ? [`--${name}=${value}`] : [];
  };
  const argv = Object.keys(OPTIONS)
    .filter((name) => name.startsWith("mqtt_") || name === "prefix")
    .flatMap(text);
  const { moduleId, configuration, options } = module;
  const args = readModuleArguments([...argv, `--module=${moduleId}`], environment, new Set(), options);
  return askEverest(args, configuration, clock);
}

/** Looks at everything, and changes nothing. @throws ExplainedError for a command line or a file that cannot be used */
export async function reportOf(question: DoctorQuestion): Promise<Report> {
  const { values, environment, clock } = question;
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const limitMilliseconds = seconds(text("timeout") ?? "") * 1000;
  const slot = slotOfOption(text("slot"));
  const config = text("config");
  if (Object.keys(LOCATION_OPTIONS).every((name) => name === "module" || name === "prefix" || text(name) === undefined))
    throw new CommandLineError("doctor: --config <everest.yaml> is expected, or where the databases are");
  const module = config === undefined ? undefined : readEverestConfiguration(config, text("module"));
  const { parameters, share } = locateDatabases(values, environment, () => module);
  const stores = openCopies(parameters, share, clock);
  const all = profilesToTry(stores);
  const profiles = all.filter((profile) => slot === undefined || profile.slot === slot);
  const running = runningStation(databaseFiles(parameters).core);
  const certificates = await certificateSource(
    question,
    module,
    profiles.some(({ securityProfile }) => securityProfile >= 2),
  );
  try {
    const insists = values.handshake === true;
    const ways = await examine({ stores, profiles, all, certificates, running, insists, limitMilliseconds, clock });
    const found = runningProcess(running, all);
    const defects = [
      ...(slot === undefined ? unusableSlots(stores.deviceModel) : []),
      ...(ways.length === 0 ? [`no network profile can be used${slot === undefined ? "" : ` in slot ${slot}`}`] : []),
    ];
    return {
      version: VERSION,
      time: clock.now().toISOString(),
      passed: defects.length === 0 && ways.every(({ passed }) => passed),
      ...(found !== undefined && { running: found }),
      defects,
      ways,
    };
  } finally {
    await certificates.close();
  }
}

/**
 * `doctor --config <everest.yaml>`: goes the way to the CSMS step by step, for each network profile that a start would use,
 * and says for each failure what to do. Sends no OCPP message; reads copies of the databases, and may be called while the
 * station runs.
 */
export async function doctor(argv: readonly string[], environment: Environment): Promise<number> {
  process.umask(0o077);
  const { values, positionals } = readSubcommandLine(argv, OPTIONS);
  if (positionals.length > 0) throw new CommandLineError(`doctor: "${positionals[0]}" is not understood`);
  const report = await reportOf({ values, environment, clock: new SystemClock() });
  print(values.json ? `${JSON.stringify(report, null, 2)}\n` : toText(report));
  if (report.passed) return EXIT_CODES.all;
  return report.ways.some(({ passed }) => passed) ? EXIT_CODES.some : EXIT_CODES.none;
}
