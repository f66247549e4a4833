import { TariffCostCtrlr } from "../../device-model/variables.ts";
import type { TransactionEventRequest, TransactionEventResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { importedEnergyWattHours } from "../model/meter-values.ts";

/** Smallest unit of money where the configuration names none: a thousandth. */
const DEFAULT_DECIMALS = 3;

/** The highest import register that the event tells, in Wh. */
function highestRegister({ meterValue = [] }: TransactionEventRequest): number | undefined {
  const registers = meterValue.flatMap(({ timestamp, sampledValue }) => {
    const energy = importedEnergyWattHours({ timestamp: new Date(timestamp), samples: sampledValue });
    return energy === undefined ? [] : [energy];
  });
  return registers.length === 0 ? undefined : Math.max(...registers);
}

/** I: what the CSMS says in the answers to transaction events about cost (I03) and to the driver. */
export const runningCost = declareBlock({
  name: "running-cost",
  letter: "I",
  hears: { "station.transactionEventAnswered": "follow-up" },
  create,
});

function create({ deviceModel, hardware }: Given) {
  const isOn = (name: "Tariff" | "Cost"): boolean =>
    deviceModel.read(TariffCostCtrlr[`Available_${name}`]) === true &&
    deviceModel.read(TariffCostCtrlr[`Enabled_${name}`]) === true;

  const tellCost = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    const { totalCost, updatedPersonalMessage } = response;
    if (totalCost === undefined || !isOn("Cost")) return;
    const energy = highestRegister(request);
    hardware.observer.sessionCost({
      transactionId: request.transactionInfo.transactionId,
      currency: deviceModel.read(TariffCostCtrlr.Currency) ?? "",
      decimals: deviceModel.read(TariffCostCtrlr.NumberOfDecimalsForCostValues) ?? DEFAULT_DECIMALS,
      finished: request.eventType === "Ended",
      totalCost,
      timestamp: request.timestamp,
      ...(energy !== undefined && { energyWattHours: energy }),
      ...(updatedPersonalMessage !== undefined && { message: updatedPersonalMessage }),
    });
  };

  const tellMessage = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    if (response.updatedPersonalMessage === undefined || !isOn("Tariff")) return;
    hardware.observer.tariffMessage(request.transactionInfo.transactionId, response.updatedPersonalMessage);
  };

  return {
    hears: {
      "station.transactionEventAnswered": ({
        request,
        response,
      }: HeardEvents["station.transactionEventAnswered"]): void => {
        tellCost(request, response);
        tellMessage(request, response);
      },
    },
  };
}
