import type { VariableAddress } from "../../device-model/variable-handle.ts";
import { ClockCtrlr, DeviceDataCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { ComponentType, GetVariablesResponse, SetVariablesResponse, VariableType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

export function toAddress(component: ComponentType, variable: VariableType): VariableAddress {
  return {
    component: component.name,
    ...(component.instance !== undefined && { componentInstance: component.instance }),
    ...(component.evse !== undefined && { evseId: component.evse.id }),
    ...(component.evse?.connectorId !== undefined && { connectorId: component.evse.connectorId }),
    variable: variable.name,
    ...(variable.instance !== undefined && { instance: variable.instance }),
  };
}

const DEFAULT_VALUE_SIZE = 2500;

/** B05 and B06: GetVariables and SetVariables. */
export function createVariablesBlock(context: StationContext): Block {
  const { clock, csms, deviceModel } = context;

  /**
   * B06.FR.16 lets us refuse a message with too many items, and FR.17 one that is too long: items are counted, bytes are
   * not, since a frame that fits the connection can be answered.
   */
  const checkItems = (count: number, limit: number | undefined): void => {
    if (limit !== undefined && count > limit)
      throw new OcppError("OccurrenceConstraintViolation", `at most ${limit} items in one message`);
  };
  csms.handle("GetVariables", (request) => {
    checkItems(request.getVariableData.length, deviceModel.read(DeviceDataCtrlr.ItemsPerMessage_GetVariables));
    const limit = deviceModel.read(DeviceDataCtrlr.ReportingValueSize) ?? DEFAULT_VALUE_SIZE;
    const getVariableResult = request.getVariableData.map(({ component, variable, attributeType = "Actual" }) => {
      const result = deviceModel.get(toAddress(component, variable), attributeType);
      return {
        attributeStatus: result.status,
        attributeType, // B06.FR.03, FR.11
        ...(result.value !== undefined && { attributeValue: result.value.slice(0, limit) }),
        component,
        variable,
      };
    });
    return { response: { getVariableResult } as unknown as GetVariablesResponse };
  });

  csms.handle("SetVariables", async (request) => {
    checkItems(request.setVariableData.length, deviceModel.read(DeviceDataCtrlr.ItemsPerMessage_SetVariables));
    const results = await deviceModel.set(
      request.setVariableData.map(({ component, variable, attributeType = "Actual", attributeValue }) => ({
        address: toAddress(component, variable),
        attributeType,
        value: attributeValue,
      })),
      "csms",
    );
    const setVariableResult = request.setVariableData.map(
      ({ component, variable, attributeType = "Actual" }, index) => {
        const result = results[index] ?? { status: "Rejected" as const };
        return {
          attributeStatus: result.status,
          attributeType, // B05.FR.03, FR.12
          component,
          variable,
          ...(result.reasonCode !== undefined && {
            attributeStatusInfo: {
              reasonCode: result.reasonCode.slice(0, 20),
              ...(result.additionalInfo !== undefined && { additionalInfo: result.additionalInfo.slice(0, 512) }),
            },
          }),
        };
      },
    );
    return { response: { setVariableResult } as unknown as SetVariablesResponse };
  });

  deviceModel.compute(ClockCtrlr.DateTime, () => clock.now().toISOString());
  deviceModel.compute(InternalCtrlr.NumberOfConnectors, () =>
    String(context.model.evses.reduce((sum, evse) => sum + evse.connectors.length, 0)),
  );

  return { name: "variables", start() {}, stop() {} };
}
