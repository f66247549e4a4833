import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { askedOf } from "../../src/bridge/question-limits.ts";
import { createSecurityPort } from "../../src/bridge/security.ts";
import type { Peer } from "../../src/everest/everest-module.ts";
import { sleep } from "../../src/lib/clock.ts";
import { SimulatedSecurity } from "../../src/sim/everest/security/simulated-security.ts";
import type { InProcessCharger } from "./in-process-charger.ts";

export interface RealCertificates {
  readonly security: SimulatedSecurity;
  dispose(): void;
}

/** Lets a charger in this process ask a store of real certificates, over the bridge and with the limits of its questions. */
export function giveRealCertificates(charger: InProcessCharger, sharesLeaves = false): RealCertificates {
  const { clock } = charger;
  const directory = mkdtempSync(join(tmpdir(), "certificates-"));
  const security = new SimulatedSecurity({ variable: async () => {} }, directory, clock, sharesLeaves);
  const call = async (command: string, args: Readonly<Record<string, unknown>>): Promise<unknown> => {
    const limit = sleep(clock, askedOf("evse_security", command).limitMilliseconds).then(() => {
      throw new Error(`${command}: no answer`);
    });
    return Promise.race([security.commands[command]?.(args), limit]);
  };
  const port = createSecurityPort({ call } as unknown as Peer<"evse_security">);
  charger.hardwareAnswers = {
    ...charger.hardwareAnswers,
    ...(port as unknown as Record<string, (...args: readonly unknown[]) => unknown>),
  };
  return { security, dispose: () => rmSync(directory, { recursive: true, force: true }) };
}
