import { existsSync } from "node:fs";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import type { LeafCertificateFiles } from "../station/ports.ts";
import type { CoreDatabase } from "../store/core-database.ts";

const LAST_SHOWN_KEY = "security.lastStationCertificate";
/** Paths only; the password of a key stays in memory. */
const LastShown = v.object({ certificatePath: v.string(), keyPath: v.string() });

/**
 * The certificate that the station shows to the CSMS (security profile 3). EVerest names only certificates that are valid
 * now; one that has expired since it was last used is shown all the same, and the CSMS decides (A00.FR.430).
 */
export class StationCertificate {
  private password: string | undefined;

  constructor(
    private readonly current: () => Promise<LeafCertificateFiles | undefined>,
    private readonly core: Pick<CoreDatabase, "keyValues" | "unitOfWork">,
    private readonly logger: Logger,
  ) {}

  /** @throws when there is none and never was one. */
  async files(): Promise<LeafCertificateFiles> {
    const named = await this.current();
    if (named !== undefined) {
      this.remember(named);
      return named;
    }
    const last = this.core.keyValues.get(LAST_SHOWN_KEY, LastShown);
    if (last === undefined || !existsSync(last.certificatePath) || !existsSync(last.keyPath))
      throw new Error("security profile 3 needs a client certificate; none is installed");
    this.logger.warn(`No valid client certificate is installed; ${last.certificatePath}, used before, is shown`);
    return { ...last, ...(this.password !== undefined && { password: this.password }) };
  }

  private remember({ certificatePath, keyPath, password }: LeafCertificateFiles): void {
    this.password = password;
    const { keyValues, unitOfWork } = this.core;
    const last = keyValues.get(LAST_SHOWN_KEY, LastShown);
    if (certificatePath !== last?.certificatePath || keyPath !== last.keyPath)
      unitOfWork.run(() => keyValues.set(LAST_SHOWN_KEY, { certificatePath, keyPath }));
  }
}
