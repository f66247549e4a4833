import { appendFile, mkdirSync } from "node:fs";
import { join } from "node:path";
import { InternalCtrlr } from "../device-model/variables.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { Logger } from "../log/logger.ts";
import type { WireMessage } from "../ocpp/csms-link.ts";
import type { StationContext } from "../station/context.ts";

/** Lines that may wait for the disk; beyond it the log has a gap, never the wire. */
const PENDING_LIMIT = 2_000;

/** Passwords that pass the wire in SetVariables are not for the log. */
export function maskSecrets(text: string): string {
  if (!/BasicAuthPassword/i.test(text)) return text;
  return text.replace(/("attributeValue"\s*:\s*)"(?:[^"\\]|\\.)*"/g, '$1"***"');
}

function header({ direction, name = "?" }: WireMessage, time: Date): string {
  const fromStation = direction === "sent";
  const columns = fromStation ? `ChargePoint>CentralSystem ${name} ` : `CentralSystem>ChargePoint  ${name}`;
  return `${time.toISOString()}: ${columns}`;
}

function makeDirectory(path: string, logger: Logger): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (error) {
    // A station without message log is better than none.
    logger.warn(`The directory of the message log cannot be made: ${(error as Error).message}`);
  }
}

/** The OCPP message log (BEHAVIOUR 21): text file, console and bus, as InternalCtrlr.LogMessagesFormat says. */
export function startMessageLog(
  { clock, csms, deviceModel, logger, settings }: StationContext,
  module: EverestModule,
): void {
  const formats = deviceModel.read(InternalCtrlr.LogMessagesFormat) ?? "";
  const wanted = String(formats);
  if (deviceModel.read(InternalCtrlr.LogMessages) === false) return;
  const base = deviceModel.read(InternalCtrlr.LogRotation) === true ? "libocpp_201" : clock.now().toISOString();
  const path = join(settings.messageLogDirectory, `${base}.log`);
  let pending = 0;
  if (wanted.includes("log")) makeDirectory(settings.messageLogDirectory, logger);

  const write = (entry: string): void => {
    if (pending >= PENDING_LIMIT) return;
    pending++;
    appendFile(path, entry, { mode: 0o600 }, (error) => {
      pending--;
      if (error) logger.warn(`The message log cannot be written: ${error.message}`);
    });
  };

  csms.events.on("message", (message) => {
    const text = maskSecrets(message.text);
    if (wanted.includes("log")) write(`${header(message, clock.now())}\n${text}\n\n`);
    if (wanted.includes("console")) logger.info(`${header(message, clock.now())} ${text}`);
    if (wanted.includes("callback"))
      module.publish("ocpp_generic", "ocpp", "ocpp_message", {
        message: text,
        direction: message.direction === "sent" ? "ChargingStationToCSMS" : "CSMSToChargingStation",
        version: "2.0.1",
      });
  });
}
