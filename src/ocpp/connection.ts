import type { Clock, Timer } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import { type BackOffSettings, backOffMilliseconds } from "./back-off.ts";
import type { ConnectionFailure } from "./connection-failure.ts";
import type { Transport, WebSocketListener } from "./websocket.ts";

/** One entry of NetworkConfigurationPriority with what is behind it. */
export interface ConnectionProfile {
  readonly slot: number;
  readonly url: string;
  readonly securityProfile: number;
  /** The interface that the profile asks for, e.g. `Wired0` (OCPPInterfaceEnumType). */
  readonly ocppInterface: string;
}

/** Rejected by `open`: further attempts with this profile are no use now, the next one of the list is due. */
export class UnusableProfileError extends Error {}

function isSame(one: ConnectionProfile | undefined, other: ConnectionProfile | undefined): boolean {
  return (
    one?.slot === other?.slot &&
    one?.url === other?.url &&
    one?.securityProfile === other?.securityProfile &&
    one?.ocppInterface === other?.ocppInterface
  );
}

export interface ConnectionOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** In order of priority, read anew when a round of attempts begins and when a connection is lost. */
  readonly profiles: () => readonly ConnectionProfile[];
  /** The profile of the last connection, also before a restart: tried when the whole list has failed (B10.FR.07). */
  readonly lastConnected: () => ConnectionProfile | undefined;
  readonly attemptsPerProfile: () => number;
  readonly backOff: () => BackOffSettings;
  /** Starts one attempt; rejects when the profile cannot be used now (e.g. no client certificate). */
  readonly open: (profile: ConnectionProfile, listener: WebSocketListener) => Promise<Transport>;
  readonly onConnected: (profile: ConnectionProfile, transport: Transport, switched: boolean) => void;
  readonly onDisconnected: (reason: string) => void;
  readonly onMessage: (text: string) => void;
  readonly onFailure: (profile: ConnectionProfile, failure: ConnectionFailure) => void;
  /** An entry of the list has used up its attempts. */
  readonly onProfileFailed: (profile: ConnectionProfile) => void;
  /** Every entry of the list has used up its attempts; the list begins anew. */
  readonly onAllFailed: () => void;
}

/** For whoever looks at the station from outside. */
export interface ConnectionStatus {
  readonly state: "stopped" | "connecting" | "connected" | "waiting";
  /** The profile of the connection or of the last attempt. */
  readonly slot?: number;
  readonly url?: string;
  /** Since the start of the process. */
  readonly attempts: number;
  readonly connections: number;
  readonly lastFailure?: { readonly at: Date; readonly failure: ConnectionFailure };
  readonly lastLoss?: { readonly at: Date; readonly reason: string };
}

/** Between reading the priority list and finding nothing usable in it. */
const NO_PROFILE_WAIT_MILLISECONDS = 10_000;

/**
 * Not even a RetryBackOffWaitMinimum of 0 makes a storm: so long at least after an attempt that failed, and after a
 * connection that ended before this time.
 */
const SHORTEST_WAIT_MILLISECONDS = 500;

/**
 * Keeps the station connected, with one profile at a time (A00.FR.001): attempts per profile (B10.FR.03), the next
 * profile afterwards, and at the end of the list the one that worked last (B10.FR.07) and the first again (B10.FR.08), for
 * ever (B10.FR.09); with the back-off of part 4, 5.3. A changed list counts from the next reconnection on and never ends
 * the connection that is there.
 */
export class Connection {
  private wanted = false;
  private generation = 0;
  private transport: Transport | undefined;
  private opened = false;
  /** The priority list as it was read last. */
  private list: readonly ConnectionProfile[] = [];
  /** The profiles to try in order: the list, after a failure of the whole list with the last good one in front. */
  private round: readonly ConnectionProfile[] = [];
  private index = 0;
  private attempts = 0;
  /** Waits since the last connection or change of profile: what the back-off grows with. */
  private waits = 0;
  private timer: Timer | undefined;
  /** What this run was connected with last; another one is a switch (B10.FR.10). */
  private connectedWith: ConnectionProfile | undefined;
  private openedAt = 0;
  private tried: ConnectionProfile | undefined;
  private state: ConnectionStatus["state"] = "stopped";
  private counts = { attempts: 0, connections: 0 };
  private lastFailure: ConnectionStatus["lastFailure"];
  private lastLoss: ConnectionStatus["lastLoss"];

  constructor(private readonly options: ConnectionOptions) {}

  get connected(): boolean {
    return this.opened;
  }

  get status(): ConnectionStatus {
    const { tried, lastFailure, lastLoss } = this;
    return {
      state: this.state,
      ...(tried !== undefined && { slot: tried.slot, url: tried.url }),
      ...this.counts,
      ...(lastFailure !== undefined && { lastFailure }),
      ...(lastLoss !== undefined && { lastLoss }),
    };
  }

  /** Begins with the first entry of the priority list (B10.FR.04, A05.FR.05), unless it has been started already. */
  start(): void {
    if (this.wanted) return;
    this.wanted = true;
    this.waits = 0;
    this.beginRound();
    this.attempt();
  }

  stop(reason: string): void {
    this.wanted = false;
    this.state = "stopped";
    this.timer?.cancel();
    this.drop(1001, reason);
  }

  /** Ends the connection, then connects anew (B10.FR.06), from the first entry of the list (changed credentials or profiles). */
  reconnect(reason: string): void {
    if (!this.wanted) return;
    this.timer?.cancel();
    this.drop(1000, reason);
    this.waits = 0;
    this.beginRound();
    this.timer = this.options.clock.after(0, () => this.attempt());
  }

