import { expect } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TlsOptions } from "node:tls";
import type { ConnectionFailure } from "../../src/ocpp/connection-failure.ts";
import { type Certificate, type LeafOptions, TestAuthority } from "./certificates.ts";
import { InProcessCharger } from "./in-process-charger.ts";
import { freePort } from "./mosquitto.ts";
import { startOpenSslServer, startTlsServer, type TlsServer } from "./tls-servers.ts";

export interface Attempt {
  readonly host?: string;
  readonly rootPath?: string;
  readonly securityProfile?: 2 | 3;
  readonly client?: (Certificate & { readonly password?: string }) | undefined;
  readonly variables?: Readonly<Record<string, string>>;
}

export interface Outcome {
  readonly result: "connected" | ConnectionFailure;
  readonly log: string;
  readonly securityEvents: readonly string[];
}

export const days = (count: number): Date => new Date(Date.now() + count * 24 * 3_600_000);

/** A root authority, servers with its certificates, and stations that connect to them; everything ends with the test. */
export class TlsScene {
  readonly directory = mkdtempSync(join(tmpdir(), "tls-"));
  readonly root = new TestAuthority(this.directory, "root");
  private leafs = 0;
  private readonly cleanUps: (() => unknown)[] = [];

  /** At the end of each test. */
  async clean(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).reverse()) await cleanUp();
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  onClean(cleanUp: () => unknown): void {
    this.cleanUps.push(cleanUp);
  }

  issue(names: readonly string[] = ["localhost"], options: LeafOptions = {}, authority = this.root): Certificate {
    return authority.issue(`leaf${++this.leafs}`, names, options);
  }

  async listen(certificate: Certificate, options: TlsOptions = {}, host = "127.0.0.1") {
    const server = await startTlsServer(certificate, options, host);
    this.onClean(() => server.stop());
    return server;
  }

  async listenWithOpenSsl(certificate: Certificate, ...options: readonly string[]): Promise<TlsServer> {
    const server = await startOpenSslServer(certificate, await freePort(), ...options);
    this.onClean(() => server.stop());
    return server;
  }

  /** A station that attempts through real sockets, with the settings that the product makes of its device model. */
  async start(
    { port }: Pick<TlsServer, "port">,
    attempt: Attempt = {},
  ): Promise<{ readonly charger: InProcessCharger; readonly outcome: Outcome }> {
    const { host = "localhost", rootPath = this.root.rootPath, securityProfile = 2, client, variables } = attempt;
    const charger = new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl: `wss://${host}:${port}`, securityProfile } },
      ]),
      "InternalCtrlr.UseSslDefaultVerifyPaths": "false",
      "OCPPCommCtrlr.WebSocketPingInterval": "0",
      ...variables,
    });
    this.onClean(() => charger.dispose());
    charger.usesNetwork = true;
    charger.hardwareAnswers = {
      verifyLocation: () => rootPath,
      leafCertificateFiles: () =>
        client && {
          certificatePath: client.chainPath,
          keyPath: client.keyPath,
          ...(client.password !== undefined && { password: client.password }),
        },
    };
    await charger.start();
    const result = await nextOutcome(charger);
    return { charger, outcome: { result, log: charger.log.join("\n"), securityEvents: securityEvents(charger) } };
  }

  async attempt(server: Pick<TlsServer, "port">, how: Attempt = {}): Promise<Outcome> {
    return (await this.start(server, how)).outcome;
  }
}

/** What the running attempt comes to. */
export function nextOutcome(charger: InProcessCharger): Promise<Outcome["result"]> {
  if (charger.csms.connected) return Promise.resolve("connected");
  const failed = charger.csms.status.lastFailure;
  if (failed !== undefined) return Promise.resolve(failed.failure);
  return new Promise((resolve) => {
    charger.csms.events.on("connected", () => queueMicrotask(() => resolve("connected")));
    charger.csms.events.on("connectionFailed", ({ failure }) => queueMicrotask(() => resolve(failure)));
  });
}

export function securityEvents(charger: InProcessCharger): readonly string[] {
  return charger.hardwareCalls
    .filter(({ name }) => name === "securityEvent")
    .map(({ args }) => (args[0] as { type: string }).type)
    .filter((type) => type !== "StartupOfTheDevice");
}

export function expectConnected({ result, securityEvents: events }: Outcome): void {
  expect(result).toBe("connected");
  expect(events).toEqual([]);
}

/** Refused for this reason: in the outcome, in the log and as the security event that the specification wants. */
export function expectTlsFailure(
  outcome: Outcome,
  reason: string,
  logged: string | RegExp,
  securityEvent?: string,
): void {
  expect(outcome.result).toMatchObject({ kind: "tls", reason });
  expect(outcome.log).toMatch(logged);
  expect(outcome.securityEvents).toEqual(securityEvent === undefined ? [] : [securityEvent]);
}
