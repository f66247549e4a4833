import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import type { SigningJournal, Step } from "./signing-journal.ts";
import {
  generateSigningRequest,
  isLastRepetition,
  readPatience,
  TARGETS,
  type Target,
  usesOf,
  waitSeconds,
} from "./signing-request.ts";

export interface SigningExchange {
  /** Nothing is under way, and it has not been given up. */
  isIdle(target: Target): boolean;
  /** To be called before the CSMS is promised a request: a restart goes on with it. @throws when it cannot be stored. */
  plan(target: Target): void;
  /** Asks the CSMS as planned, also while the registration is pending. */
  begin(target: Target): void;
  /** Asks the CSMS because a certificate expires. */
  want(target: Target): void;
  /** A certificate has come and is looked at: no repetition meanwhile. */
  hold(target: Target): void;
  /** A certificate has come: it serves, or it ends the repetitions (A02.FR.20). */
  end(target: Target, serves: boolean): void;
  /** Goes on with what an earlier run has begun. */
  resume(): void;
  stop(): void;
}

/** SignCertificate and its repetitions (A02, A03), over restarts. */
export function createSigningExchange(context: StationContext, journal: SigningJournal): SigningExchange {
  const { clock, csms, deviceModel, logger, model } = context;
  const timers = new Map<Target, Timer>();
  /** Counts what was begun or ended: what has been overtaken by it goes no further. */
  const turns = new Map<Target, number>();

  const nextTurn = (target: Target): (() => boolean) => {
    timers.get(target)?.cancel();
    timers.delete(target);
    const turn = (turns.get(target) ?? 0) + 1;
    turns.set(target, turn);
    return () => turns.get(target) === turn;
  };

  /** For what goes on all the same when the database refuses. */
  const note = (target: Target, step: Step | undefined): void => {
    try {
      journal.note(target, step);
    } catch (error) {
      logger.error(`How far the ${target} has come could not be written down: ${(error as Error).message}`);
    }
  };

  const waitFor = (target: Target, repetition: number, next: () => void): void => {
    timers.set(target, clock.after(waitSeconds(readPatience(context), repetition) * 1000, next));
  };

  const giveUp = (target: Target): void => {
    note(target, { step: "givenUp" });
    logger.warn(`No signed ${target} has come; it is asked for again when the CSMS wants it`);
  };

  const awaitSigned = (target: Target, repetition: number): void => {
    const isLast = isLastRepetition(readPatience(context), repetition);
    waitFor(target, repetition, () => (isLast ? giveUp(target) : void ask(target, repetition + 1)));
  };

  const takeRefusal = (target: Target): void => {
    logger.warn(`The CSMS does not have a ${target} signed`);
    note(target, undefined);
    if (!usesOf(target).includes("V2GCertificate")) return;
    // A02.FR.21: kept in memory only, so until the next boot; also where an EVSE has its own.
    const { PnCEnabled } = ISO15118Ctrlr;
    for (const handle of [PnCEnabled, ...model.evses.map(({ evseId }) => PnCEnabled.at(evseId))])
      deviceModel.write(handle, false, "internal", true);
  };

  const ask = async (target: Target, repetition = 0, beforeAccepted = false): Promise<void> => {
    const isCurrent = nextTurn(target);
    if (!csms.connected) return waitFor(target, repetition, () => void ask(target, repetition));
    const csr = await generateSigningRequest(context, target);
    if (!isCurrent()) return;
    if (csr === undefined) return note(target, undefined);
    note(target, { step: "asked", repetition });
    const type = target === "Combined" ? {} : { certificateType: target };
    const outcome = await csms.call("SignCertificate", { csr, ...type }, { beforeAccepted }); // A02.FR.03, FR.13, A03.FR.03, FR.13
    if (!isCurrent()) return;
    if (outcome.kind === "response" && outcome.response.status === "Rejected") takeRefusal(target);
    else awaitSigned(target, repetition);
  };

  return {
    isIdle: (target) => journal.read(target) === undefined,
    plan: (target) => journal.note(target, { step: "wanted" }),
    begin: (target) => void ask(target, 0, true),
    want(target) {
      note(target, { step: "wanted" });
      void ask(target);
    },
    hold: (target) => void nextTurn(target),
    end(target, serves) {
      nextTurn(target);
      note(target, serves ? undefined : { step: "givenUp" });
    },
    resume() {
      for (const target of TARGETS) {
        const noted = journal.read(target);
        if (timers.has(target) || turns.has(target)) continue;
        if (noted?.step === "wanted") void ask(target);
        if (noted?.step === "asked") awaitSigned(target, noted.repetition); // A02.FR.17
      }
    },
    stop() {
      for (const timer of timers.values()) timer.cancel();
      // What is still being asked must not set timers any more.
      for (const target of TARGETS) nextTurn(target);
    },
  };
}
