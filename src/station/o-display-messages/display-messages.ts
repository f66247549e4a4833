import { DisplayMessageCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import { firstCharacters } from "../../lib/characters.ts";
import type { Timer } from "../../lib/clock.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type {
  ClearDisplayMessageResponse,
  GetDisplayMessagesRequest,
  MessageInfoType,
  SetDisplayMessageRequest,
  SetDisplayMessageResponse,
} from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { displayMessagesView } from "./display-messages-view.ts";
import { DisplayTeller } from "./display-teller.ts";
import { DisplayMessageList } from "./message-list.ts";
import { inParts, MESSAGES_LIMIT, matches, objection, replacedBy } from "./message-rules.ts";

/** Ends and transactions are looked at at least so often, and a display that did not answer is asked again. */
const REVIEW_MILLISECONDS = 60_000;
const DEFAULT_MESSAGE_BYTES = 32_000;
const SMALLEST_MESSAGE_BYTES = 2_000;
const ENVELOPE_BYTES = 500;
/** StatusInfo has room for so much. */
const INFO_CHARACTERS = 512;
/** Lists that may be on their way at once. */
const REPORTS_LIMIT = 4;
/** Set, get and clear see what the one before has done. */
const LANE = { lane: () => "display-messages" };

/** O01–O06: messages of the CSMS on the charger's display. */
export const displayMessages = declareBlock({
  name: "display-messages",
  letter: "O",
  hears: { "station.transactionEnded": "follow-up" },
  views: { display: displayMessagesView },
  create,
});

