import { characterCount } from "../lib/characters.ts";
import { variableStateKey } from "./address-keys.ts";
import { refusal } from "./set-check.ts";
import type { AttributeState, SetRequest, SetResult, SetRule, VariableState } from "./state.ts";
import type { VariableAddress } from "./variable-handle.ts";

export interface SetOptions {
  /** For EVerest's own modules. */
  readonly mayWriteReadOnly?: boolean;
  /** Characters that a value may have. */
  readonly longestValue?: number;
}

/** Is given the requests that are to be checked together. */
export type Preparation = (requests: readonly SetRequest[]) => Promise<void>;

/** What stands between a request to set a variable and its value: the device model's own rules, then those of the blocks. */
export class SetRules {
  private readonly rules = new Map<string, SetRule[]>();
  private readonly preparations = new Map<string, Preparation>();

  constructor(
    private readonly find: (address: VariableAddress) => VariableState | "UnknownComponent" | "UnknownVariable",
  ) {}

  add(address: VariableAddress, rule: SetRule): void {
    const key = variableStateKey(address);
    this.rules.set(key, [...(this.rules.get(key) ?? []), rule]);
  }

  prepare(address: VariableAddress, gather: Preparation): void {
    this.preparations.set(variableStateKey(address), gather);
  }

  async gather(requests: readonly SetRequest[]): Promise<void> {
    const needed = requests.flatMap(({ address }) => {
      const variable = this.find(address);
      return typeof variable === "string" ? [] : (this.preparations.get(variable.fullKey) ?? []);
    });
    for (const gather of new Set(needed)) await gather(requests);
  }

  /** Why a request is refused, or where its value is to go. */
  check(
    { address, attributeType, value }: SetRequest,
    source: string,
    { mayWriteReadOnly = false, longestValue }: SetOptions,
  ):
    | SetResult
    | {
        readonly variable: VariableState;
        readonly attribute: AttributeState;
        readonly outcome: SetResult | undefined;
      } {
    const variable = this.find(address);
    if (typeof variable === "string") return { status: variable }; // B05.FR.04, FR.05
    const attribute = variable.attributes.get(attributeType);
    if (attribute === undefined) return { status: "NotSupportedAttributeType" }; // B05.FR.06
    if (longestValue !== undefined && characterCount(value) > longestValue)
      return {
        status: "Rejected",
        reasonCode: "TooLargeElement",
        additionalInfo: `longer than ${longestValue} characters`,
      };
    const refused = refusal(variable, attribute, value, mayWriteReadOnly);
    if (refused !== undefined) return refused;
    let outcome: SetResult | undefined;
    for (const rule of attributeType === "Actual" ? (this.rules.get(variable.fullKey) ?? []) : []) {
      outcome = rule(value, source) ?? outcome;
      if (outcome?.status === "Rejected") return outcome;
    }
    return { variable, attribute, outcome };
  }
}
