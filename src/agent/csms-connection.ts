import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import type { DeviceModel } from "../device-model/device-model.ts";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../device-model/variables.ts";
import type { Clock } from "../lib/clock.ts";
import type { ConnectionProfile } from "../ocpp/connection.ts";
import type { LinkSettings } from "../ocpp/csms-link.ts";
import { stationUrl } from "../ocpp/station-url.ts";
import { openWebSocket, type TlsSettings, type WebSocketSettings } from "../ocpp/websocket.ts";
import { readProfiles } from "../station/b-provisioning/network-profiles.ts";
import { isForbiddenDowngrade } from "../station/model/security-profile.ts";
import type { SecurityPort } from "../station/ports.ts";
import { localAddressFor } from "./network-interface.ts";

const HANDSHAKE_TIMEOUT_MILLISECONDS = 30_000;
const MAXIMUM_FRAME_BYTES = 1024 * 1024;
const DEFAULT_DURABLE_LIMIT = 2_000;

/** Cipher suites of the specification (A00.FR.318) for TLS 1.2; TLS 1.3 brings its own. */
const CIPHERS = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
].join(":");

/** The profiles of NetworkConfigurationPriority that may be used, in its order. */
export function connectionProfiles(deviceModel: DeviceModel): readonly ConnectionProfile[] {
  const stored = readProfiles(deviceModel.read(InternalCtrlr.NetworkConnectionProfiles));
  return (deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority) ?? []).flatMap((slot) => {
    const found = stored.find((profile) => String(profile.configurationSlot) === slot);
    if (found === undefined) return [];
    const { ocppCsmsUrl, securityProfile, ocppInterface } = found.connectionData;
    if (isForbiddenDowngrade(deviceModel, securityProfile)) return []; // A00.FR.005
    return [{ slot: found.configurationSlot, url: ocppCsmsUrl, securityProfile, ocppInterface }];
  });
}

function readCertificates(location: string): readonly string[] {
  if (!statSync(location).isDirectory()) return [readFileSync(location, "utf8")];
  return readdirSync(location)
    .filter((file) => /\.(pem|crt)$/.test(file))
    .map((file) => readFileSync(join(location, file), "utf8"));
}

/** Does a name of the certificate equal the host without the help of a wildcard? */
function namesHostExactly(host: string, certificate: PeerCertificate): boolean {
  const names = (certificate.subjectaltname ?? "")
    .split(",")
    .map((name) => name.trim().replace(/^(DNS|IP Address):/, ""));
  return [...names, certificate.subject.CN].flat().some((name) => name?.toLowerCase() === host.toLowerCase());
}

async function tlsSettings(
  deviceModel: DeviceModel,
  security: SecurityPort,
  securityProfile: number,
): Promise<TlsSettings> {
  const location = (await security.verifyFile("CSMS")) ?? (await security.verifyLocation("CSMS"));
  const wildcards =
    deviceModel.read(SecurityCtrlr.AllowCSMSTLSWildcards) ??
    deviceModel.read(InternalCtrlr.VerifyCsmsAllowWildcards) ??
    false;
  const verifyName = deviceModel.read(InternalCtrlr.VerifyCsmsCommonName) !== false;
  const client = securityProfile === 3 ? await security.leafCertificateFiles("CSMS") : undefined;
  if (securityProfile === 3 && client === undefined)
    throw new Error("security profile 3 needs a client certificate; none is installed");
  return {
    ciphers: CIPHERS,
    ...(location !== undefined && { ca: readCertificates(location) }),
    ...(client !== undefined && {
      certificate: readFileSync(client.certificatePath, "utf8"),
      privateKey: readFileSync(client.keyPath, "utf8"),
      ...(client.password !== undefined && { passphrase: client.password }),
    }),
    checkServerName: (host, certificate) => {
      if (!verifyName) return undefined;
      const error = checkServerIdentity(host, certificate as PeerCertificate);
      if (error !== undefined || wildcards || namesHostExactly(host, certificate as PeerCertificate)) return error;
      return Object.assign(new Error("the certificate names the host only by a wildcard"), {
        code: "ERR_TLS_CERT_ALTNAME_INVALID",
      });
    },
  };
}

