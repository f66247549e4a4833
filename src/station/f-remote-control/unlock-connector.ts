import { OCPPCommCtrlr } from "../../device-model/variables.ts";
import { sleep } from "../../lib/clock.ts";
import type { UnlockConnectorResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { faultKey, type HardwareError } from "../ports.ts";

/** The hardware side reports a lock that did not open as an error after it took the command; this long we wait for it. */
const LOCK_ERROR_WINDOW_MILLISECONDS = 1_000;

/** F05: UnlockConnector. */
export const unlockConnector = declareBlock({
  name: "unlock-connector",
  letter: "F",
  needs: ["transactions"],
  hears: { "hardware.error": "reading" },
  create,
});

function create({ clock, csms, deviceModel, hardware, logger, model, transactions }: Given<"transactions">) {
  /** Lock errors that are active now, with the EVSE that they concern; one without EVSE may concern any. */
  const lockErrors = new Map<string, number | undefined>();

  const noteError = (error: HardwareError): void => {
    if (error.component !== "ConnectorPlugRetentionLock") return;
    if (error.state === "raised") lockErrors.set(faultKey(error), error.evseId);
    else lockErrors.delete(faultKey(error));
  };

  const isLockFaulty = (evseId: number): boolean =>
    [...lockErrors.values()].some((concerned) => concerned === undefined || concerned === evseId);

  const fail = (additionalInfo: string): UnlockConnectorResponse => ({
    status: "UnlockFailed", // F05.FR.05
    statusInfo: { reasonCode: "Unspecified", additionalInfo },
  });

  const unlock = async (evseId: number, connectorId: number): Promise<UnlockConnectorResponse> => {
    const evse = model.evse(evseId);
    if (evse === undefined || model.connector(evseId, connectorId) === undefined) return { status: "UnknownConnector" }; // F05.FR.03
    if (evse.transaction?.connectorId === connectorId && evse.authorized)
      return { status: "OngoingAuthorizedTransaction" }; // F05.FR.02
    try {
      // Tried whether a cable is there or not (F05.FR.06).
      if (!(await hardware.evse.forceUnlock(evseId, connectorId))) return fail("the charger took no unlock command");
    } catch (error) {
      logger.error(`Connector ${evseId}/${connectorId} could not be unlocked: ${(error as Error).message}`);
      return fail("the charger did not answer");
    }
    await sleep(clock, LOCK_ERROR_WINDOW_MILLISECONDS);
    return isLockFaulty(evseId) ? fail("the lock reports an error") : { status: "Unlocked" }; // F05.FR.04
  };

  csms.handle(
    "UnlockConnector",
    async ({ evseId, connectorId }) => {
      const response = await unlock(evseId, connectorId); // F05.FR.01
      // The transaction at another connector of the EVSE has nothing to do with it.
      const concernsTransaction = model.evse(evseId)?.transaction?.connectorId === connectorId;
      const tell = (): void => transactions.noteTrigger(evseId, "UnlockCommand");
      return { response, ...(response.status === "Unlocked" && concernsTransaction && { afterResponse: tell }) };
    },
    // A lock takes its time, and only the same lock has to wait for it.
    { lane: ({ evseId, connectorId }) => `UnlockConnector ${evseId}/${connectorId}`, beside: true },
  );

  // The hardware side unlocks whenever the EV side is disconnected and offers no way to change that.
  deviceModel.addRule(OCPPCommCtrlr.UnlockOnEVSideDisconnect, (value) =>
    value === "true"
      ? undefined
      : { status: "Rejected", reasonCode: "InvalidValue", additionalInfo: "the charger always unlocks" },
  );

  return {
    hears: { "hardware.error": noteError },
    start() {
      if (deviceModel.read(OCPPCommCtrlr.UnlockOnEVSideDisconnect) === false) {
        logger.warn("UnlockOnEVSideDisconnect is false, but the charger always unlocks: the variable is set to true");
        deviceModel.write(OCPPCommCtrlr.UnlockOnEVSideDisconnect, true, "internal");
      }
    },
  };
}
