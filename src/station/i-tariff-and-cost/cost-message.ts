import * as v from "valibot";
import { isDateTime } from "../../lib/date-time.ts";
import { type CustomDataType, type MessageContentType, MessageContentTypeSchema } from "../../ocpp/v201/index.ts";
import type { RunningCost } from "../ports.ts";

/** Custom data of the Open Charge Alliance's extensions; only one vendor can stand in an object, so all of its are read alike. */
const VENDOR = /^org\.openchargealliance\./;
const COST_VENDOR = "org.openchargealliance.costmsg";
/** A QR code of more characters cannot be read from a display. */
const QR_CODE_CHARACTERS = 1_000;
const TEXT_CHARACTERS = 512;

/** An odd member is as good as absent: the cost is shown without it. */
function ifReadable<Schema extends v.GenericSchema>(schema: Schema) {
  return v.fallback(v.optional(schema), undefined as never) as v.GenericSchema<
    unknown,
    v.InferOutput<Schema> | undefined
  >;
}

const Amount = v.pipe(v.number(), v.finite());
const Time = v.pipe(v.string(), v.check(isDateTime));
const Minutes = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(2 ** 31 - 1));
const Texts = v.pipe(
  v.array(v.fallback(v.nullable(MessageContentTypeSchema), null)),
  v.transform((texts) => texts.filter((text): text is MessageContentType => text !== null)),
);
const Code = v.pipe(v.string(), v.nonEmpty(), v.maxLength(QR_CODE_CHARACTERS));

const Charging = v.object({
  kWhPrice: ifReadable(Amount),
  hourPrice: ifReadable(Amount),
  flatFee: ifReadable(Amount),
});
const Idle = v.object({ graceMinutes: ifReadable(Minutes), hourPrice: ifReadable(Amount) });

export const Triggers = v.object({
  atTime: ifReadable(Time),
  atEnergykWh: ifReadable(v.pipe(Amount, v.minValue(0))),
  atPowerkW: ifReadable(v.pipe(Amount, v.minValue(0))),
  atCPStatus: ifReadable(
    v.pipe(
      v.union([v.string(), v.array(v.string())]),
      v.transform((status) => (typeof status === "string" ? [status] : status)),
    ),
  ),
});
export type Triggers = v.InferOutput<typeof Triggers>;

const CostMessage = v.object({
  vendorId: v.literal(COST_VENDOR),
  timestamp: ifReadable(Time),
  meterValue: ifReadable(v.pipe(Amount, v.minValue(0), v.maxValue(2 ** 31 - 1))),
  state: ifReadable(v.string()),
  chargingPrice: ifReadable(Charging),
  idlePrice: ifReadable(Idle),
  nextPeriod: ifReadable(v.object({ atTime: Time, chargingPrice: Charging, idlePrice: ifReadable(Idle) })),
  priceText: ifReadable(v.pipe(v.string(), v.nonEmpty(), v.maxLength(TEXT_CHARACTERS))),
  priceTextExtra: ifReadable(Texts),
  qrCodeText: ifReadable(Code),
  triggerMeterValue: ifReadable(Triggers),
});
export type CostMessage = v.InferOutput<typeof CostMessage>;

const EventAnswer = v.object({
  vendorId: v.pipe(v.string(), v.regex(VENDOR)),
  updatedPersonalMessageExtra: ifReadable(Texts),
  qrCodeText: ifReadable(Code),
});

/** What CostUpdated says beside the total with California pricing (BEHAVIOUR 19.3); undefined without. */
export function readCostMessage(customData: CustomDataType | undefined): CostMessage | undefined {
  const parsed = v.safeParse(CostMessage, customData);
  return parsed.success ? parsed.output : undefined;
}

/** What the answer to a transaction event says beside its own members. */
export function readEventAnswer(customData: CustomDataType | undefined): {
  readonly texts?: readonly MessageContentType[];
  readonly qrCode?: string;
} {
  const parsed = v.safeParse(EventAnswer, customData);
  if (!parsed.success) return {};
  const { updatedPersonalMessageExtra: texts, qrCodeText: qrCode } = parsed.output;
  return { ...(texts !== undefined && { texts }), ...(qrCode !== undefined && { qrCode }) };
}

type Prices = Pick<
  RunningCost,
  "status" | "timestamp" | "energyWattHours" | "chargingPrice" | "idlePrice" | "nextPeriod"
>;

function withoutAbsent<Value extends object>(value: Value): { [Key in keyof Value]: Exclude<Value[Key], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as never;
}

/** The prices of the message, in the shape of the hardware side. */
export function pricesOf({ state, timestamp, meterValue, chargingPrice, idlePrice, nextPeriod }: CostMessage): Prices {
  return {
    status: state === "Idle" ? "Idle" : "Running",
    ...withoutAbsent({
      timestamp,
      energyWattHours: meterValue,
      chargingPrice: chargingPrice && withoutAbsent(chargingPrice),
      idlePrice: idlePrice && withoutAbsent(idlePrice),
      nextPeriod: nextPeriod && {
        atTime: nextPeriod.atTime,
        chargingPrice: withoutAbsent(nextPeriod.chargingPrice),
        ...(nextPeriod.idlePrice !== undefined && { idlePrice: withoutAbsent(nextPeriod.idlePrice) }),
      },
    }),
  } as Prices;
}
