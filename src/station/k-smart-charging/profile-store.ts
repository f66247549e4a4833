import * as v from "valibot";
import type { Logger } from "../../log/logger.ts";
import { ChargingLimitSourceEnumTypeSchema, ChargingProfileTypeSchema } from "../../ocpp/v201/index.ts";
import type { ChargingProfileRepository } from "../../store/charging-profile-repository.ts";
import type { CoreDatabase } from "../../store/core-database.ts";
import { type PreparedProfile, prepareProfile } from "./calculator/prepared-profile.ts";
import { ProfileIndex } from "./calculator/profile-index.ts";
import type { InstalledProfile } from "./installed-profile.ts";

/** What the database holds; what has an unknown form is told and stays where it is. */
export function storedProfiles(repository: ChargingProfileRepository, logger: Logger): readonly InstalledProfile[] {
  return repository.list().flatMap(({ id, evseId, source, transactionId, profile }) => {
    const parsed = v.safeParse(ChargingProfileTypeSchema, profile);
    const limitSource = v.safeParse(ChargingLimitSourceEnumTypeSchema, source);
    if (!parsed.success || !limitSource.success || parsed.output.id !== id) {
      logger.error(`The stored charging profile ${id} has an unknown form and does not count`);
      return [];
    }
    const bound = parsed.output.transactionId ?? transactionId;
    return [
      {
        evseId,
        source: limitSource.output,
        profile: { ...parsed.output, ...(bound !== undefined && { transactionId: bound }) },
      },
    ];
  });
}

/** The installed profiles: in the database before anybody sees them (K01.FR.27), and in memory ready for calculation. */
export class ProfileStore {
  private readonly installed = new Map<number, InstalledProfile>();
  private readonly prepared = new Map<number, PreparedProfile>();
  private cachedIndex: ProfileIndex | undefined;

  constructor(
    private readonly core: CoreDatabase,
    private readonly logger: Logger,
  ) {}

  /** Takes over what an earlier run, or libocpp, has left. */
  load(): void {
    for (const installed of storedProfiles(this.core.chargingProfiles, this.logger)) this.keep(installed);
  }

  get all(): readonly InstalledProfile[] {
    return [...this.installed.values()];
  }

  get size(): number {
    return this.installed.size;
  }

  get(id: number): InstalledProfile | undefined {
    return this.installed.get(id);
  }

  get index(): ProfileIndex {
    this.cachedIndex ??= new ProfileIndex(this.prepared.values());
    return this.cachedIndex;
  }

  /** To be called in a unit of work: one with the same id is replaced (K01.FR.05). */
  install(installed: InstalledProfile): void {
    const { evseId, source, profile } = installed;
    this.core.chargingProfiles.save({
      id: profile.id,
      evseId,
      stackLevel: profile.stackLevel,
      purpose: profile.chargingProfilePurpose,
      source,
      ...(profile.chargingProfilePurpose === "TxProfile" &&
        profile.transactionId !== undefined && { transactionId: profile.transactionId }),
      profile,
    });
    this.core.unitOfWork.afterCommit(() => this.keep(installed));
  }

  /** Likewise. */
  remove(ids: readonly number[]): void {
    for (const id of ids) this.core.chargingProfiles.remove(id);
    this.core.unitOfWork.afterCommit(() => {
      for (const id of ids) {
        this.installed.delete(id);
        this.prepared.delete(id);
      }
      this.cachedIndex = undefined;
    });
  }

  private keep(installed: InstalledProfile): void {
    const { evseId, source, profile } = installed;
    this.installed.set(profile.id, installed);
    this.prepared.set(profile.id, prepareProfile(profile, evseId, source));
    this.cachedIndex = undefined;
  }
}
