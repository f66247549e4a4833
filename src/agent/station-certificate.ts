import { existsSync } from "node:fs";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import type { LeafCertificateFiles, SecurityPort } from "../station/ports.ts";
import type { CoreDatabase } from "../store/core-database.ts";

const LAST_SHOWN_KEY = "security.lastStationCertificate";
const LastShown = v.object({
  certificatePath: v.string(),
  keyPath: v.string(),
  password: v.exactOptional(v.string()),
});

/**
 * The certificate that the station shows to the CSMS (security profile 3). EVerest names only certificates that are valid
 * now; one that has expired since it was last used is shown all the same, and the CSMS decides (A00.FR.430).
 */
export class StationCertificate {
  constructor(
    private readonly security: () => SecurityPort,
    private readonly core: Pick<CoreDatabase, "keyValues" | "unitOfWork">,
    private readonly logger: Logger,
  ) {}

  /** @throws when there is none and never was one. */
  async files(): Promise<LeafCertificateFiles> {
    const named = await this.security().leafCertificateFiles("CSMS");
    const last = this.core.keyValues.get(LAST_SHOWN_KEY, LastShown);
    if (named !== undefined) {
      if (named.certificatePath !== last?.certificatePath || named.keyPath !== last.keyPath)
        this.core.unitOfWork.run(() => this.core.keyValues.set(LAST_SHOWN_KEY, named));
      return named;
    }
    if (last === undefined || !existsSync(last.certificatePath) || !existsSync(last.keyPath))
      throw new Error("security profile 3 needs a client certificate; none is installed");
    this.logger.warn(`No valid client certificate is installed; ${last.certificatePath}, used before, is shown`);
    return last;
  }
}
