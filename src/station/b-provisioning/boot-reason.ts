import { declareBlock, type Given } from "../block.ts";
import type { BootReasonService } from "../services.ts";

/** Why the station started: the hardware side knows best, unless it has nothing to say but that it is there (B01.FR.09). */
export const bootReason = declareBlock({ name: "boot-reason", letter: "B", provides: ["bootReason"], create });

function create({ settings }: Given) {
  let told = settings.bootReason;
  let explained: Parameters<BootReasonService["explain"]>[0] | undefined;

  const service: BootReasonService = {
    read: () => (told === "PowerUp" || told === "Unknown" ? (explained ?? told) : told),
    explain(reason) {
      if (explained !== "FirmwareUpdate") explained = reason;
    },
    replace(reason) {
      told = reason;
    },
  };
  return { provides: { bootReason: service } };
}
