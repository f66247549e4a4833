import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { storedValue, type ViewRow } from "../../store/database-view.ts";
import type { StationContext } from "../context.ts";
import { TARGETS, type Target } from "./signing-request.ts";

/** What has been decided about a certificate that is to be signed, and must outlive the process. */
const Step = v.variant("step", [
  /** The CSMS has been promised a request, or a certificate expires; nothing is on its way yet. */
  v.object({ step: v.literal("wanted") }),
  /** The CSMS has the request; it was repeated so often. */
  v.object({ step: v.literal("asked"), repetition: v.number() }),
  /** Not asked for again before the CSMS wants it (A02.FR.19, FR.20, A03.FR.19). */
  v.object({ step: v.literal("givenUp") }),
]);
export type Step = v.InferOutput<typeof Step>;

const Journal = v.object({
  steps: v.partial(v.object(v.entriesFromList(TARGETS, Step))),
  /** What the newest request was for: a CSMS may leave it out of what it delivers, and deliver more than once (errata 6.2.5). */
  lastAsked: v.exactOptional(v.picklist(TARGETS)),
});
const KEY = "security.certificateSigning";

/** What `inspect waiting` shows of certificates that are to be signed. */
export function waitingCertificates(database: Database): readonly ViewRow[] {
  const steps = storedValue(database, KEY, Journal)?.steps ?? {};
  return TARGETS.flatMap((target) => {
    const noted = steps[target];
    if (noted === undefined) return [];
    const state = { wanted: "to be asked for", asked: "asked for", givenUp: "until the CSMS asks" }[noted.step];
    return [{ what: `certificate ${target}`, evse: null, state }];
  });
}

export interface SigningJournal {
  read(target: Target): Step | undefined;
  note(target: Target, step: Step | undefined): void;
  readonly lastAsked: Target | undefined;
}

export function createSigningJournal({ core }: StationContext): SigningJournal {
  const readAll = (): v.InferOutput<typeof Journal> => core.keyValues.get(KEY, Journal) ?? { steps: {} };
  return {
    read: (target) => readAll().steps[target],
    note: (target, step) =>
      core.unitOfWork.run(() => {
        const { steps, ...facts } = readAll();
        const { [target]: _, ...others } = steps;
        core.keyValues.set(KEY, {
          ...facts,
          ...(step?.step === "asked" && { lastAsked: target }),
          steps: { ...others, ...(step !== undefined && { [target]: step }) },
        });
      }),
    get lastAsked() {
      return readAll().lastAsked;
    },
  };
}
