import type { Database } from "bun:sqlite";
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { AuthCacheRepository } from "./auth-cache-repository.ts";
import { AvailabilityRepository } from "./availability-repository.ts";
import { ChargingProfileRepository } from "./charging-profile-repository.ts";
import { CustomerMessageRepository } from "./customer-message-repository.ts";
import { DisplayMessageRepository } from "./display-message-repository.ts";
import { KeyValueRepository } from "./key-value-repository.ts";
import { LocalListRepository } from "./local-list-repository.ts";
import { forgetLosses } from "./losses.ts";
import { MessageQueueRepository } from "./message-queue-repository.ts";
import { MeterValueRepository } from "./meter-value-repository.ts";
import { MonitorStateRepository } from "./monitor-state-repository.ts";
import { OcspRepository } from "./ocsp-repository.ts";
import { closeDatabase, emptyLog, openDatabase } from "./open-database.ts";
import { ReservationRepository } from "./reservation-repository.ts";
import { TokenAliasRepository } from "./token-alias-repository.ts";
import { TransactionRepository } from "./transaction-repository.ts";
import { createUnitOfWork, type Durability, type UnitOfWork } from "./unit-of-work.ts";

export const CORE_DATABASE_FILE = "cp.db";

/** `cp.db`: libocpp's tables in place, ours (`STATION_…`) beside them; the one authority for what was decided. */
export interface CoreDatabase {
  readonly database: Database;
  readonly unitOfWork: UnitOfWork;
  readonly keyValues: KeyValueRepository;
  readonly availability: AvailabilityRepository;
  readonly transactions: TransactionRepository;
  readonly meterValues: MeterValueRepository;
  readonly authCache: AuthCacheRepository;
  readonly localList: LocalListRepository;
  readonly reservations: ReservationRepository;
  readonly tokenAliases: TokenAliasRepository;
  readonly customerMessages: CustomerMessageRepository;
  readonly chargingProfiles: ChargingProfileRepository;
  readonly displayMessages: DisplayMessageRepository;
  readonly monitorStates: MonitorStateRepository;
  readonly ocsp: OcspRepository;
  readonly durableQueue: MessageQueueRepository;
  readonly normalQueue: MessageQueueRepository;
  /** What was lost of it: each is worth a security event. */
  readonly losses: readonly string[];
  /** The losses have been told. */
  forgetLosses(): void;
  /** From now on the listener is told how long each transaction took; there is one listener. */
  watchCommits(listener: CommitListener): void;
  /** What was deleted is gone from the disk then. */
  emptyLog(): void;
  close(): void;
}

/** What a transaction of `cp.db` took, everything between BEGIN and the end of COMMIT or ROLLBACK. */
export type CommitListener = (durability: Durability, isCommitted: boolean, milliseconds: number) => void;

export interface CoreDatabaseOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** @throws DatabaseError when the file cannot be used as it is. */
export function openCoreDatabase(options: CoreDatabaseOptions): CoreDatabase {
  const { clock, logger } = options;
  const path = join(options.directory, CORE_DATABASE_FILE);
  const { database, losses } = openDatabase({ path, migrations: "core", clock, logger });
  const durableQueue = new MessageQueueRepository(database, "TRANSACTION_QUEUE", logger);
  const normalQueue = new MessageQueueRepository(database, "NORMAL_QUEUE", logger);
  const availability = new AvailabilityRepository(database);
  let watcher: CommitListener | undefined;
  const unitOfWork = createUnitOfWork(database, {
    onBegin: (durability) => {
      if (watcher === undefined) return undefined;
      const listener = watcher;
      const begun = clock.monotonicMilliseconds();
      return (isCommitted) => listener(durability, isCommitted, clock.monotonicMilliseconds() - begun);
    },
    onEffectError: (error) =>
      logger.critical(`An effect of a decision failed: ${(error as Error)?.stack ?? String(error)}`),
    onRollback: () => {
      durableQueue.countAnew();
      normalQueue.countAnew();
      availability.readAnew();
    },
  });
  const tokenAliases = new TokenAliasRepository(database);
  return {
    database,
    unitOfWork,
    keyValues: new KeyValueRepository(database, logger),
    availability,
    transactions: new TransactionRepository(database, logger),
    meterValues: new MeterValueRepository(database),
    authCache: new AuthCacheRepository(database, tokenAliases, unitOfWork),
    localList: new LocalListRepository(database, tokenAliases, unitOfWork),
    reservations: new ReservationRepository(database, logger),
    tokenAliases,
    customerMessages: new CustomerMessageRepository(database),
    chargingProfiles: new ChargingProfileRepository(database, logger),
    displayMessages: new DisplayMessageRepository(database),
    monitorStates: new MonitorStateRepository(database),
    ocsp: new OcspRepository(database, logger),
    durableQueue,
    normalQueue,
    losses,
    forgetLosses: () => forgetLosses(database),
    watchCommits: (listener) => {
      watcher = listener;
    },
    emptyLog: () => emptyLog(database),
    close: () => closeDatabase(database),
  };
}