  private drop(code: number, reason: string): void {
    this.generation++;
    const { transport, opened } = this;
    this.transport = undefined;
    this.opened = false;
    transport?.close(code, reason);
    if (opened) this.lost(reason);
  }

  private lost(reason: string): void {
    this.lastLoss = { at: this.options.clock.now(), reason };
    this.tell(() => this.options.onDisconnected(reason));
  }

  /** Whatever becomes of the news (a disk may be full), the station goes on connecting. */
  private tell(news: () => void): void {
    try {
      news();
    } catch (error) {
      this.options.logger.critical(
        `What follows from the state of the connection failed: ${(error as Error)?.stack ?? String(error)}`,
      );
    }
  }

  /** With a list in which nothing can be used, the profile that worked last is all there is. */
  private beginRound(fallback?: ConnectionProfile): void {
    this.list = this.options.profiles();
    const first = fallback ?? (this.list.length === 0 ? this.options.lastConnected() : undefined);
    this.round = first === undefined ? this.list : [first, ...this.list];
    this.index = 0;
    this.attempts = 0;
  }

  private attempt(): void {
    const profile = this.round[this.index];
    if (profile === undefined) {
      // A00.FR.004: no communication without a configured profile.
      this.options.logger.error(
        "No usable network connection profile: see NetworkConfigurationPriority and the profiles",
      );
      this.timer = this.options.clock.after(NO_PROFILE_WAIT_MILLISECONDS, () => {
        this.beginRound();
        this.attempt();
      });
      return;
    }
    const generation = ++this.generation;
    this.attempts++;
    this.counts.attempts++;
    this.state = "connecting";
    this.tried = profile;
    this.options.logger.info(`Connecting to ${profile.url} (slot ${profile.slot}, attempt ${this.attempts})`);
    this.options.open(profile, this.listenerFor(profile, generation)).then(
      (transport) => {
        if (generation === this.generation) this.transport = transport;
        else transport.close(1001, "superseded");
      },
      (error: Error) => {
        const failure = { kind: "configuration", text: error.message } as const;
        this.failed(generation, profile, failure, error instanceof UnusableProfileError);
      },
    );
  }

  private listenerFor(profile: ConnectionProfile, generation: number): WebSocketListener {
    return {
      opened: () => {
        const { transport } = this;
        if (generation !== this.generation || transport === undefined) return;
        const switched = this.connectedWith !== undefined && !isSame(this.connectedWith, profile);
        this.connectedWith = profile;
        this.opened = true;
        this.openedAt = this.options.clock.monotonicMilliseconds();
        this.counts.connections++;
        this.state = "connected";
        this.waits = 0;
        this.attempts = 0;
        this.tell(() => this.options.onConnected(profile, transport, switched));
      },
      message: (text) => {
        if (generation === this.generation) this.options.onMessage(text);
      },
      closed: (reason, failure) => {
        if (generation !== this.generation) return;
        if (failure !== undefined) return this.failed(generation, profile, failure);
        this.opened = false;
        this.transport = undefined;
        this.lost(reason);
        this.prepareReconnection();
        const lasted = this.options.clock.monotonicMilliseconds() - this.openedAt;
        this.retryLater(lasted < SHORTEST_WAIT_MILLISECONDS ? SHORTEST_WAIT_MILLISECONDS : 0);
      },
    };
  }

  /** B10.FR.03: after a loss every profile gets its attempts, the one that worked first unless the list was changed. */
  private prepareReconnection(): void {
    const current = this.options.profiles();
    const unchanged =
      current.length === this.list.length && current.every((profile, at) => isSame(profile, this.list[at]));
    if (unchanged) this.attempts = 0;
    else this.beginRound();
  }

  private failed(generation: number, profile: ConnectionProfile, failure: ConnectionFailure, isUnusable = false): void {
    if (generation !== this.generation) return;
    this.transport = undefined;
    this.options.logger.warn(`No connection to ${profile.url} (slot ${profile.slot}): ${failure.text}`);
    this.lastFailure = { at: this.options.clock.now(), failure };
    this.tell(() => this.options.onFailure(profile, failure));
    if (isUnusable || this.attempts >= Math.max(1, this.options.attemptsPerProfile())) this.nextProfile();
    this.retryLater(SHORTEST_WAIT_MILLISECONDS);
  }

  private nextProfile(): void {
    const tried = this.round[this.index];
    if (tried !== undefined) this.tell(() => this.options.onProfileFailed(tried));
    this.attempts = 0;
    this.index++;
    if (this.index < this.round.length) {
      // Each profile has a back-off of its own; a list that failed as a whole is not tried any faster.
      this.waits = 0;
      return;
    }
    this.tell(() => this.options.onAllFailed());
    this.beginRound(this.fallback(tried));
  }

  /** The profile that worked last, unless it has just been tried or comes first anyway. */
  private fallback(tried: ConnectionProfile | undefined): ConnectionProfile | undefined {
    const last = this.options.lastConnected();
    return isSame(last, tried) || isSame(last, this.options.profiles()[0]) ? undefined : last;
  }

  private retryLater(shortestMilliseconds: number): void {
    if (!this.wanted) return;
    this.state = "waiting";
    const { backOff, random } = this.options;
    const wait = Math.max(backOffMilliseconds(this.waits++, backOff(), random), shortestMilliseconds);
    this.options.logger.info(`Next attempt in ${(wait / 1000).toFixed(1)} s`);
    this.timer = this.options.clock.after(wait, () => this.attempt());
  }
}
