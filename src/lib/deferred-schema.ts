import * as v from "valibot";

type Entries = v.ObjectEntries;
type ObjectSchema = v.GenericSchema & { readonly entries: Entries };

/**
 * A schema of an object that is made when it is first asked for: there are hundreds for what can be exchanged, and most
 * stations never see the half.
 */
class DeferredObject implements v.GenericSchema {
  readonly kind = "schema";
  readonly async = false;
  readonly expects = "Object";
  declare readonly "~types"?: v.GenericSchema["~types"];
  #made: ObjectSchema | undefined;

  constructor(
    readonly type: string,
    readonly make: () => ObjectSchema,
  ) {}

  get #schema(): ObjectSchema {
    this.#made ??= this.make();
    return this.#made;
  }

  get reference(): v.GenericSchema["reference"] {
    return this.#schema.reference;
  }

  get entries(): Entries {
    return this.#schema.entries;
  }

  get "~standard"(): v.GenericSchema["~standard"] {
    return this.#schema["~standard"];
  }

  "~run"(
    dataset: v.UnknownDataset,
    config: v.Config<v.BaseIssue<unknown>>,
  ): v.OutputDataset<unknown, v.BaseIssue<unknown>> {
    return this.#schema["~run"](dataset, config);
  }
}

/** `v.object`. */
export function object<E extends Entries>(
  entries: () => E,
): v.GenericSchema<unknown, v.InferOutput<v.ObjectSchema<E, undefined>>> {
  return new DeferredObject("object", () => v.object(entries())) as v.GenericSchema as never;
}

/** `v.strictObject`. */
export function strictObject(entries: () => Entries): v.GenericSchema {
  return new DeferredObject("strict_object", () => v.strictObject(entries()));
}
