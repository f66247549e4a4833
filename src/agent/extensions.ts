import type { EverestModule, Peer } from "../everest/everest-module.ts";
import type { Logger } from "../log/logger.ts";

export interface Extension {
  readonly peer: Peer<"iso15118_extensions">;
  readonly evseId: number;
}

/**
 * The ISO 15118 extensions and the EVSEs that they belong to: by their mapping. Those without one, or with that of an EVSE
 * that there is not, belong to the EVSEs that are left over if there are as many, in the order of the configuration.
 */
export function extensionsByEvse(
  module: Pick<EverestModule, "peers">,
  logger: Pick<Logger, "warn">,
): readonly Extension[] {
  const evseIds = module.peers("evse_manager", "evse_manager").map((_, index) => index + 1);
  const peers = module.peers("extensions_15118", "iso15118_extensions");
  const mapped = new Map(
    peers.flatMap((peer) => {
      const evseId = peer.connected.mapping?.evse;
      return evseId !== undefined && evseIds.includes(evseId) ? [[peer, evseId] as const] : [];
    }),
  );
  const taken = new Set(mapped.values());
  const free = evseIds.filter((evseId) => !taken.has(evseId));
  const isClear = free.length === peers.length - mapped.size;
  return peers.flatMap((peer) => {
    const known = mapped.get(peer);
    if (known !== undefined) return [{ peer, evseId: known }];
    const name = `The ISO 15118 extension "${peer.connected.moduleId}" is not mapped to an EVSE`;
    const evseId = isClear ? free.shift() : undefined;
    if (evseId !== undefined) {
      logger.warn(`${name}: it is taken for that of EVSE ${evseId}`);
      return [{ peer, evseId }];
    }
    logger.warn(`${name}: what it tells about vehicles is lost`);
    return [];
  });
}
