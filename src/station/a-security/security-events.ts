import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";

/** Security events that go to the CSMS (part 2 appendix 1, "critical"). */
export const CRITICAL_EVENTS: ReadonlySet<string> = new Set([
  "FirmwareUpdated",
  "SettingSystemTime",
  "StartupOfTheDevice",
  "ResetOrReboot",
  "SecurityLogWasCleared",
  "MemoryExhaustion",
  "TamperDetectionActivated",
  "InvalidFirmwareSignature",
  "InvalidFirmwareSigningCertificate",
  "InvalidCsmsCertificate",
  "InvalidChargingStationCertificate",
  "InvalidTLSVersion",
  "InvalidTLSCipherSuite",
  "MaintenanceLoginAccepted",
  "MaintenanceLoginFailed",
  // Not in the appendix, but asked for by A02.FR.29 and A03.FR.25, or else unknown to whoever waits for a CSR.
  "DiscardedRenewedClientCertificate",
  "CSRGenerationFailed",
]);

/** The event of a TLS handshake that failed (A00.FR.310, FR.316, FR.323, FR.413, FR.419, FR.426). */
const TLS_EVENTS: Readonly<Record<string, string | undefined>> = {
  certificate: "InvalidCsmsCertificate",
  stationCertificate: "FailedToAuthenticateAtCsms",
  version: "InvalidTLSVersion",
  cipher: "InvalidTLSCipherSuite",
};

const LOG_FILE = "security-events.log";
const LOG_LIMIT_BYTES = 1_000_000;
const TECH_INFO_LIMIT = 255;

/** A04: security events are logged, shown on the bus, and the critical ones reported, queued when offline. */
export const securityEvents = declareBlock({
  name: "security-events",
  letter: "A",
  provides: ["securityLog"],
  hears: {
    "station.securityEvent": "reading",
    "link.invalidMessage": "follow-up",
    "link.connectionFailed": "follow-up",
    "link.connected": "follow-up",
  },
  create,
});

function create({ clock, core, csms, events, hardware, logger, settings }: Given) {
  const path = join(settings.messageLogDirectory, LOG_FILE);
  /** Failures told since the last connection: a CSMS that stays unreachable is one event, not one for each attempt. */
  const toldFailures = new Set<string>();

  /** This process has written to the log, so it must be there. */
  let logExists = false;

  const append = (entry: Readonly<Record<string, unknown>>): void => {
    appendFileSync(path, `${JSON.stringify(entry)}\n`, { mode: 0o600 });
    logExists = true;
  };

  const writeLog = (entry: Readonly<Record<string, unknown>>): void => {
    try {
      mkdirSync(settings.messageLogDirectory, { recursive: true, mode: 0o700 });
      const size = statSync(path, { throwIfNoEntry: false })?.size;
      const wasCleared = logExists && size === undefined;
      if (size !== undefined && size > LOG_LIMIT_BYTES) renameSync(path, `${path}.1`);
      append(entry); // A04.FR.04
      if (wasCleared) events.emit("securityEvent", { type: "SecurityLogWasCleared", techInfo: path });
    } catch (error) {
      logger.warn(`The security log cannot be written: ${(error as Error).message}`);
    }
  };

  /** A04.FR.01, FR.02: what happened has happened, whether it can be stored or not. */
  const report = (type: string, timestamp: Date, techInfo: string | undefined): void => {
    try {
      core.unitOfWork.run(() =>
        csms.enqueue("SecurityEventNotification", {
          type: type.slice(0, 50),
          timestamp: timestamp.toISOString(),
          ...(techInfo !== undefined && { techInfo: techInfo.slice(0, TECH_INFO_LIMIT) }),
        }),
      );
    } catch (error) {
      logger.critical(`The security event ${type} cannot be reported: ${(error as Error).message}`);
    }
  };

  return {
    provides: { securityLog: { path } },
    hears: {
      "station.securityEvent": ({
        type,
        techInfo,
        timestamp = clock.now(),
        critical = CRITICAL_EVENTS.has(type),
      }: HeardEvents["station.securityEvent"]) => {
        writeLog({ timestamp: timestamp.toISOString(), type, techInfo, critical });
        hardware.observer.securityEvent({ type, timestamp, critical, ...(techInfo !== undefined && { techInfo }) });
        if (critical) report(type, timestamp, techInfo);
      },
      "link.invalidMessage": ({ description }: HeardEvents["link.invalidMessage"]) =>
        events.emit("securityEvent", { type: "InvalidMessages", techInfo: description }),
      "link.connectionFailed": ({ failure }: HeardEvents["link.connectionFailed"]) => {
        if (failure.kind !== "tls") return;
        const type = TLS_EVENTS[failure.reason];
        if (type === undefined || toldFailures.has(type)) return;
        toldFailures.add(type);
        events.emit("securityEvent", { type, techInfo: failure.text });
      },
      "link.connected": () => toldFailures.clear(),
    },
  };
}
