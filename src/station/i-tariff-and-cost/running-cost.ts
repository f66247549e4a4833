import { TxCtrlr } from "../../device-model/variables.ts";
import type { CostUpdatedRequest, TransactionEventRequest, TransactionEventResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { importedEnergyWattHours } from "../model/meter-values.ts";
import { type CostMessage, pricesOf, readCostMessage, readEventAnswer } from "./cost-message.ts";
import { MeterValueTriggers } from "./meter-value-triggers.ts";
import { TariffSettings } from "./tariff-settings.ts";

/** Transactions whose total may still come; what is beyond is forgotten, oldest first. */
const AWAITED_LIMIT = 100;

/** The highest import register that the event tells, in Wh. */
function highestRegister({ meterValue = [] }: TransactionEventRequest): number | undefined {
  const registers = meterValue.flatMap(({ timestamp, sampledValue }) => {
    const energy = importedEnergyWattHours({ timestamp: new Date(timestamp), samples: sampledValue });
    return energy === undefined ? [] : [energy];
  });
  return registers.length === 0 ? undefined : Math.max(...registers);
}

/** I02, I03, I05, I06: what the CSMS says about cost and tariff while a transaction runs and when it has ended. */
export const runningCost = declareBlock({
  name: "running-cost",
  letter: "I",
  hears: {
    "hardware.meter": "follow-up",
    "station.evseChanged": "follow-up",
    "station.transactionStarted": "follow-up",
    "station.transactionEnded": "follow-up",
    "station.transactionEventAnswered": "follow-up",
    "link.disconnected": "follow-up",
  },
  create,
});

function create(context: Given) {
  const { csms, deviceModel, hardware, logger, model } = context;
  const settings = new TariffSettings(deviceModel);
  const triggers = new MeterValueTriggers(context);
  /** Transactions that have ended online and whose total has not come yet. */
  const awaited = new Set<string>();

  /** I03.FR.05: the end is that the car has left, and with it the driver. */
  const endsWithoutDriver = (): boolean => {
    const points = deviceModel.read(TxCtrlr.TxStopPoint) ?? [];
    return points.length > 0 && points.every((point) => point === "ParkingBayOccupancy");
  };

  /** I05.FR.02: the total cannot be had in time. */
  const showFallback = (transactionId: string): void => {
    const texts = settings.isOn("Cost") ? settings.texts("TotalCostFallbackMessage") : [];
    if (texts.length > 0) hardware.observer.tariffMessage(transactionId, texts);
  };

  const money = () => ({ currency: settings.currency, decimals: settings.decimals });

  const updatedTexts = ({ updatedPersonalMessage, customData }: TransactionEventResponse) => [
    ...(updatedPersonalMessage === undefined ? [] : [updatedPersonalMessage]),
    ...settings.otherLanguages(readEventAnswer(customData).texts),
  ];

  /** A total of 0 is one; without a total nothing is said about money (I03.FR.04). */
  const tellCost = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    const { totalCost, customData } = response;
    if (totalCost === undefined || !settings.isOn("Cost")) return;
    const energyWattHours = highestRegister(request);
    const { qrCode } = readEventAnswer(customData);
    hardware.observer.sessionCost({
      transactionId: request.transactionInfo.transactionId,
      ...money(),
      status: request.eventType === "Ended" ? "Finished" : "Running",
      totalCost,
      timestamp: request.timestamp,
      ...(energyWattHours !== undefined && { energyWattHours }),
      messages: updatedTexts(response),
      ...(qrCode !== undefined && settings.showsQrCodes && { qrCode }),
    });
  };

  /** I06.FR.03; with a token that was not asked about before, its tariff comes in idTokenInfo (I01.FR.03). */
  const tellTariff = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    if (!settings.isOn("Tariff")) return;
    const updated = updatedTexts(response);
    // Who has just stopped has no use for it.
    const personal = request.eventType === "Ended" ? undefined : response.idTokenInfo?.personalMessage;
    const texts = updated.length > 0 ? updated : personal === undefined ? [] : [personal];
    if (texts.length > 0) hardware.observer.tariffMessage(request.transactionInfo.transactionId, texts);
  };

  /** The answer to the Ended event (I03.FR.01) brings the total for a driver who is still there: not after an end offline (I03.FR.03). */
  const tellEnd = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    const wasAwaited = awaited.delete(request.transactionInfo.transactionId);
    if (!wasAwaited || request.offline === true || endsWithoutDriver()) return;
    if (response.totalCost === undefined) showFallback(request.transactionInfo.transactionId);
    else tellCost(request, response);
    tellTariff(request, response);
  };

  /** Of a transaction that is over meanwhile nobody wants to know what it had cost before (I02.FR.04). */
  const tellRunning = (request: TransactionEventRequest, response: TransactionEventResponse): void => {
    if (model.transaction(request.transactionInfo.transactionId) === undefined) return;
    tellCost(request, response);
    tellTariff(request, response);
  };

  const textsOf = ({ priceText, priceTextExtra }: CostMessage) => [
    ...(priceText === undefined ? [] : [{ format: "UTF8" as const, content: priceText }]),
    ...settings.otherLanguages(priceTextExtra),
  ];

  /** I02.FR.03 */
  const showUpdate = ({ transactionId, totalCost, customData }: CostUpdatedRequest): void => {
    const transaction = model.transaction(transactionId);
    if (transaction === undefined) logger.warn(`CostUpdated for ${transactionId}, which does not run here`);
    const message = settings.readsCostMessages ? readCostMessage(customData) : undefined;
    hardware.observer.sessionCost({
      transactionId,
      ...money(),
      status: "Running",
      totalCost,
      ...(message !== undefined && {
        ...pricesOf(message),
        messages: textsOf(message),
        ...(message.qrCodeText !== undefined && settings.showsQrCodes && { qrCode: message.qrCodeText }),
      }),
    });
    if (transaction !== undefined && message !== undefined) triggers.set(transaction.evseId, message.triggerMeterValue);
  };

  csms.handle("CostUpdated", (request) => {
    if (settings.isOn("Cost")) showUpdate(request);
    return { response: {} }; // I02.FR.02
  });

  const awaitTotal = (transactionId: string): void => {
    const [oldest] = awaited;
    if (awaited.size >= AWAITED_LIMIT && oldest !== undefined) awaited.delete(oldest);
    awaited.add(transactionId);
  };

  return {
    hears: {
      "hardware.meter": () => triggers.review(),
      "station.evseChanged": () => triggers.review(),
      "station.transactionStarted": ({ evseId }: HeardEvents["station.transactionStarted"]) =>
        triggers.set(evseId, undefined),
      "station.transactionEnded": ({ transactionId, evseId }: HeardEvents["station.transactionEnded"]) => {
        triggers.endTransaction(evseId);
        if (csms.connected) awaitTotal(transactionId);
        else showFallback(transactionId);
      },
      "station.transactionEventAnswered": ({
        request,
        response,
      }: HeardEvents["station.transactionEventAnswered"]): void => {
        if (request.eventType === "Ended") tellEnd(request, response);
        else tellRunning(request, response);
      },
      "link.disconnected": () => {
        for (const transactionId of awaited) showFallback(transactionId);
        awaited.clear();
      },
    },
    start: () => triggers.review(),
    stop: () => triggers.stop(),
  };
}
