import type { DeviceModel } from "../device-model/device-model.ts";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../device-model/variables.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { ConnectionProfile } from "../ocpp/connection.ts";
import type { LinkSettings } from "../ocpp/csms-link.ts";
import { stationUrl } from "../ocpp/station-url.ts";
import { openWebSocket, type TlsSettings, type WebSocketSettings } from "../ocpp/websocket.ts";
import {
  identityOf,
  networkProfileOf,
  ownPasswordOf,
  prioritySlots,
  readLastConnected,
} from "../station/model/network-profiles.ts";
import { isForbiddenDowngrade } from "../station/model/security-profile.ts";
import type { LeafCertificateFiles, NetworkPort, SecurityPort } from "../station/ports.ts";
import type { CoreDatabase } from "../store/core-database.ts";
import { localAddressFor } from "./network-interface.ts";
import { StationCertificate } from "./station-certificate.ts";
import { TlsSessionCache } from "./tls-session-cache.ts";
import { readTlsSettings } from "./tls-settings.ts";

const HANDSHAKE_TIMEOUT_MILLISECONDS = 30_000;
const MAXIMUM_FRAME_BYTES = 1024 * 1024;
const SECURITY_PROFILES = [0, 1, 2, 3];
const DEFAULT_DURABLE_LIMIT = 2_000;

/** The profiles of NetworkConfigurationPriority that may be used, in its order. */
export function connectionProfiles(deviceModel: DeviceModel): readonly ConnectionProfile[] {
  return prioritySlots(deviceModel).flatMap((slot) => {
    const profile = networkProfileOf(deviceModel, slot);
    if (profile === undefined || isForbiddenDowngrade(deviceModel, profile.securityProfile)) return []; // A00.FR.005
    const { url, securityProfile, ocppInterface } = profile;
    return [{ slot, url, securityProfile, ocppInterface }];
  });
}

/** So many messages the durable queue takes before some of them give way. */
export function durableLimit(deviceModel: DeviceModel): number {
  return deviceModel.read(InternalCtrlr.MessageQueueSizeThreshold) ?? DEFAULT_DURABLE_LIMIT;
}

/** What makes the settings of an attempt. */
export interface LinkDependencies {
  readonly deviceModel: DeviceModel;
  readonly security: Pick<SecurityPort, "verifyFile" | "verifyLocation">;
  /** What is presented with security profile 3 (A02.FR.28). */
  readonly clientCertificate: () => Promise<LeafCertificateFiles | undefined>;
  /** Undefined where nobody sets up networks. */
  readonly network: NetworkPort | undefined;
  readonly core: Pick<CoreDatabase, "keyValues" | "unitOfWork">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly resumeDelaySeconds: number;
}

/** Basic authentication of security profiles 1 and 2: the user is the identity of the URL (A00.FR.203–205, FR.302–304). */
function basicAuthentication(identity: string, password: string | undefined) {
  // RFC 7617: the CSMS could not tell the user from the password.
  if (identity.includes(":")) throw new Error(`basic authentication: the identity "${identity}" contains a colon`);
  return { user: identity, password: password ?? "" };
}

/** Makes everything that an attempt needs, read at its beginning. */
export class AttemptSettings {
  private readonly sessions: TlsSessionCache;
  private readonly certificate: StationCertificate;

  constructor(private readonly parts: Omit<LinkDependencies, "resumeDelaySeconds">) {
    this.sessions = new TlsSessionCache(parts.clock);
    this.certificate = new StationCertificate(parts.clientCertificate, parts.core, parts.logger);
  }

