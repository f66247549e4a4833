import { readFileSync } from "node:fs";
import type { Validity } from "../../src/sim/everest/security/authority.ts";
import type { Curve } from "../../src/sim/everest/security/signing.ts";
import type { SimulatedSecurity } from "../../src/sim/everest/security/simulated-security.ts";
import { createV2gHierarchy, signSecc, type V2gHierarchy } from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { InProcessCharger } from "./in-process-charger.ts";
import { giveRealCertificates } from "./real-certificates.ts";

/** Certificates know no milliseconds. */
export const NOW = new Date(Math.floor(Date.now() / 1000) * 1000);
export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const after = (milliseconds: number): Date => new Date(NOW.getTime() + milliseconds);

const VARIABLES = {
  "ISO15118Ctrlr.V2GCertificateInstallationEnabled": "true",
  "ISO15118Ctrlr.SeccId": "DEICE1",
  "SecurityCtrlr.OrganizationName": "ICE",
  "SecurityCtrlr.CertSigningWaitMinimum": "10",
  "SecurityCtrlr.CertSigningRepeatTimes": "2",
  "InternalCtrlr.V2GCertificateExpireCheckIntervalSeconds": "600",
};

export interface SeccSceneOptions {
  readonly curve?: Curve;
  /** CSMS and SECC leaf certificates lie in one directory. */
  readonly sharesLeaves?: boolean;
}

/** A charger in this process, a store of real certificates that trusts one V2G root, and a CSMS that has certificates signed. */
export class SeccScene {
  readonly charger: InProcessCharger;
  readonly security: SimulatedSecurity;
  readonly hierarchy: V2gHierarchy;
  private readonly removeStore: () => void;

  constructor(variables: Readonly<Record<string, string>> = {}, { curve, sharesLeaves }: SeccSceneOptions = {}) {
    this.hierarchy = createV2gHierarchy(NOW, curve);
    this.charger = new InProcessCharger(1, { ...VARIABLES, ...variables });
    this.charger.clock.jumpTo(NOW);
    const { security, dispose } = giveRealCertificates(this.charger, sharesLeaves);
    this.security = security;
    this.removeStore = dispose;
    security.curve = curve ?? "P-256";
    security.putRoot("V2G", this.hierarchy.v2gRoot.pem);
  }

  async run(): Promise<void> {
    await this.charger.start();
    await this.charger.clock.advance(200);
  }

  async trigger(requestedMessage = "SignV2GCertificate"): Promise<{ status: string }> {
    return (await this.charger.call("TriggerMessage", { requestedMessage })).body as { status: string };
  }

  /** What the station has sent. */
  get requests(): readonly { readonly csr: string; readonly certificateType?: string }[] {
    return this.charger.callsOf("SignCertificate") as never;
  }

  get securityEvents(): readonly unknown[] {
    return this.charger.callsOf("SecurityEventNotification").map(({ type }) => type);
  }

  /** The chain for the newest request. */
  sign(validity: Partial<Validity> = {}, by = this.hierarchy): string {
    return signSecc(by, this.requests.at(-1)?.csr ?? "", validity);
  }

  /** The CSMS delivers, and looks at the answer after the time that it waits for answers. */
  async deliver(
    certificateChain: string,
    type: object = { certificateType: "V2GCertificate" },
  ): Promise<{ status: string; statusInfo?: { reasonCode: string } } | undefined> {
    this.charger.sendText(JSON.stringify([2, "signed", "CertificateSigned", { certificateChain, ...type }]));
    await this.charger.clock.advance(25_000);
    return this.charger.answers.findLast(({ messageId }) => messageId === "signed")?.body as never;
  }

  /** The chain that the store offers for ISO 15118. */
  async inUse(): Promise<string | undefined> {
    const answer = await this.security.commands.get_leaf_certificate_info?.({ certificate_type: "V2G" });
    const { info } = answer as { info?: { certificate: string } };
    return info && readFileSync(info.certificate, "utf8");
  }

  dispose(): void {
    this.charger.dispose();
    this.removeStore();
  }
}
