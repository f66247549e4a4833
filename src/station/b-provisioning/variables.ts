import {
  ChargingStation,
  ClockCtrlr,
  DeviceDataCtrlr,
  InternalCtrlr,
  OCPP16LegacyCtrlr,
} from "../../device-model/variables.ts";
import { firstCharacters } from "../../lib/characters.ts";
import type { GetVariablesResponse, SetVariablesResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { byteLimit, checkMessageLimits, longestAddressBytes, type MessageLimits } from "../model/message-limits.ts";
import { toAddress } from "../model/variable-address.ts";
import { addIdentifierRules, addMeteringReceiptRule, addTransactionPointRules } from "./variable-rules.ts";

/** Length of a reported value where the device model names no smaller one (part 2, 2.1.21). */
const LONGEST_REPORTED_VALUE = 2_500;
/** Length of a value in SetVariables where the device model names no smaller one (part 2, 2.1.20). */
const LONGEST_SET_VALUE = 1_000;
/** What an item of SetVariables has besides the address. */
const EMPTY_VALUE_BYTES = ',"attributeValue":""'.length;

interface StatusInfo {
  readonly reasonCode: string;
  readonly additionalInfo?: string;
}

function toStatusInfo(result: {
  readonly reasonCode?: string;
  readonly additionalInfo?: string;
}): StatusInfo | undefined {
  if (result.reasonCode === undefined) return undefined;
  return {
    reasonCode: result.reasonCode.slice(0, 20),
    ...(result.additionalInfo !== undefined && { additionalInfo: result.additionalInfo.slice(0, 512) }),
  };
}

/** B05 and B06: GetVariables and SetVariables. */
export const variables = declareBlock({ name: "variables", letter: "B", create });

function create({ clock, csms, deviceModel, events, logger, model }: Given) {
  const smallest = (longest: number, ...limits: readonly (number | undefined)[]): number =>
    Math.min(longest, ...limits.filter((limit) => limit !== undefined && limit > 0).map(Number));

  let addressBytes: number | undefined;
  const limitsOf = (message: "GetVariables" | "SetVariables"): MessageLimits => {
    addressBytes ??= longestAddressBytes(deviceModel);
    return {
      items: deviceModel.read(DeviceDataCtrlr[`ItemsPerMessage_${message}`]),
      bytes: deviceModel.read(DeviceDataCtrlr[`BytesPerMessage_${message}`]),
      shortestItemBytes: addressBytes + (message === "SetVariables" ? EMPTY_VALUE_BYTES : 0),
    };
  };

  /** Said once, when the station starts: a limit that contradicts the number of items does not count as it stands. */
  const tellContradiction = (message: "GetVariables" | "SetVariables"): void => {
    const limits = limitsOf(message);
    if (limits.bytes !== undefined && byteLimit(limits) > limits.bytes)
      logger.info(
        `DeviceDataCtrlr.BytesPerMessage[${message}] is ${limits.bytes}, which ${limits.items} items do not fit: ${byteLimit(limits)} bytes are taken`,
      );
  };

  csms.handle("GetVariables", (request) => {
    checkMessageLimits(request, request.getVariableData.length, limitsOf("GetVariables"));
    const limit = smallest(
      LONGEST_REPORTED_VALUE,
      deviceModel.read(DeviceDataCtrlr.ReportingValueSize),
      deviceModel.read(DeviceDataCtrlr.ValueSize),
    );
    // One result for each item, in their order (B06.FR.01, FR.02).
    const getVariableResult = request.getVariableData.map(({ component, variable, attributeType = "Actual" }) => {
      const result = deviceModel.get(toAddress(component, variable), attributeType);
      const attributeStatusInfo = toStatusInfo(result);
      return {
        attributeStatus: result.status,
        attributeType, // B06.FR.03, FR.11
        ...(result.value !== undefined && { attributeValue: firstCharacters(result.value, limit) }), // B06.FR.04, FR.10, FR.13
        component,
        variable,
        ...(attributeStatusInfo !== undefined && { attributeStatusInfo }),
      };
    });
    return { response: { getVariableResult } as unknown as GetVariablesResponse };
  });

  csms.handle("SetVariables", async (request) => {
    const { setVariableData } = request;
    checkMessageLimits(request, setVariableData.length, limitsOf("SetVariables"));
    const limit = smallest(
      LONGEST_SET_VALUE,
      deviceModel.read(DeviceDataCtrlr.ConfigurationValueSize),
      deviceModel.read(DeviceDataCtrlr.ValueSize),
    );
    const results = await deviceModel.set(
      setVariableData.map(({ component, variable, attributeType = "Actual", attributeValue }) => ({
        address: toAddress(component, variable),
        attributeType,
        value: attributeValue,
      })),
      "csms",
      { longestValue: limit },
    );
    // One result for each item, in their order (B05.FR.01, FR.02).
    const setVariableResult = setVariableData.map(({ component, variable, attributeType = "Actual" }, index) => {
      const result = results[index] ?? { status: "Rejected" as const };
      const attributeStatusInfo = toStatusInfo(result);
      return {
        attributeStatus: result.status,
        attributeType, // B05.FR.03, FR.12
        component,
        variable,
        ...(attributeStatusInfo !== undefined && { attributeStatusInfo }),
      };
    });
    return {
      response: { setVariableResult } as unknown as SetVariablesResponse,
      afterResponse: () => events.emit("variablesSet", {}), // A01
    };
  });

  addTransactionPointRules(deviceModel);
  addIdentifierRules(deviceModel);
  addMeteringReceiptRule(deviceModel);
  // What the BootNotification tells under names of the vendor is told under the standardized ones, too.
  const mirrored = [
    [ChargingStation.Model, InternalCtrlr.ChargePointModel],
    [ChargingStation.VendorName, InternalCtrlr.ChargePointVendor],
    [ChargingStation.SerialNumber, InternalCtrlr.ChargeBoxSerialNumber],
    [ChargingStation.FirmwareVersion, InternalCtrlr.FirmwareVersion],
  ] as const;
  for (const [standardized, own] of mirrored)
    if (!deviceModel.read(standardized)) deviceModel.compute(standardized, () => deviceModel.read(own) ?? "");
  deviceModel.compute(ClockCtrlr.DateTime, () => clock.now().toISOString());
  deviceModel.compute(InternalCtrlr.NumberOfConnectors, () =>
    String(model.evses.reduce((sum, evse) => sum + evse.connectors.length, 0)),
  );
  deviceModel.compute(OCPP16LegacyCtrlr.NumberOfConnectors, () => String(model.evses.length)); // as August's libocpp

  return {
    start() {
      tellContradiction("GetVariables");
      tellContradiction("SetVariables");
    },
  };
}
