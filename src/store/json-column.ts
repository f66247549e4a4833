import * as v from "valibot";
import { parseJson } from "../lib/json-text.ts";

/** A TEXT column that holds JSON of a known shape. */
export function jsonColumn<Schema extends v.GenericSchema>(schema: Schema) {
  return v.pipe(
    v.string(),
    v.rawTransform<string, unknown>(({ dataset, addIssue, NEVER }) => {
      try {
        return parseJson(dataset.value);
      } catch {
        addIssue({ message: "not JSON" });
        return NEVER;
      }
    }),
    schema,
  );
}
