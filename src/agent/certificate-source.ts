import { askedOf } from "../bridge/question-limits.ts";
import { createSecurityPort } from "../bridge/security.ts";
import type { ModuleArguments } from "../everest/command-line.ts";
import type { ModuleConfiguration } from "../everest/configuration.ts";
import { EverestModule } from "../everest/everest-module.ts";
import type { Clock } from "../lib/clock.ts";
import { SystemRandom } from "../lib/random.ts";
import { silentLogger } from "../log/logger.ts";
import type { SecurityPort } from "../station/ports.ts";

export type CertificateSource = Pick<SecurityPort, "verifyFile" | "verifyLocation" | "leafCertificateFiles"> & {
  close(): Promise<void>;
};

/** Root certificates from a file or a directory that somebody names. */
export function namedRoots(path: string): CertificateSource {
  return {
    verifyLocation: async () => path,
    verifyFile: async () => undefined,
    leafCertificateFiles: async () => undefined,
    close: async () => {},
  };
}

/**
 * EVerest's own evse_security, as the station asks it: only questions that change nothing, under an id of its own, so that
 * a running station hears nothing of it.
 */
export async function askEverest(
  args: ModuleArguments,
  { moduleName, connections }: ModuleConfiguration,
  clock: Clock,
): Promise<CertificateSource> {
  try {
    const module = await EverestModule.connect({
      arguments: { ...args, moduleId: `${args.moduleId}_doctor` },
      provides: {},
      requires: { security: "evse_security" },
      askedOf,
      configuration: {
        moduleName,
        parameters: new Map(),
        connections: new Map([["security", connections.get("security") ?? []]]),
      },
      clock,
      random: new SystemRandom(),
      logger: silentLogger,
    });
    await module.listenForAnswers();
    const [peer] = module.peers("security", "evse_security");
    if (peer === undefined) throw new Error("the requirement security is not connected");
    return { ...createSecurityPort(peer), close: () => module.close() };
  } catch (error) {
    return unreachable((error as Error).message);
  }
}

function unreachable(why: string): CertificateSource {
  const refuse = async (): Promise<never> => {
    throw new Error(why);
  };
  return { verifyLocation: refuse, verifyFile: refuse, leafCertificateFiles: refuse, close: async () => {} };
}
