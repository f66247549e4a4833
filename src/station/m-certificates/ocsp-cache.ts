import * as v from "valibot";
import { type OCSPRequestDataType, OCSPRequestDataTypeSchema } from "../../ocpp/v201/index.ts";
import type { StoredOcspEntry } from "../../store/ocsp-repository.ts";
import type { StationContext } from "../context.ts";
import { plainSerialNumber } from "../model/certificate.ts";
import type { CertificateHash } from "../ports.ts";
import { type OcspAnswer, readOcspAnswer } from "./ocsp-answer.ts";

/** Leaf and intermediates for each of several roots; whoever names more has lost count. */
const ENTRY_LIMIT = 32;

/** One certificate that EVs are shown, and what is known of its revocation. Times are of the clock that never jumps. */
export interface OcspEntry {
  readonly certificate: string;
  readonly request: OCSPRequestDataType;
  answer: OcspAnswer | undefined;
  /** Undefined also as long as the age of what an earlier run has fetched is not known. */
  fetchedAtMilliseconds: number | undefined;
  /** Counts the occasions to fetch it anew, however young it is (M06.FR.07). */
  occasions: number;
  isStale: boolean;
  /** The hardware side has the answer. */
  isGiven: boolean;
  readonly asking: Attempts;
  readonly giving: Attempts;
}

/** What has failed is tried again not before this time. */
export interface Attempts {
  failures: number;
  notBeforeMilliseconds: number;
}

function nameOf({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: CertificateHash): string {
  return [hashAlgorithm, issuerNameHash, issuerKeyHash, plainSerialNumber(serialNumber)].join("|").toLowerCase();
}

function createEntry(request: OCSPRequestDataType): OcspEntry {
  return {
    certificate: nameOf(request),
    request,
    answer: undefined,
    fetchedAtMilliseconds: undefined,
    occasions: 0,
    isStale: true,
    isGiven: false,
    asking: { failures: 0, notBeforeMilliseconds: 0 },
    giving: { failures: 0, notBeforeMilliseconds: 0 },
  };
}

/** M06.FR.06: OCSP answers for the V2G certificates, in memory as in the database. */
export class OcspCache {
  private list: readonly OcspEntry[];
  /** When the answers of an earlier run were fetched, by the wall clock. */
  private readonly earlier = new Map<OcspEntry, Date>();

  constructor(private readonly context: Pick<StationContext, "clock" | "core" | "logger">) {
    this.list = context.core.ocsp.all().flatMap((stored) => this.restore(stored));
  }

  get entries(): readonly OcspEntry[] {
    return this.list;
  }

  /**
   * The certificates that there are now. One that was not there before is a new certificate of the station: the
   * answers for the others are fetched anew, too (M06.FR.07). @throws when it cannot be stored.
   */
  take(requests: readonly OCSPRequestDataType[]): void {
    const { core } = this.context;
    const known = new Map(this.list.map((entry) => [entry.certificate, entry]));
    const next = new Map<string, OcspEntry>();
    for (const request of this.usable(requests)) {
      const name = nameOf(request);
      const entry = known.get(name);
      if (!next.has(name))
        next.set(name, entry === undefined ? createEntry(request) : Object.assign(entry, { request }));
    }
    const hasNew = [...next.keys()].some((name) => !known.has(name));
    core.unitOfWork.run(() => {
      for (const name of known.keys()) if (!next.has(name)) core.ocsp.remove(name);
      for (const { certificate, request } of next.values()) core.ocsp.put(certificate, request);
      if (hasNew) core.ocsp.markAllStale();
    });
    this.list = [...next.values()];
    if (hasNew) this.noteOccasion(0);
  }

  /** The certificate was replaced: everything is fetched anew, after `delayMilliseconds`. @throws when it cannot be stored. */
  markStale(delayMilliseconds: number): void {
    const { core } = this.context;
    core.unitOfWork.run(() => core.ocsp.markAllStale());
    this.noteOccasion(delayMilliseconds);
  }

  /** What the CSMS has answered when `occasions` were known. @throws when it cannot be stored. */
  keep(entry: OcspEntry, answer: OcspAnswer, occasions: number): void {
    const { clock, core } = this.context;
    const isStale = entry.occasions !== occasions;
    core.unitOfWork.run(() => core.ocsp.keepResult(entry.certificate, answer.result, clock.now(), isStale));
    this.earlier.delete(entry);
    Object.assign(entry, {
      answer,
      isStale,
      isGiven: false,
      fetchedAtMilliseconds: clock.monotonicMilliseconds(),
    });
    entry.giving.failures = entry.giving.notBeforeMilliseconds = 0;
  }

  /** The clock is right now: how old is what an earlier run has fetched? Something from the future is of no known age. */
  reckon(): void {
    const { clock } = this.context;
    for (const [entry, fetchedAt] of this.earlier) {
      const age = clock.now().getTime() - fetchedAt.getTime();
      if (age < 0) entry.isStale = true;
      entry.fetchedAtMilliseconds = clock.monotonicMilliseconds() - Math.max(0, age);
    }
    this.earlier.clear();
  }

  private noteOccasion(delayMilliseconds: number): void {
    const notBeforeMilliseconds = this.context.clock.monotonicMilliseconds() + delayMilliseconds;
    for (const entry of this.list) {
      entry.occasions++;
      entry.isStale = true;
      Object.assign(entry.asking, { failures: 0, notBeforeMilliseconds });
    }
  }

  /** Those that a GetCertificateStatusRequest has room for. */
  private usable(requests: readonly OCSPRequestDataType[]): readonly OCSPRequestDataType[] {
    const { logger } = this.context;
    const usable = requests.filter((request) => {
      const parsed = v.safeParse(OCSPRequestDataTypeSchema, request);
      if (!parsed.success)
        logger.warn(
          `The CSMS cannot be asked about the V2G certificate ${nameOf(request)}: ${parsed.issues[0].message}`,
        );
      return parsed.success;
    });
    if (usable.length > ENTRY_LIMIT)
      logger.warn(`Of ${usable.length} V2G certificates the CSMS is asked about ${ENTRY_LIMIT} only`);
    return usable.slice(0, ENTRY_LIMIT);
  }

  private restore({ certificate, request, result, fetchedAt, isStale }: StoredOcspEntry): readonly OcspEntry[] {
    const { core, logger } = this.context;
    const parsed = v.safeParse(OCSPRequestDataTypeSchema, request);
    if (!parsed.success || nameOf(parsed.output) !== certificate) {
      logger.error(`What is stored of the V2G certificate ${certificate} cannot be read; it is asked about anew`);
      core.unitOfWork.run(() => core.ocsp.remove(certificate));
      return [];
    }
    const entry = createEntry(parsed.output);
    if (result === undefined || fetchedAt === undefined) return [entry];
    try {
      entry.answer = readOcspAnswer(result, entry.request);
      entry.isStale = isStale;
      this.earlier.set(entry, fetchedAt);
    } catch (error) {
      logger.error(`A stored OCSP answer is of no use: ${(error as Error).message}`);
    }
    return [entry];
  }
}
