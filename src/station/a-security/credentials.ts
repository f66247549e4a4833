import * as v from "valibot";
import type { SetResult, VariableChange } from "../../device-model/device-model.ts";
import { OCPPCommCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { activeSlot, ownPasswordOf } from "../model/network-profiles.ts";
import { isPasswordText } from "../model/password-text.ts";

/** Passwords of which one opens the door, the newest first; kept until a connection has shown which. */
const CANDIDATES_KEY = "security.passwordCandidates";
const Candidates = v.array(v.string());
const CANDIDATES_LIMIT = 4;
/** In characters, whatever a component file says: A00.FR.205 with errata 2.1. */
const PASSWORD_LENGTH = { minLimit: 16, maxLimit: 64 };
const REFUSALS: ReadonlySet<number> = new Set([401, 403]);

/**
 * A01: a new password is answered, then used. Until the CSMS has let the station in, every password that may be the
 * right one is kept: a refused one gives way to the next, so that neither a CSMS that missed the change nor a power cut
 * in the middle of it locks the station out.
 */
export const credentials = declareBlock({
  name: "credentials",
  letter: "A",
  hears: { "station.variablesSet": "follow-up", "link.connected": "reading", "link.connectionFailed": "reading" },
  create,
});

function create({ core, csms, deviceModel, events, logger }: Given) {
  let unsubscribe = (): void => {};
  /** The new password is for the next connection, which waits for the answer to SetVariables. */
  let changed = false;
  /** One event for a refusal, however often the attempt is repeated. */
  let refusalTold = false;
  /** Network profiles whose CSMS has refused the password in use. */
  const refusedBy = new Set<number>();

  const candidates = (): readonly string[] => core.keyValues.get(CANDIDATES_KEY, Candidates) ?? [];
  const usesPassword = (securityProfile: number | undefined): boolean => securityProfile === 1 || securityProfile === 2;

  /** A slot with a password of its own says nothing about that of the station. */
  const usesStationPassword = ({ slot, securityProfile }: ConnectionProfile): boolean =>
    usesPassword(securityProfile) && ownPasswordOf(deviceModel, slot) === undefined;

  const refuse = (additionalInfo: string): SetResult => ({
    status: "Rejected",
    reasonCode: "InvalidValue",
    additionalInfo,
  });

  deviceModel.describe(SecurityCtrlr.BasicAuthPassword, PASSWORD_LENGTH);
  // A01.FR.01, FR.02, FR.10: kept as the variable's value, in files that only the station can read.
  deviceModel.addRule(SecurityCtrlr.BasicAuthPassword, (value, source) => {
    if (!isPasswordText(value)) return refuse("a character that is not allowed in passwords");
    // Kept before the new one is stored: whatever happens now, one of them opens the door.
    // A slot's own one gives way to the new one, too.
    const slot = activeSlot(deviceModel);
    const own = slot === undefined ? undefined : ownPasswordOf(deviceModel, slot);
    const present = own ?? deviceModel.read(SecurityCtrlr.BasicAuthPassword);
    if (present === undefined || present === value || source === "internal") return undefined;
    const known = candidates().length === 0 ? [present] : candidates();
    const next = [value, ...known.filter((password) => password !== value)];
    core.unitOfWork.run(() => core.keyValues.set(CANDIDATES_KEY, limited(next)));
    return undefined;
  });

  const reconnect = (): void => {
    if (!changed) return;
    changed = false;
    if (usesPassword(deviceModel.read(SecurityCtrlr.SecurityProfile))) csms.reconnect("a new password");
  };

  /** The next candidate, once every network profile has refused the present one or one has refused it twice. */
  const takeRefusal = (slot: number): void => {
    const list = candidates();
    if (list.length < 2) return;
    const slots = deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority) ?? [];
    const isEnough =
      refusedBy.has(slot) || slots.every((other) => Number(other) === slot || refusedBy.has(Number(other)));
    refusedBy.add(slot);
    if (!isEnough) return;
    refusedBy.clear();
    const present = list.indexOf(deviceModel.read(SecurityCtrlr.BasicAuthPassword) ?? "");
    const next = list[(present + 1) % list.length];
    if (next === undefined) return;
    logger.warn("The CSMS refuses the password; another one that may be right is tried");
    deviceModel.write(SecurityCtrlr.BasicAuthPassword, next, "internal");
  };

  /** Passwords that are no longer used are in no file any more, nor is the one in use twice. */
  const forgetOnDisk = (): void => {
    try {
      core.emptyLog();
      deviceModel.emptyLogs();
    } catch (error) {
      logger.warn(`A password that is no longer used stays in a database's log for now: ${(error as Error).message}`);
    }
  };

  /** The password in use is the right one. */
  const settle = (): void => {
    refusalTold = false;
    refusedBy.clear();
    const [newest] = candidates();
    if (newest === undefined) return;
    const isNewest = newest === deviceModel.read(SecurityCtrlr.BasicAuthPassword);
    core.unitOfWork.run(() => core.keyValues.remove(CANDIDATES_KEY));
    forgetOnDisk();
    if (isNewest) return;
    logger.error("The CSMS does not take the new password; the previous one is in use again");
    events.emit("securityEvent", {
      type: "ReconfigurationOfSecurityParameters",
      techInfo: "BasicAuthPassword is the previous one again, the CSMS refused the new one",
    });
  };

  const noteChange = ({ source }: VariableChange): void => {
    if (source === "internal") return;
    events.emit("securityEvent", {
      type: "ReconfigurationOfSecurityParameters",
      techInfo: "BasicAuthPassword changed",
    }); // A01.FR.11, FR.12
    changed = true;
    if (source !== "csms") reconnect();
  };

  return {
    hears: {
      "station.variablesSet": reconnect,
      "link.connected": ({ profile }: HeardEvents["link.connected"]) => {
        if (usesStationPassword(profile)) settle();
      },
      "link.connectionFailed": ({ profile, failure }: HeardEvents["link.connectionFailed"]) => {
        if (failure.kind !== "refused" || !REFUSALS.has(failure.httpStatus)) return;
        if (!refusalTold) events.emit("securityEvent", { type: "FailedToAuthenticateAtCsms", techInfo: failure.text });
        refusalTold = true;
        if (usesStationPassword(profile)) takeRefusal(profile.slot);
      },
    },
    start() {
      unsubscribe = deviceModel.onChange(SecurityCtrlr.BasicAuthPassword, noteChange);
    },
    stop: () => unsubscribe(),
  };
}

/** The newest and, at the end, the one that has worked, stay. */
function limited(passwords: readonly string[]): readonly string[] {
  if (passwords.length <= CANDIDATES_LIMIT) return passwords;
  return [...passwords.slice(0, CANDIDATES_LIMIT - 1), ...passwords.slice(-1)];
}
