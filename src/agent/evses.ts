import type { EverestModule, Peer } from "../everest/everest-module.ts";
import type { Logger } from "../log/logger.ts";
import type { EvseDescription } from "../station/ports.ts";

/** How often an EVSE is asked what it is. */
const ATTEMPTS = 6;

/** Without its EVSEs there is no station: a question that got lost on a busy bus is asked again. */
async function askEvse(peer: Peer<"evse_manager">, logger: Logger) {
  for (let attempt = 1; attempt < ATTEMPTS; attempt++)
    try {
      return await peer.call("get_evse", {});
    } catch (error) {
      logger.warn(`${(error as Error).message}; it is asked again`);
    }
  return peer.call("get_evse", {});
}

/** What the modules say of their EVSEs. @throws when one does not say it. */
export async function describeEvses(
  module: Pick<EverestModule, "peers">,
  logger: Logger,
): Promise<readonly EvseDescription[]> {
  const found = await Promise.all(module.peers("evse_manager", "evse_manager").map((peer) => askEvse(peer, logger)));
  return found.map(({ id, connectors }, index) => {
    if (id !== index + 1)
      throw new Error(
        `evse_manager connection ${index + 1} calls itself EVSE ${id}: the order of the connections must follow the ids`,
      );
    const described = connectors.length === 0 ? [{ id: 1 }] : connectors;
    return {
      evseId: id,
      connectors: described.map((connector) => ({
        connectorId: connector.id,
        ...("type" in connector && connector.type !== undefined && { connectorType: connector.type }),
      })),
    };
  });
}