/** Everything that an attempt needs, read at its beginning. @throws when the profile cannot be used. */
async function attemptSettings(
  deviceModel: DeviceModel,
  security: SecurityPort,
  profile: ConnectionProfile,
): Promise<WebSocketSettings> {
  const identity = deviceModel.read(SecurityCtrlr.Identity) || deviceModel.read(InternalCtrlr.ChargePointId) || "";
  const password = deviceModel.read(SecurityCtrlr.BasicAuthPassword) ?? "";
  const { securityProfile } = profile;
  if (securityProfile === 0 && deviceModel.read(InternalCtrlr.AllowSecurityLevelZeroConnections) !== true)
    throw new Error("security profile 0 is not allowed (InternalCtrlr.AllowSecurityLevelZeroConnections)");
  const url = stationUrl(profile.url, securityProfile, identity);
  const localAddress = localAddressFor(deviceModel, profile.ocppInterface, url);
  return {
    url,
    ...(localAddress !== undefined && { localAddress }),
    ...((securityProfile === 1 || securityProfile === 2) && { basicAuthentication: { user: identity, password } }), // A00.FR.203
    ...(securityProfile >= 2 && { tls: await tlsSettings(deviceModel, security, securityProfile) }),
    compression: false, // A00.FR.321: nothing is compressed below or inside TLS
    handshakeTimeoutMilliseconds: HANDSHAKE_TIMEOUT_MILLISECONDS,
    maximumFrameBytes: MAXIMUM_FRAME_BYTES,
    pingIntervalMilliseconds: () => (deviceModel.read(OCPPCommCtrlr.WebSocketPingInterval) ?? 0) * 1000,
    pongTimeoutMilliseconds: () => (deviceModel.read(InternalCtrlr.WebsocketPongTimeout) ?? 5) * 1000,
  };
}

/** The link's settings that are in the device model, each read when it is needed. */
export function linkSettings(
  deviceModel: DeviceModel,
  security: () => SecurityPort,
  clock: Clock,
  resumeDelaySeconds: number,
): Omit<LinkSettings, "lastConnected"> {
  return {
    profiles: () => connectionProfiles(deviceModel),
    attemptsPerProfile: () => deviceModel.read(OCPPCommCtrlr.NetworkProfileConnectionAttempts) ?? 1,
    backOff: () => ({
      waitMinimumSeconds: deviceModel.read(OCPPCommCtrlr.RetryBackOffWaitMinimum) ?? 1,
      repeatTimes: deviceModel.read(OCPPCommCtrlr.RetryBackOffRepeatTimes) ?? 2,
      randomRangeSeconds: deviceModel.read(OCPPCommCtrlr.RetryBackOffRandomRange) ?? 2,
    }),
    open: async (profile, listener) =>
      openWebSocket(await attemptSettings(deviceModel, security(), profile), clock, listener),
    messageTimeoutSeconds: () => deviceModel.read(OCPPCommCtrlr.MessageTimeout_Default) ?? 60,
    messageAttempts: () => deviceModel.read(OCPPCommCtrlr.MessageAttempts_TransactionEvent) ?? 5,
    messageAttemptIntervalSeconds: () => deviceModel.read(OCPPCommCtrlr.MessageAttemptInterval_TransactionEvent) ?? 10,
    queueAllMessages: () => deviceModel.read(OCPPCommCtrlr.QueueAllMessages) === true,
    neverQueued: () => (deviceModel.read(OCPPCommCtrlr.MessageTypesDiscardForQueueing) ?? "").split(","),
    durableLimit: () => deviceModel.read(InternalCtrlr.MessageQueueSizeThreshold) ?? DEFAULT_DURABLE_LIMIT,
    resumeDelaySeconds,
  };
}