function create(context: Given) {
  const { clock, core, csms, deviceModel, hardware, logger } = context;
  const list = new DisplayMessageList(context);
  const teller = new DisplayTeller(context, list);
  let timer: Timer | undefined;
  let unsubscribe = (): void => {};
  let reportsUnderWay = 0;
  /** What the display has kept is in the list. */
  let begun: Promise<void> = Promise.resolve();

  const isAvailable = (): boolean =>
    hardware.display.available && deviceModel.read(DisplayMessageCtrlr.Available) === true;

  const capacity = (): number => {
    const variable = deviceModel.find(DisplayMessageCtrlr.DisplayMessages);
    return (typeof variable === "string" ? undefined : variable.characteristics.maxLimit) ?? MESSAGES_LIMIT;
  };

  /** At the next end, at once when it is past. */
  const review = (): void => {
    timer?.cancel();
    if (!isAvailable()) return;
    const { present } = list.read();
    teller.tell();
    const waits = present.flatMap(({ endDateTime }) =>
      endDateTime === undefined ? [] : [Date.parse(endDateTime) - clock.now().getTime()],
    );
    timer = clock.after(Math.max(0, Math.min(REVIEW_MILLISECONDS, ...waits)), review);
  };

  const failed = (message: MessageInfoType, reasonCode: string, error: Error): SetDisplayMessageResponse => {
    logger.error(`The display message ${message.id} is not taken: ${error.message}`);
    return { status: "Rejected", statusInfo: { reasonCode } };
  };

  const store = (message: MessageInfoType, replaced: readonly MessageInfoType[]): SetDisplayMessageResponse => {
    try {
      list.set(message, replaced);
      return { status: "Accepted" };
    } catch (error) {
      return failed(message, "OutOfStorage", error as Error);
    }
  };

  const show = async (message: MessageInfoType): Promise<SetDisplayMessageResponse> => {
    const { present } = list.read();
    const replaced = replacedBy(message, present);
    if (present.length - replaced.length + 1 > capacity())
      return { status: "Rejected", statusInfo: { reasonCode: "TooManyElements" } }; // O01.FR.11, O02.FR.11
    try {
      const { status, info } = await teller.set(message);
      if (status === "Accepted") return store(message, replaced);
      return {
        status,
        ...(info !== undefined && {
          statusInfo: { reasonCode: "Unspecified", additionalInfo: firstCharacters(info, INFO_CHARACTERS) },
        }),
      };
    } catch (error) {
      // It may be shown all the same: what was there before is told anew, what was not is cleared.
      if (!replaced.some(({ id }) => id === message.id)) list.noteStray(message);
      return failed(message, "InternalError", error as Error);
    } finally {
      review();
    }
  };

  const set = ({
    message,
  }: SetDisplayMessageRequest): SetDisplayMessageResponse | Promise<SetDisplayMessageResponse> => {
    if (!isAvailable())
      return { status: "Rejected", statusInfo: { reasonCode: "UnsupportedRequest", additionalInfo: "no display" } };
    if (deviceModel.read(DisplayMessageCtrlr.Enabled) === false)
      return { status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } };
    return objection(message, context) ?? teller.inTurn(() => show(message));
  };

  const clear = async (id: number): Promise<ClearDisplayMessageResponse> => {
    if (!list.read().present.some((message) => message.id === id)) return { status: "Unknown" }; // O05.FR.02
    list.remove([id]);
    try {
      await teller.clear(id);
    } catch (error) {
      logger.error(
        `The display message ${id} is gone, but the display has not confirmed it: ${(error as Error).message}`,
      );
      review();
    }
    return { status: "Accepted" }; // O05.FR.01
  };

  /** O03.FR.02, O04.FR.03: part by part; a CSMS that does not take one may take the next. */
  const report = async (requestId: number, messages: readonly MessageInfoType[]): Promise<void> => {
    const limit = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
    const parts = inParts(messages, Math.max(SMALLEST_MESSAGE_BYTES, limit) - ENVELOPE_BYTES);
    for (const [index, messageInfo] of parts.entries()) {
      const tbc = index < parts.length - 1; // O03.FR.04, O04.FR.05
      const outcome = await csms.call(
        "NotifyDisplayMessages",
        { requestId, messageInfo, tbc },
        { beforeAccepted: true },
      ); // O03.FR.05, O04.FR.06
      if (outcome.kind === "response") continue;
      logger.warn(`Part ${index} of the display messages of request ${requestId} is not delivered: ${outcome.kind}`);
      if (outcome.kind !== "error") return;
    }
  };

  const get = ({ requestId, ...wanted }: GetDisplayMessagesRequest) => {
    const found = isAvailable() ? list.read().present.filter((message) => matches(message, wanted)) : [];
    if (found.length === 0) return { response: { status: "Unknown" } as const }; // O03.FR.06, O04.FR.02, FR.07
    if (reportsUnderWay >= REPORTS_LIMIT) throw new OcppError("GenericError", `${REPORTS_LIMIT} lists are under way`);
    reportsUnderWay++;
    return {
      response: { status: "Accepted" } as const, // O03.FR.01, O04.FR.01
      afterResponse: () =>
        void report(requestId, found).finally(() => {
          reportsUnderWay--;
        }),
    };
  };

  csms.handle("SetDisplayMessage", async (request) => ({ response: await set(request) }), LANE);
  csms.handle(
    "GetDisplayMessages",
    async (request) => {
      await begun;
      return get(request);
    },
    LANE,
  );
  csms.handle(
    "ClearDisplayMessage",
    async ({ id }) => ({ response: isAvailable() ? await teller.inTurn(() => clear(id)) : { status: "Unknown" } }),
    LANE,
  );

  deviceModel.compute(DisplayMessageCtrlr.DisplayMessages, () => String(core.displayMessages.count()));
  deviceModel.describe(DisplayMessageCtrlr.DisplayMessages, { maxLimit: Math.min(capacity(), MESSAGES_LIMIT) });

  return {
    hears: { "station.transactionEnded": () => review() }, // O02.FR.02
    start() {
      if (!isAvailable()) return;
      unsubscribe = deviceModel.onChange(DisplayMessageCtrlr.Enabled, () => teller.tell());
      begun = teller.begin().then(review);
    },
    stop() {
      teller.stop();
      timer?.cancel();
      unsubscribe();
    },
  };
}
