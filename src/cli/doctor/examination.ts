import { isIP } from "node:net";
import type { CertificateSource } from "../../agent/certificate-source.ts";
import { AttemptSettings } from "../../agent/csms-connection.ts";
import type { Stores } from "../../agent/stores.ts";
import type { Clock } from "../../lib/clock.ts";
import { silentLogger } from "../../log/logger.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import { stationUrl } from "../../ocpp/station-url.ts";
import { identityOf } from "../../station/model/network-profiles.ts";
import type { RunningProcess, Way } from "./report.ts";
import { peerKey, type RunningStation } from "./running-station.ts";
import { goTheWay } from "./way.ts";

export interface ExaminationOptions {
  readonly stores: Stores;
  readonly profiles: readonly ConnectionProfile[];
  /** Those that are not examined, too: the running station may be connected by one of them. */
  readonly all: readonly ConnectionProfile[];
  readonly certificates: CertificateSource;
  readonly running: RunningStation | undefined;
  /** Opens a websocket although that may cost the running station its connection. */
  readonly insists: boolean;
  readonly limitMilliseconds: number;
  readonly clock: Clock;
}

const HANDS_OFF =
  "left out: the running station is connected, and many CSMSs would cut its connection for a second one; --handshake insists";

/** The URL as the profile has it, with a scheme. */
function urlOf({ url, securityProfile }: ConnectionProfile, identity: string | undefined): string | undefined {
  try {
    return stationUrl(url, securityProfile, identity ?? "");
  } catch {
    return undefined;
  }
}

/**
 * Has the station a connection to the CSMS of a profile? A name may lead to other addresses now than when it connected, so
 * the port decides then: the station connects to nobody else but the broker.
 */
function isConnectedTo({ peers }: RunningStation, url: string): boolean {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  const number = port === "" ? (protocol === "wss:" ? 443 : 80) : Number(port);
  return isIP(host) === 0 ? [...peers].some((peer) => peer.endsWith(` ${number}`)) : peers.has(peerKey(host, number));
}

/** Has the station that runs on these databases a connection to any CSMS of the profiles? */
export function runningProcess(
  running: RunningStation | undefined,
  profiles: readonly ConnectionProfile[],
): RunningProcess | undefined {
  if (running === undefined) return undefined;
  const urls = profiles.flatMap((profile) => urlOf(profile, undefined) ?? []);
  return { processId: running.processId, isConnected: urls.some((url) => isConnectedTo(running, url)) };
}

/** Goes the way of each profile, one after the other. */
export async function examine(options: ExaminationOptions): Promise<readonly Way[]> {
  const { stores, profiles, all, certificates, running, insists, limitMilliseconds, clock } = options;
  const { deviceModel, core } = stores;
  const attempts = new AttemptSettings({
    deviceModel,
    core,
    security: certificates,
    clientCertificate: () => certificates.leafCertificateFiles("CSMS"),
    network: undefined,
    clock,
    logger: silentLogger,
  });
  const isBusy = runningProcess(running, all)?.isConnected === true && !insists;
  const ways: Way[] = [];
  for (const profile of profiles) {
    const identity = identityOf(deviceModel, profile.slot);
    const settings = await attempts.read(profile).catch((error: Error): Error => error);
    const url = settings instanceof Error ? urlOf(profile, identity) : settings.url;
    const steps = await goTheWay({
      settings,
      url,
      clock,
      limitMilliseconds,
      reasonAgainstHandshake: isBusy ? HANDS_OFF : undefined,
    });
    const { slot, securityProfile } = profile;
    const passed = steps.every(({ status }) => status !== "failed");
    ways.push({ slot, url: profile.url, securityProfile, ...(identity !== undefined && { identity }), steps, passed });
  }
  return ways;
}
