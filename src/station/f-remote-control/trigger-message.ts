import { declareBlock, type Given } from "../block.ts";

/**
 * F06: TriggerMessage, about how things are now (F06.FR.09). What can be sent is registered by the blocks that send it;
 * where the EVSE does not matter it is not looked at (F06.FR.03).
 */
export const triggerMessage = declareBlock({ name: "trigger-message", letter: "F", needs: ["triggers"], create });

function create({ csms, triggers }: Given<"triggers">) {
  csms.handle("TriggerMessage", async (request) => {
    const planned = (await triggers.plannerFor(request.requestedMessage)?.(request)) ?? { status: "NotImplemented" }; // F06.FR.08
    if (typeof planned !== "function") return { response: planned };
    return { response: { status: "Accepted" }, afterResponse: planned }; // F06.FR.05
  });
  return {};
}
