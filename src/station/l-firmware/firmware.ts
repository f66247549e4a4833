import * as v from "valibot";
import { ChargingStation } from "../../device-model/variables.ts";
import type { FirmwareStatusEnumType, UpdateFirmwareResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
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
] as const;

/** The update as it is kept over the reboot that an installation brings. */
const Update = v.object({ requestId: v.number(), signed: v.boolean(), state: v.picklist(STATES) });
type Update = v.InferOutput<typeof Update>;

const UPDATE_KEY = "firmware.update";
const HOLDER = "firmware";
const OVER: ReadonlySet<FirmwareUpdateState> = new Set([
  "Idle",
  "Installed",
  "DownloadFailed",
  "InstallationFailed",
  "InstallVerificationFailed",
  "InvalidSignature",
]);

/** L01 and L02: firmware updates; the hardware side downloads, checks and installs. */
export function createFirmwareBlock(context: StationContext): Block {
  const { core, csms, deviceModel, events, hardware, hardwareEvents, logger, model, services, settings } = context;
  let update: Update | undefined;
  let installationAllowed = false;
  const unsubscribes: (() => void)[] = [];

  const remember = (next: Update | undefined): void => {
    core.unitOfWork.run(() => core.keyValues.set(UPDATE_KEY, next ?? null));
    update = next;
  };

  const notify = (status: FirmwareStatusEnumType, requestId: number | undefined, beforeAccepted = false): void =>
    void csms.call(
      "FirmwareStatusNotification",
      { status, ...(requestId !== undefined && { requestId }) },
      { queueWhenOffline: true, beforeAccepted },
    ); // L01.FR.01, FR.10

  /** L01.FR.05–07, FR.33: installed once nothing charges; until then free EVSEs take no new driver. */
  const installWhenIdle = (): void => {
    if (update === undefined || installationAllowed) return;
    const busy = model.evses.some((evse) => evse.transaction !== undefined);
    const mayStart = deviceModel.read(ChargingStation.AllowNewSessionsPendingFirmwareUpdate_BytesPerMessage) === true;
    if (!mayStart || !busy)
      services.holdUnavailable?.(
        HOLDER,
        model.evses.filter((evse) => evse.transaction === undefined).map(({ evseId }) => evseId),
      );
    if (busy) return;
    installationAllowed = true;
    hardware.system.allowFirmwareInstallation().catch((error: Error) => {
      installationAllowed = false;
      logger.error(`The firmware installation could not be allowed: ${error.message}`);
    });
  };

  const take = (state: FirmwareUpdateState, requestId: number | undefined): void => {
    if (update?.state === state && update.requestId === requestId) return;
    notify(state, requestId);
    const current = requestId === undefined ? update : { requestId, signed: update?.signed ?? false, state };
    if (OVER.has(state)) {
      services.releaseUnavailable?.(HOLDER);
      installationAllowed = false;
      remember(undefined);
    } else remember(current);
    if (state === "InvalidSignature") events.emit("securityEvent", { type: "InvalidFirmwareSignature" }); // L01.FR.03
    if (state === "Installed" && settings.bootReason !== "FirmwareUpdate")
      events.emit("securityEvent", { type: "FirmwareUpdated" });
    const downloaded = state === "SignatureVerified" || (state === "Downloaded" && current?.signed === false);
    if (downloaded) {
      if (model.evses.some((evse) => evse.transaction !== undefined)) notify("InstallScheduled", requestId); // L01.FR.16
      installWhenIdle();
    }
  };

  const isWaitingToInstall = (): boolean =>
    update !== undefined &&
    (update.state === "SignatureVerified" ||
      update.state === "InstallScheduled" ||
      (update.state === "Downloaded" && !update.signed));

  csms.handle("UpdateFirmware", async ({ requestId, firmware, retries, retryInterval }) => {
    const { signingCertificate } = firmware;
    if (signingCertificate !== undefined) {
      const validation = await hardware.security
        .verifyCertificate(signingCertificate, ["MF"])
        .catch(() => "Unknown" as const);
      if (validation !== "Valid") {
        events.emit("securityEvent", { type: "InvalidFirmwareSigningCertificate", techInfo: validation }); // L01.FR.02
        return { response: { status: "InvalidCertificate" } }; // L01.FR.22
      }
    }
    const rejected: UpdateFirmwareResponse = { status: "Rejected" };
    try {
      const status = await hardware.system.updateFirmware({
        requestId,
        location: firmware.location,
        retrieveDateTime: firmware.retrieveDateTime,
        ...(firmware.installDateTime !== undefined && { installDateTime: firmware.installDateTime }),
        ...(signingCertificate !== undefined && { signingCertificate }),
        ...(firmware.signature !== undefined && { signature: firmware.signature }),
        ...(retries !== undefined && { retries }),
        ...(retryInterval !== undefined && { retryIntervalSeconds: retryInterval }),
      });
      if (status === "Accepted" || status === "AcceptedCanceled") {
        installationAllowed = false;
        remember({ requestId, signed: signingCertificate !== undefined, state: "Idle" }); // L01.FR.24
      }
      return { response: { status } };
    } catch (error) {
      logger.error(`The firmware update could not be started: ${(error as Error).message}`);
      return { response: rejected };
    }
  });

  services.isFirmwareUpdateActive = () => update !== undefined && update.state !== "Idle";
  services.triggerFirmwareStatus = () =>
    update === undefined || update.state === "Idle"
      ? notify("Idle", undefined, true)
      : notify(update.state, update.requestId, true); // F06.FR.16

  return {
    name: "firmware",
    start() {
      update = core.keyValues.get(UPDATE_KEY, v.nullable(Update)) ?? undefined;
      unsubscribes.push(
        hardwareEvents.on("firmwareStatus", ({ state, requestId }) => take(state, requestId)),
        events.on("transactionEnded", () => {
          if (isWaitingToInstall()) installWhenIdle(); // L01.FR.06
        }),
      );
    },
    stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
