import * as v from "valibot";
import { MESSAGE_SCHEMAS } from "../../ocpp/v201/index.ts";
import type { FirmwareUpdateState } from "../ports.ts";

const STATES = [
  "Downloaded",
  "DownloadFailed",
  "Downloading",
  "DownloadScheduled",
  "DownloadPaused",
  "Idle",
  "InstallationFailed",
  "Installing",
  "Installed",
  "InstallRebooting",
  "InstallScheduled",
  "InstallVerificationFailed",
  "InvalidSignature",
  "SignatureVerified",
] as const satisfies readonly FirmwareUpdateState[];

/** A firmware update, kept over the reboot that its installation brings. */
export const FirmwareUpdate = v.object({
  /** Absent when the update was not ordered by the CSMS. */
  requestId: v.optional(v.number()),
  signed: v.boolean(),
  /** The status that was told last; Idle: ordered, nothing told yet. */
  state: v.picklist(STATES),
  retrieveDateTime: v.optional(v.string()),
  installDateTime: v.optional(v.string()),
  /** The firmware that ordered the update. */
  firmwareVersion: v.optional(v.string()),
  /** Not ordered of the hardware side yet: transactions run. */
  deferred: v.optional(MESSAGE_SCHEMAS.UpdateFirmware.request),
  /** The hardware side installs beside charging: EVSEs go on serving, and it waits for no permission. */
  servesMeanwhile: v.optional(v.boolean()),
});
export type FirmwareUpdate = v.InferOutput<typeof FirmwareUpdate>;

const FAILURES: ReadonlySet<FirmwareUpdateState> = new Set([
  "DownloadFailed",
  "InstallationFailed",
  "InstallVerificationFailed",
  "InvalidSignature",
]);
const BEFORE_DOWNLOADED: ReadonlySet<FirmwareUpdateState> = new Set([
  "Idle",
  "DownloadScheduled",
  "DownloadPaused",
  "Downloading",
]);

export function isFailure(state: FirmwareUpdateState): boolean {
  return FAILURES.has(state);
}

export function isOngoing({ state }: FirmwareUpdate): boolean {
  return state !== "Installed" && !isFailure(state);
}

/** Downloaded and checked; only the permission to install is missing (L01.FR.05, L02.FR.02). */
export function isReadyToInstall({ state, signed }: FirmwareUpdate): boolean {
  return state === "SignatureVerified" || state === "InstallScheduled" || (state === "Downloaded" && !signed);
}

export function isDownloaded({ state }: FirmwareUpdate): boolean {
  return !BEFORE_DOWNLOADED.has(state);
}

export function isInstalling({ state }: FirmwareUpdate): boolean {
  return state === "Installing" || state === "InstallRebooting";
}

/** Waits for a time that the CSMS has set; nothing of it stands in the way of other tasks. */
export function isWaitingForItsTime(update: FirmwareUpdate, now: Date): boolean {
  if (update.state === "Idle" || update.state === "DownloadScheduled") return true;
  return isReadyToInstall(update) && installDelayMilliseconds(update, now) > 0;
}

/** How long the installation has to wait for installDateTime; 0 when it is due (L01.FR.16, L02.FR.10). */
export function installDelayMilliseconds({ installDateTime }: FirmwareUpdate, now: Date): number {
  return installDateTime === undefined ? 0 : Math.max(0, Date.parse(installDateTime) - now.getTime());
}

/** How long the download has to wait for retrieveDateTime; 0 when it is due or done (L01.FR.13, L02.FR.07). */
export function retrieveDelayMilliseconds(update: FirmwareUpdate, now: Date): number {
  if (update.retrieveDateTime === undefined || isDownloaded(update)) return 0;
  return Math.max(0, Date.parse(update.retrieveDateTime) - now.getTime());
}

/** The end of an update of which nothing is heard any more. */
export function failureOf(update: FirmwareUpdate): "DownloadFailed" | "InstallationFailed" {
  return isDownloaded(update) ? "InstallationFailed" : "DownloadFailed";
}
