import type {
  MessageTriggerEnumType,
  StatusInfoType,
  TriggerMessageRequest,
  TriggerMessageResponse,
} from "../../ocpp/v201/index.ts";
import type { StationModel } from "../model/station-model.ts";

export type Send = () => void;
/** What will be sent once the answer is out (F06.FR.04, FR.10), or the answer that says why nothing will. */
export type TriggerPlan = Send | TriggerMessageResponse;
export type TriggerPlanner = (request: TriggerMessageRequest) => TriggerPlan | Promise<TriggerPlan>;

export function rejectTrigger(reasonCode: string, additionalInfo: string): TriggerMessageResponse {
  const statusInfo: StatusInfoType = { reasonCode, additionalInfo };
  return { status: "Rejected", statusInfo };
}

/** Messages of one EVSE, or of all when none is named (F06.FR.11) or the station as a whole is. */
export function planForEvses(
  model: StationModel,
  { evse }: TriggerMessageRequest,
  planFor: (evseId: number | undefined) => TriggerPlan,
): TriggerPlan {
  const evseId = evse?.id === 0 ? undefined : evse?.id;
  return evseId !== undefined && model.evse(evseId) === undefined
    ? rejectTrigger("UnknownEvse", "no such EVSE")
    : planFor(evseId);
}

/** What TriggerMessage can send: each block registers its own messages (F06). */
export class TriggerRegistry {
  private readonly planners = new Map<MessageTriggerEnumType, TriggerPlanner>();

  register(message: MessageTriggerEnumType, planner: TriggerPlanner): void {
    if (this.planners.has(message)) throw new Error(`two blocks want to send the triggered ${message}`);
    this.planners.set(message, planner);
  }

  plannerFor(message: MessageTriggerEnumType): TriggerPlanner | undefined {
    return this.planners.get(message);
  }
}
