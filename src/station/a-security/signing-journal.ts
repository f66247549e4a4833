import * as v from "valibot";
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

const Steps = v.partial(v.object(v.entriesFromList(TARGETS, Step)));
const KEY = "security.certificateSigning";

export interface SigningJournal {
  read(target: Target): Step | undefined;
  note(target: Target, step: Step | undefined): void;
}

export function createSigningJournal({ core }: StationContext): SigningJournal {
  const readAll = (): v.InferOutput<typeof Steps> => core.keyValues.get(KEY, Steps) ?? {};
  return {
    read: (target) => readAll()[target],
    note: (target, step) =>
      core.unitOfWork.run(() => {
        const { [target]: _, ...others } = readAll();
        core.keyValues.set(KEY, { ...others, ...(step !== undefined && { [target]: step }) });
      }),
  };
}
