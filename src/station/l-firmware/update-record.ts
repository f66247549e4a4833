import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { InternalCtrlr } from "../../device-model/variables.ts";
import type { FirmwareStatusEnumType, FirmwareStatusNotificationRequest } from "../../ocpp/v201/index.ts";
import { storedValue, type ViewRow } from "../../store/database-view.ts";
import type { StationContext } from "../context.ts";
import type { BootReasonService } from "../services.ts";
import { FirmwareUpdate, isDownloaded, isFailure, isOngoing } from "./firmware-update.ts";

const UPDATE_KEY = "firmware.update";

/** What `inspect waiting` shows of a firmware update that is not over. */
export function waitingUpdate(database: Database): readonly ViewRow[] {
  const update = storedValue(database, UPDATE_KEY, v.nullable(FirmwareUpdate)) ?? undefined;
  return update === undefined || !isOngoing(update)
    ? []
    : [{ what: `firmware update ${update.requestId ?? ""}`, evse: null, state: update.state }];
}

/** The latest update, stored over the reboot that it brings; a finished one stays for TriggerMessage (L01.FR.25, FR.26). */
export class UpdateRecord {
  /** Ordered by an earlier run of this program. */
  isCarriedOver: boolean;
  /** The station came up with what this update has installed, whatever the hardware side says. */
  readonly isBootOfNewFirmware: boolean;
  private update: FirmwareUpdate | undefined;

  constructor(
    private readonly context: StationContext,
    private readonly bootReason: BootReasonService,
  ) {
    const found = context.core.keyValues.get(UPDATE_KEY, v.nullable(FirmwareUpdate)) ?? undefined;
    // A failure of an earlier run is not current information (F06.FR.09).
    this.update = found !== undefined && isFailure(found.state) ? undefined : found;
    const left = this.ongoing;
    this.isCarriedOver = left !== undefined;
    this.isBootOfNewFirmware = left !== undefined && isDownloaded(left) && this.hasNewFirmware(left);
    if (this.isBootOfNewFirmware) bootReason.explain("FirmwareUpdate");
  }

  get current(): FirmwareUpdate | undefined {
    return this.update;
  }

  get ongoing(): FirmwareUpdate | undefined {
    return this.update !== undefined && isOngoing(this.update) ? this.update : undefined;
  }

  /** The update that a status of the hardware side speaks of; undefined for one that was superseded (L01.FR.24). */
  of(requestId: number | undefined): FirmwareUpdate | undefined {
    if (this.update !== undefined && this.update.requestId === requestId) return this.update;
    if (this.ongoing !== undefined) return requestId === undefined ? this.update : undefined;
    return { requestId, signed: false, state: "Idle" };
  }

  /** The hardware side has begun already: what it reports belongs to this update, stored or not. */
  takeOrder(next: FirmwareUpdate): void {
    try {
      this.remember(next);
    } catch (error) {
      this.context.logger.critical(
        `The firmware update ${next.requestId} is not stored yet: ${(error as Error).message}`,
      );
      this.update = next;
    }
  }

  /** The new state and its message are one decision (L01.FR.01, FR.10, L02.FR.01, FR.06). */
  tell(current: FirmwareUpdate, state: FirmwareStatusEnumType): void {
    const { csms, events } = this.context;
    const { requestId } = current;
    this.remember({ ...current, state }, () => {
      csms.enqueue("FirmwareStatusNotification", { status: state, ...(requestId !== undefined && { requestId }) });
      if (state === "InvalidSignature") events.emit("securityEvent", { type: "InvalidFirmwareSignature" }); // L01.FR.03
      // L01.FR.31; a boot by the update has told it already.
      if (state === "Installed" && !(this.isCarriedOver && this.bootReason.read() === "FirmwareUpdate"))
        events.emit("securityEvent", { type: "FirmwareUpdated" });
    });
  }

  /** What TriggerMessage tells. */
  get notification(): FirmwareStatusNotificationRequest {
    const { update } = this;
    return update === undefined || update.state === "Idle" || update.state === "Installed"
      ? { status: "Idle" } // L01.FR.20, FR.25, L02.FR.14, FR.16, F06.FR.16
      : { status: update.state, ...(update.requestId !== undefined && { requestId: update.requestId }) }; // L01.FR.26, L02.FR.17
  }

  /** Memory follows what was stored. */
  private remember(next: FirmwareUpdate, alongWith: () => void = () => {}): void {
    const { core } = this.context;
    core.unitOfWork.run(() => {
      core.keyValues.set(UPDATE_KEY, next);
      alongWith();
    });
    this.update = next;
  }

  private hasNewFirmware({ firmwareVersion }: FirmwareUpdate): boolean {
    const { deviceModel, settings } = this.context;
    return (
      settings.bootReason === "FirmwareUpdate" ||
      (firmwareVersion !== undefined && deviceModel.read(InternalCtrlr.FirmwareVersion) !== firmwareVersion)
    );
  }
}
