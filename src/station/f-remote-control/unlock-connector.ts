import type { UnlockStatusEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** The hardware side reports a lock that did not open as an error after it took the command; this long we listen. */
const LOCK_ERROR_WINDOW_MILLISECONDS = 1_000;

/** F05: UnlockConnector. */
export function createUnlockConnectorBlock(context: StationContext): Block {
  const { clock, csms, hardware, hardwareEvents, logger, model, services } = context;

  const lockFailsWithinWindow = (evseId: number): { readonly failed: Promise<boolean>; cancel(): void } => {
    let cancel = (): void => {};
    const failed = new Promise<boolean>((resolve) => {
      const unsubscribe = hardwareEvents.on("error", (error) => {
        if (error.evseId === evseId && error.state === "raised" && error.type.startsWith("connector_lock/")) end(true);
      });
      const timer = clock.after(LOCK_ERROR_WINDOW_MILLISECONDS, () => end(false));
      const end = (result: boolean): void => {
        unsubscribe();
        timer.cancel();
        resolve(result);
      };
      cancel = () => end(false);
    });
    return { failed, cancel };
  };

  const unlock = async (evseId: number, connectorId: number): Promise<UnlockStatusEnumType> => {
    if (model.connector(evseId, connectorId) === undefined) return "UnknownConnector"; // F05.FR.03
    if (model.evse(evseId)?.transaction?.authorized === true) return "OngoingAuthorizedTransaction"; // F05.FR.02
    const lock = lockFailsWithinWindow(evseId);
    try {
      if (await hardware.evse.forceUnlock(evseId, connectorId)) {
        services.noteTrigger?.(evseId, "UnlockCommand");
        return (await lock.failed) ? "UnlockFailed" : "Unlocked"; // F05.FR.04, FR.05
      }
    } catch (error) {
      logger.error(`Connector ${evseId}/${connectorId} could not be unlocked: ${(error as Error).message}`);
    }
    lock.cancel();
    return "UnlockFailed";
  };

  csms.handle("UnlockConnector", async ({ evseId, connectorId }) => ({
    response: { status: await unlock(evseId, connectorId) },
  }));

  return { name: "unlock-connector", start() {}, stop() {} };
}
