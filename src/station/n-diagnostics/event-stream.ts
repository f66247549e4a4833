import * as v from "valibot";
import { InternalCtrlr } from "../../device-model/variables.ts";
import type { EventDataType, NotifyEventRequest } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { messageParts } from "../model/message-parts.ts";
import type { EventStreamService, StreamEvent, TellOptions } from "../services.ts";

const EVENT_ID_KEY = "events.nextId";
const LAST_EVENT_ID = 2_147_483_646;
const DEFAULT_MESSAGE_BYTES = 32_000;
const ENVELOPE_BYTES = 200;
/** Events of one message: what happens in one moment is told together. */
const EVENTS_PER_MESSAGE = 50;
/** Messages of monitors, and events in them, that may wait for their answer; monitors look again when there is room. */
const WAITING_MESSAGES_LIMIT = 500;
const WAITING_EVENTS_LIMIT = 2_000;
/** So long after a fault a monitor of the same variable tells of it (N07.FR.05). */
const CAUSE_MILLISECONDS = 1_000;

function subjectOf({ component, variable }: StreamEvent): string {
  const { name, instance, evse } = component;
  return [name, instance, evse?.id, evse?.connectorId, variable.name, variable.instance].join("/").toLowerCase();
}

/** N07, N08, G05: NotifyEvents of faults and of monitors are one stream, with one numbering and in one order. */
export const eventStream = declareBlock({ name: "event-stream", letter: "N", provides: ["eventStream"], create });

function create({ clock, core, csms, deviceModel }: Given): { readonly provides: { eventStream: EventStreamService } } {
  const waiting = { messages: 0, events: 0 };
  const count = (messages: number, events: number): void => {
    waiting.messages += messages;
    waiting.events += events;
  };
  const faults = new Map<string, { readonly eventId: number; readonly at: number }>();

  const number = (events: readonly StreamEvent[]): readonly EventDataType[] => {
    let next = core.keyValues.get(EVENT_ID_KEY, v.number()) ?? 0;
    const now = clock.monotonicMilliseconds();
    const numbered = events.map((event) => {
      const eventId = next;
      next = next >= LAST_EVENT_ID ? 0 : next + 1;
      const subject = subjectOf(event);
      const fault = faults.get(subject);
      if (event.variableMonitoringId === undefined) faults.set(subject, { eventId, at: now });
      const isCause = fault !== undefined && event.variableMonitoringId !== undefined;
      return {
        eventId,
        ...event,
        ...(isCause && now - fault.at <= CAUSE_MILLISECONDS && { cause: fault.eventId }),
      };
    });
    core.keyValues.set(EVENT_ID_KEY, next);
    return numbered;
  };

  const send = (messages: readonly (readonly EventDataType[])[], options: TellOptions): void => {
    const generatedAt = clock.now().toISOString();
    for (const [seqNo, eventData] of messages.entries()) {
      const isLast = seqNo === messages.length - 1;
      const request: NotifyEventRequest = {
        generatedAt,
        seqNo, // N07.FR.07, N08.FR.04
        ...(!isLast && { tbc: true }),
        eventData,
      };
      const { keptOffline: queueWhenOffline, subject, ofMonitors = false } = options;
      if (ofMonitors) count(1, eventData.length);
      void csms
        .call("NotifyEvent", request, {
          queueWhenOffline, // N07.FR.04, N08.FR.03
          givesWay: ofMonitors,
          ...(subject !== undefined && { subject }),
        })
        .then(() => {
          if (ofMonitors) count(-1, -eventData.length);
        });
    }
  };

  return {
    provides: {
      eventStream: {
        get hasRoom() {
          return waiting.messages < WAITING_MESSAGES_LIMIT && waiting.events < WAITING_EVENTS_LIMIT;
        },
        tell(events, options) {
          core.unitOfWork.run(() => {
            const byteLimit = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
            const messages = [...messageParts(number(events), EVENTS_PER_MESSAGE, byteLimit - ENVELOPE_BYTES)];
            // What is only kept is stored with what caused it; nothing leaves before that is stored.
            if (csms.connected && csms.registration === "Accepted")
              core.unitOfWork.afterCommit(() => send(messages, options));
            else send(messages, options);
          });
        },
      },
    },
  };
}
