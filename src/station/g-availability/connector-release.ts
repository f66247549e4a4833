import { declareBlock, type Given } from "../block.ts";
import type { EvseEvent } from "../ports.ts";

/**
 * What the E block makes of an event: the cable is out, or a session goes on after a restart. The Ended of the
 * transaction comes first, and what was scheduled for its end decides what the connector becomes (G01.FR.04, FR.05).
 */
export const connectorRelease = declareBlock({
  name: "connector-release",
  letter: "G",
  needs: ["connectors"],
  hears: { "hardware.evse": "release" },
  create,
});

function create({ model, connectors }: Given<"connectors">) {
  const setOccupied = (evseId: number, connectorId: number, occupied: boolean): void =>
    connectors.update(evseId, connectorId, (connector) => {
      connector.occupied = occupied;
    });

  const follow = ({ kind, evseId, connectorId, sessionId }: EvseEvent): void => {
    const evse = model.evse(evseId);
    // The E block has taken the end: a session that still runs here is another one, and its cable is plugged.
    const isOver = evse?.sessionId === undefined || (kind === "SessionFinished" && evse.sessionId === sessionId);
    if (isOver && (kind === "SessionFinished" || kind === "TransactionFinished"))
      setOccupied(evseId, connectorId, false);
    else if (sessionId !== "" && evse?.evConnected === true) setOccupied(evseId, connectorId, true);
  };

  return { hears: { "hardware.evse": follow } };
}
