import * as v from "valibot";
import { SecurityCtrlr } from "../../device-model/variables.ts";
import type { Block, StationContext } from "../context.ts";

const PREVIOUS_PASSWORD_KEY = "security.previousPassword";
/** The SetVariablesResponse leaves before the connection is changed. */
const RECONNECT_DELAY_MILLISECONDS = 100;
/** A00.FR.205 with errata 2.1; the upper bound is the variable's own maxLimit, which is 40 to 64. */
const SHORTEST_PASSWORD = 16;

/** A01: a new password is answered, then used; one that the CSMS refuses gives way to the old one. */
export function createCredentialsBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, logger } = context;
  const unsubscribes: (() => void)[] = [];
  /** One event for a refusal, however often the attempt is repeated. */
  let refusalTold = false;

  deviceModel.addRule(SecurityCtrlr.BasicAuthPassword, (value, source) => {
    if (value.length < SHORTEST_PASSWORD)
      return {
        status: "Rejected",
        reasonCode: "InvalidValue",
        additionalInfo: `at least ${SHORTEST_PASSWORD} characters`,
      };
    // Kept before the new one is stored: whatever happens now, one of the two opens the door.
    const previous = deviceModel.read(SecurityCtrlr.BasicAuthPassword);
    if (previous !== undefined && previous !== value && source !== "internal")
      core.unitOfWork.run(() => core.keyValues.set(PREVIOUS_PASSWORD_KEY, previous));
    return undefined;
  });

  const fallBack = (): void => {
    const previous = core.keyValues.get(PREVIOUS_PASSWORD_KEY, v.string());
    if (previous === undefined) return;
    logger.warn("The CSMS refuses the new password; the previous one is used again");
    deviceModel.write(SecurityCtrlr.BasicAuthPassword, previous, "internal");
    core.unitOfWork.run(() => core.keyValues.remove(PREVIOUS_PASSWORD_KEY));
  };

  return {
    name: "credentials",
    start() {
      unsubscribes.push(
        deviceModel.onChange(SecurityCtrlr.BasicAuthPassword, ({ source }) => {
          events.emit("securityEvent", {
            type: "ReconfigurationOfSecurityParameters",
            techInfo: "BasicAuthPassword changed",
          }); // A01.FR.11, FR.12
          if (source !== "internal") clock.after(RECONNECT_DELAY_MILLISECONDS, () => csms.reconnect("a new password"));
        }),
        csms.events.on("connected", () => {
          refusalTold = false;
          core.unitOfWork.run(() => core.keyValues.remove(PREVIOUS_PASSWORD_KEY));
        }),
        csms.events.on("connectionFailed", ({ failure }) => {
          if (failure.kind !== "refused" || failure.httpStatus !== 401) return;
          if (!refusalTold)
            events.emit("securityEvent", { type: "FailedToAuthenticateAtCsms", techInfo: failure.text });
          refusalTold = true;
          fallBack();
        }),
      );
    },
    stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
