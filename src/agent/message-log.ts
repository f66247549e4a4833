import type { DeviceModel } from "../device-model/device-model.ts";
import { InternalCtrlr } from "../device-model/variables.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { Emitter } from "../lib/events.ts";
import { MessageLog, type MessageLogSettings } from "../log/message-log/message-log.ts";
import type { Rotation } from "../log/message-log/rotating-file.ts";
import type { StationContext } from "../station/context.ts";
import type { StationEvents } from "../station/events.ts";

/** Where the configuration asks for rotation but names no limit (0). */
const DEFAULT_MAXIMUM_BYTES = 50_000_000;
const DEFAULT_MAXIMUM_FILES = 100;

function rotationOf(deviceModel: DeviceModel): Rotation | undefined {
  if (deviceModel.read(InternalCtrlr.LogRotation) !== true) return undefined;
  return {
    maximumBytes: deviceModel.read(InternalCtrlr.LogRotationMaximumFileSize) || DEFAULT_MAXIMUM_BYTES,
    maximumFiles: deviceModel.read(InternalCtrlr.LogRotationMaximumFileCount) || DEFAULT_MAXIMUM_FILES,
    dateSuffix: deviceModel.read(InternalCtrlr.LogRotationDateSuffix) === true,
  };
}

/** Undefined without LogMessages. The variables are read-only: they are read once. */
export function messageLogSettings(deviceModel: DeviceModel, directory: string): MessageLogSettings | undefined {
  if (deviceModel.read(InternalCtrlr.LogMessages) === false) return undefined;
  return {
    directory,
    formats: new Set((deviceModel.read(InternalCtrlr.LogMessagesFormat) ?? []).map((word) => word.trim())),
    raw: deviceModel.read(InternalCtrlr.LogMessagesRaw) === true,
    rotation: rotationOf(deviceModel),
  };
}

/** Feeds the message log with the frames and what happens to the connection. */
export function startMessageLog(
  { clock, csms, deviceModel, logger, settings }: StationContext,
  events: Emitter<StationEvents>,
  module: EverestModule,
  print: (text: string) => void,
): MessageLog | undefined {
  const logSettings = messageLogSettings(deviceModel, settings.messageLogDirectory);
  if (logSettings === undefined) return undefined;
  const log = new MessageLog({
    settings: logSettings,
    clock,
    logger,
    print,
    publish: ({ text = "", origin }) =>
      module.publish("ocpp_generic", "ocpp", "ocpp_message", {
        message: text,
        direction: origin === "station" ? "ChargingStationToCSMS" : "CSMSToChargingStation",
        version: "2.0.1",
      }),
    onSecurityLogRemoved: () =>
      events.emit("securityEvent", { type: "SecurityLogWasCleared", techInfo: "an old file of the security log" }),
  });
  const say = (name: string): void => log.take({ time: clock.now(), origin: "system", name });
  csms.events.on("message", ({ direction, text, name = "?", messageId }) =>
    log.take({
      time: clock.now(),
      origin: direction === "sent" ? "station" : "csms",
      name,
      text,
      ...(messageId !== undefined && { messageId }),
    }),
  );
  csms.events.on("connected", ({ profile }) => say(`Connected, network profile of slot ${profile.slot}.`));
  csms.events.on("disconnected", ({ reason }) => say(`Disconnected: ${reason}.`));
  csms.events.on("connectionFailed", ({ failure }) => say(`Connection failed: ${failure.text}.`));
  events.on("securityEvent", ({ type, techInfo, timestamp = clock.now(), critical }) =>
    log.takeSecurityEvent({ timestamp: timestamp.toISOString(), type, techInfo, critical }),
  );
  return log;
}
