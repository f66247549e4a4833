import type { Monitor } from "../../device-model/monitors.ts";
import { firstCharacters } from "../../lib/characters.ts";
import type { ComponentType, EventTriggerEnumType, VariableType } from "../../ocpp/v201/index.ts";
import type { StreamEvent } from "../services.ts";

/** Of actualValue (part 2, 2.1.21). */
const LONGEST_VALUE = 2_500;

/** Component and variable as messages name them. */
export function addressOf({ variable: { component, name, instance } }: Monitor): {
  readonly component: ComponentType;
  readonly variable: VariableType;
} {
  const { definition } = component;
  const { evseId, connectorId } = definition;
  return {
    component: {
      name: definition.name,
      ...(definition.instance !== undefined && { instance: definition.instance }),
      ...(evseId !== undefined && { evse: { id: evseId, ...(connectorId !== undefined && { connectorId }) } }),
    },
    variable: { name, ...(instance !== undefined && { instance }) },
  };
}

export function isWriteOnly({ variable }: Monitor): boolean {
  return variable.attributes.get("Actual")?.mutability === "WriteOnly";
}

/** What is told of a monitor (N07.FR.06). */
export function eventOf(
  monitor: Monitor,
  facts: {
    readonly trigger: EventTriggerEnumType;
    readonly value: string;
    readonly cleared?: boolean;
    readonly timestamp: Date;
    readonly transactionId: string | undefined;
    readonly valueLimit: number;
  },
): StreamEvent {
  const { trigger, value, cleared, timestamp, transactionId, valueLimit } = facts;
  return {
    timestamp: timestamp.toISOString(),
    trigger, // N07.FR.16–19, N08.FR.05
    actualValue: isWriteOnly(monitor) ? "" : firstCharacters(value, Math.min(LONGEST_VALUE, valueLimit)), // N07.FR.10
    ...(cleared !== undefined && { cleared }),
    ...(transactionId !== undefined && { transactionId }),
    ...addressOf(monitor),
    variableMonitoringId: monitor.id,
    eventNotificationType: monitor.kind,
  };
}
