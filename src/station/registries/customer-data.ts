import type { Token } from "../../store/token-hash.ts";

/** Whom a request means: the keys under which cache and list hold the customer, and which tokens are the customer's. */
export interface Customer {
  readonly keys: readonly string[];
  isToken(token: Token): boolean;
}

/** One kind of thing that the station keeps of a customer (N09, N10). */
export interface CustomerRecord {
  /** Its name in NotifyCustomerInformation. */
  readonly name: string;
  /** What is known, ready for JSON; undefined when nothing is. */
  find(customer: Customer): unknown;
  /** Called inside the unit of work that forgets the customer; without it the record stays (N10.FR.06). */
  forget?(customer: Customer): void;
}

/** What the station keeps of its customers: each block registers its own records, in the order of the report. */
export class CustomerData {
  private readonly records: CustomerRecord[] = [];

  register(record: CustomerRecord): void {
    this.records.push(record);
  }

  find(customer: Customer): Readonly<Record<string, unknown>> {
    const found = this.records.map(({ name, find }) => [name, find(customer)] as const);
    return Object.fromEntries(found.filter(([, value]) => value !== undefined));
  }

  forget(customer: Customer): void {
    for (const record of this.records) record.forget?.(customer);
  }
}
