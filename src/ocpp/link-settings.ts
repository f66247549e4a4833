import type { BackOffSettings } from "./back-off.ts";
import type { ConnectionProfile } from "./connection.ts";
import type { Transport, WebSocketListener } from "./websocket.ts";

/** Settings are functions, so that a changed variable takes effect at once. */
export interface LinkSettings {
  readonly profiles: () => readonly ConnectionProfile[];
  readonly lastConnected: () => ConnectionProfile | undefined;
  readonly attemptsPerProfile: () => number;
  readonly backOff: () => BackOffSettings;
  readonly open: (profile: ConnectionProfile, listener: WebSocketListener) => Promise<Transport>;
  readonly messageTimeoutSeconds: () => number;
  readonly messageAttempts: () => number;
  readonly messageAttemptIntervalSeconds: () => number;
  readonly queueAllMessages: () => boolean;
  readonly neverQueued: () => readonly string[];
  readonly durableLimit: () => number;
  readonly resumeDelaySeconds: number;
}
