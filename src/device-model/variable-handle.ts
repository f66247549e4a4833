/** Where a variable is: names as in the device model, compared without regard to case. */
export interface VariableAddress {
  readonly component: string;
  readonly componentInstance?: string;
  readonly evseId?: number;
  readonly connectorId?: number;
  readonly variable: string;
  readonly instance?: string;
}

/** How the text of a variable is read; lists are OCPP's comma separated ones. */
export type ValueKind = "boolean" | "number" | "string" | "list";

export interface ValueOf {
  boolean: boolean;
  number: number;
  string: string;
  list: readonly string[];
}

/** More than any station has EVSEs and connectors. */
const PLACES_LIMIT = 1_000;

/** A typed name of a variable, e.g. `TxCtrlr.EVConnectionTimeOut`. */
export class VariableHandle<Kind extends ValueKind> implements VariableAddress {
  readonly component: string;
  readonly componentInstance?: string;
  readonly variable: string;
  readonly instance?: string;
  readonly evseId?: number;
  readonly connectorId?: number;
  /** Those that were asked for. */
  #places: Map<string, VariableHandle<Kind>> | undefined;

  constructor(
    address: VariableAddress,
    readonly kind: Kind,
  ) {
    this.component = address.component;
    this.variable = address.variable;
    if (address.componentInstance !== undefined) this.componentInstance = address.componentInstance;
    if (address.instance !== undefined) this.instance = address.instance;
    if (address.evseId !== undefined) this.evseId = address.evseId;
    if (address.connectorId !== undefined) this.connectorId = address.connectorId;
  }

  /** The same variable of one instance of the component, e.g. of one configuration slot. */
  ofInstance(componentInstance: string | number): VariableHandle<Kind> {
    return new VariableHandle({ ...this, componentInstance: String(componentInstance) }, this.kind);
  }

  /** The same variable of one EVSE or connector of the station. */
  at(evseId: number, connectorId?: number): VariableHandle<Kind> {
    const place = `${evseId}/${connectorId}`;
    const known = this.#places?.get(place);
    if (known !== undefined) return known;
    const handle = new VariableHandle(
      { ...this, evseId, ...(connectorId !== undefined && { connectorId }) },
      this.kind,
    );
    this.#places ??= new Map();
    if (this.#places.size < PLACES_LIMIT) this.#places.set(place, handle);
    return handle;
  }
}

const PARSERS: { readonly [Kind in ValueKind]: (text: string) => ValueOf[Kind] | undefined } = {
  boolean: (value) => (value === "" ? undefined : value.toLowerCase() === "true"),
  number: (value) => (value === "" || Number.isNaN(Number(value)) ? undefined : Number(value)),
  string: (value) => value,
  list: (value) =>
    value
      .split(",")
      .map((item) => item.trim())
      .filter((item) => item !== ""),
};

export function parseValue<Kind extends ValueKind>(kind: Kind, text: string): ValueOf[Kind] | undefined {
  return PARSERS[kind](text);
}

export function formatValue(value: boolean | number | string | readonly string[]): string {
  return typeof value === "object" ? value.join(",") : String(value);
}