  /** @throws when the profile cannot be used. */
  async read(profile: ConnectionProfile): Promise<WebSocketSettings> {
    const { slot, url, securityProfile } = profile;
    const { deviceModel, network } = this.parts;
    if (!SECURITY_PROFILES.includes(securityProfile))
      throw new Error(`there is no security profile ${securityProfile}`);
    if (securityProfile === 0 && deviceModel.read(InternalCtrlr.AllowSecurityLevelZeroConnections) !== true)
      throw new Error("security profile 0 is not allowed (InternalCtrlr.AllowSecurityLevelZeroConnections)");
    const identity = identityOf(deviceModel, slot);
    if (identity === undefined) throw new Error("the station has no identity (SecurityCtrlr.Identity)");
    const connectionUrl = stationUrl(url, securityProfile, identity);
    const localAddress = await localAddressFor({ deviceModel, network }, profile, connectionUrl);
    const usesPassword = securityProfile === 1 || securityProfile === 2;
    return {
      url: connectionUrl,
      ...(localAddress !== undefined && { localAddress }),
      ...(usesPassword && {
        basicAuthentication: basicAuthentication(
          identity,
          ownPasswordOf(deviceModel, slot) ?? deviceModel.read(SecurityCtrlr.BasicAuthPassword),
        ),
      }),
      ...(securityProfile >= 2 && { tls: await this.tls(connectionUrl, securityProfile) }),
      compression: deviceModel.read(InternalCtrlr.WebsocketCompression) === true,
      handshakeTimeoutMilliseconds: HANDSHAKE_TIMEOUT_MILLISECONDS,
      maximumFrameBytes: MAXIMUM_FRAME_BYTES,
      pings: {
        intervalMilliseconds: () => (deviceModel.read(OCPPCommCtrlr.WebSocketPingInterval) ?? 0) * 1000,
        pongTimeoutMilliseconds: () => (deviceModel.read(InternalCtrlr.WebsocketPongTimeout) ?? 5) * 1000,
        payload: () => deviceModel.read(InternalCtrlr.WebsocketPingPayload) ?? "",
        onIntervalChange: (listener) => deviceModel.onChange(OCPPCommCtrlr.WebSocketPingInterval, listener),
      },
    };
  }

  private async tls(url: string, securityProfile: number): Promise<TlsSettings> {
    const { deviceModel, security, logger } = this.parts;
    const client = securityProfile === 3 ? await this.certificate.files() : undefined;
    const settings = await readTlsSettings(deviceModel, security, client, logger);
    return deviceModel.read(InternalCtrlr.TlsSessionResumption) === true
      ? this.sessions.resume(url, settings)
      : settings;
  }
}

/** The link's settings, each read from the device model when it is needed. */
export function linkSettings(parts: LinkDependencies): LinkSettings {
  const { deviceModel, core, clock, resumeDelaySeconds } = parts;
  const attempts = new AttemptSettings(parts);
  return {
    profiles: () => connectionProfiles(deviceModel),
    lastConnected: () => readLastConnected(core.keyValues, deviceModel),
    attemptsPerProfile: () => {
      const attempts = deviceModel.read(OCPPCommCtrlr.NetworkProfileConnectionAttempts) ?? 1;
      return attempts < 0 ? Number.POSITIVE_INFINITY : attempts; // libocpp: -1 never leaves a profile
    },
    backOff: () => ({
      waitMinimumSeconds: deviceModel.read(OCPPCommCtrlr.RetryBackOffWaitMinimum) ?? 1,
      repeatTimes: deviceModel.read(OCPPCommCtrlr.RetryBackOffRepeatTimes) ?? 2,
      randomRangeSeconds: deviceModel.read(OCPPCommCtrlr.RetryBackOffRandomRange) ?? 2,
    }),
    open: async (profile, listener) => openWebSocket(await attempts.read(profile), clock, listener),
    messageTimeoutSeconds: () => deviceModel.read(OCPPCommCtrlr.MessageTimeout_Default) ?? 60,
    messageAttempts: () => deviceModel.read(OCPPCommCtrlr.MessageAttempts_TransactionEvent) ?? 5,
    messageAttemptIntervalSeconds: () => deviceModel.read(OCPPCommCtrlr.MessageAttemptInterval_TransactionEvent) ?? 10,
    queueAllMessages: () => deviceModel.read(OCPPCommCtrlr.QueueAllMessages) === true,
    neverQueued: () => (deviceModel.read(OCPPCommCtrlr.MessageTypesDiscardForQueueing) ?? "").split(","),
    durableLimit: () => durableLimit(deviceModel),
    resumeDelaySeconds,
  };
}
