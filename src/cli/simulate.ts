import { embeddedComponentConfig } from "../device-model/embedded-component-config.ts";
import { CommandLineError } from "../everest/command-line.ts";
import { DEFAULT_RELEASE, RELEASES } from "../sim/everest/release.ts";
import { simulateSession } from "../sim/simulate.ts";
import { parseListenAddress } from "../web/access/listen-address.ts";
import { readSubcommandLine } from "./options.ts";

const EVSE_LIMIT = 32;

/** `simulate [--once] [--evses <number>] [--everest <release>] [--plug-and-charge] [--http <host:port>]`. @throws CommandLineError */
export async function simulate(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Promise<number | undefined> {
  const { values } = readSubcommandLine(argv, {
    once: { type: "boolean", default: false },
    evses: { type: "string", default: "2" },
    everest: { type: "string", default: DEFAULT_RELEASE },
    "plug-and-charge": { type: "boolean", default: false },
    http: { type: "string" },
  });
  const { once, evses, everest, "plug-and-charge": plugAndCharge, http } = values;
  const evseCount = /^\d{1,2}$/.test(evses) ? Number(evses) : 0;
  if (evseCount < 1 || evseCount > EVSE_LIMIT)
    throw new CommandLineError(`--evses: "${evses}" is not a number from 1 to ${EVSE_LIMIT}`);
  const release = RELEASES.find((one) => one === everest);
  if (release === undefined) throw new CommandLineError(`--everest: "${everest}" is none of ${RELEASES.join(", ")}`);
  if (http !== undefined) parseListenAddress(http);
  return simulateSession({ once, evseCount, release, plugAndCharge, http }, environment, embeddedComponentConfig());
}
