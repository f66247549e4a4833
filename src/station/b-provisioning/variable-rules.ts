import type { DeviceModel, SetResult } from "../../device-model/device-model.ts";
import { AuthCtrlr, ISO15118Ctrlr, SecurityCtrlr, TxCtrlr } from "../../device-model/variables.ts";

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
export function addTransactionPointRules(deviceModel: DeviceModel): void {
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

/** Part 2, 2.1.4. */
const IDENTIFIER_STRING = /^[A-Za-z0-9*\-_=:+|@.]*$/;
/** The group id is an idToken of a group (part 2, 2.36). */
const LONGEST_GROUP_ID = 36;

/** B05.FR.07: identifiers that could never be met otherwise, whatever a configuration allows. */
export function addIdentifierRules(deviceModel: DeviceModel): void {
  const refuse = (reasonCode: string, additionalInfo: string): SetResult => ({
    status: "Rejected",
    reasonCode,
    additionalInfo,
  });
  const isIdentifier = (value: string): SetResult | undefined =>
    IDENTIFIER_STRING.test(value) ? undefined : refuse("InvalidValue", "a character that identifiers do not have");
  deviceModel.addRule(AuthCtrlr.MasterPassGroupId, (value) =>
    value.length > LONGEST_GROUP_ID
      ? refuse("TooLargeElement", `longer than ${LONGEST_GROUP_ID} characters`)
      : isIdentifier(value),
  );
  deviceModel.addRule(SecurityCtrlr.Identity, isIdentifier);
  // A00.FR.204: the CSMS could not tell the name from the password.
  deviceModel.addRule(SecurityCtrlr.Identity, (value) =>
    value.includes(":") ? refuse("InvalidValue", "no colon") : undefined,
  );
}

/** B05.FR.07: EVerest offers no way to have an EV asked for metering receipts, whatever a configuration wants. */
export function addMeteringReceiptRule(deviceModel: DeviceModel): void {
  deviceModel.addRule(ISO15118Ctrlr.RequestMeteringReceipt, (value) =>
    value.toLowerCase() === "true"
      ? { status: "Rejected", reasonCode: "UnsupportedParam", additionalInfo: "EVs are not asked for receipts" }
      : undefined,
  );
  if (deviceModel.read(ISO15118Ctrlr.RequestMeteringReceipt) === true)
    deviceModel.write(ISO15118Ctrlr.RequestMeteringReceipt, false, "internal", true);
}
