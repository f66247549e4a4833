import { declareBlock } from "../block.ts";
import type { StationContext } from "../context.ts";
import type { BootReasonService } from "../services.ts";

type Explanation = Parameters<BootReasonService["explain"]>[0];

/** Why the station started: the hardware side knows best, unless it has nothing to say but that it is there (B01.FR.09). */
export const bootReason = declareBlock({ name: "boot-reason", letter: "B", provides: ["bootReason"], create });

function create({ settings }: StationContext) {
  let told = settings.bootReason;
  const explanations = new Set<Explanation>();

  const read: BootReasonService["read"] = () => {
    if (told !== "PowerUp" && told !== "Unknown") return told;
    if (explanations.has("FirmwareUpdate")) return "FirmwareUpdate";
    const [ofReset = told] = explanations;
    return ofReset;
  };

  return {
    provides: {
      bootReason: {
        read,
        explain: (reason: Explanation) => void explanations.add(reason),
        replace(reason: typeof told) {
          told = reason;
        },
      },
    },
  };
}
