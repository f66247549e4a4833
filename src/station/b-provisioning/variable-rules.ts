import type { SetResult } from "../../device-model/device-model.ts";
import { TxCtrlr } from "../../device-model/variables.ts";
import type { StationContext } from "../context.ts";

/** What a transaction can begin or end with here: no sensor sees an empty parking bay. */
const START_POINTS: ReadonlySet<string> = new Set([
  "EVConnected",
  "Authorized",
  "PowerPathClosed",
  "EnergyTransfer",
  "DataSigned",
]);
/** Errata 2.24: DataSigned does not end a transaction. */
const STOP_POINTS: ReadonlySet<string> = new Set(["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"]);

/** B05.FR.07: points without which no transaction would ever begin or end, whatever a configuration lists as possible. */
export function addTransactionPointRules({ deviceModel }: StationContext): void {
  const rule =
    (supported: ReadonlySet<string>) =>
    (value: string): SetResult | undefined => {
      const points = value
        .split(",")
        .map((point) => point.trim())
        .filter((point) => point !== "");
      const unsupported = points.find((point) => !supported.has(point));
      if (unsupported === undefined && points.length > 0) return undefined;
      const additionalInfo =
        unsupported === undefined ? "at least one point is needed" : `${unsupported} is not supported`;
      return { status: "Rejected", reasonCode: "InvalidValue", additionalInfo };
    };
  deviceModel.addRule(TxCtrlr.TxStartPoint, rule(START_POINTS));
  deviceModel.addRule(TxCtrlr.TxStopPoint, rule(STOP_POINTS));
}
