import { ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { CertificateSignedRequest, CertificateSignedResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { inCertificateLane } from "../model/certificate-lane.ts";
import { rejectTrigger, type TriggerPlan } from "../registries/triggers.ts";
import { createCertificateInstallation } from "./certificate-installation.ts";
import { createExpiryWatch } from "./expiry-watch.ts";
import { createSigningExchange } from "./signing-exchange.ts";
import { createSigningJournal, waitingCertificates } from "./signing-journal.ts";
import { LEAF_USE, subjectDefect, type Target, usesOf } from "./signing-request.ts";

/** A02 and A03 with errata 2.9: new certificates for the station and for ISO 15118. */
export const certificateRenewal = declareBlock({
  name: "certificate-renewal",
  letter: "A",
  needs: ["clientCertificate", "triggers"],
  hears: { "station.accepted": "follow-up" },
  views: { waiting: waitingCertificates },
  create,
});

function create(given: Given<"clientCertificate" | "triggers">) {
  const { csms, deviceModel, events, triggers, clientCertificate } = given;
  const journal = createSigningJournal(given);
  const exchange = createSigningExchange(given, journal);
  const installation = createCertificateInstallation(given, clientCertificate);
  const expiry = createExpiryWatch(
    given,
    (target) => csms.registration === "Accepted" && exchange.isIdle(target),
    exchange.want,
  );

  const isV2gEnabled = (): boolean => deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true;
  const isPresented = (): boolean => deviceModel.read(SecurityCtrlr.SecurityProfile) === 3;

  /** Without a type it is what was asked for last; if nothing was, for both uses where one certificate can serve both. */
  const targetOf = async ({ certificateType }: CertificateSignedRequest): Promise<Target> => {
    if (certificateType !== undefined) return certificateType;
    if (!isV2gEnabled()) return "ChargingStationCertificate";
    return journal.lastAsked ?? ((await installation.canCombine()) ? "Combined" : "ChargingStationCertificate");
  };

  const refusal = (reasonCode: string, additionalInfo: string): CertificateSignedResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo: additionalInfo.slice(0, 512) },
  });

  const takeSigned = async (target: Target, certificateChain: string): Promise<CertificateSignedResponse> => {
    exchange.hold(target);
    const limit = deviceModel.read(SecurityCtrlr.MaxCertificateChainSize);
    if (limit !== undefined && limit > 0 && certificateChain.length > limit) {
      exchange.end(target, false);
      return refusal("TooLargeElement", `the chain is longer than ${limit} characters`); // A02.FR.16, A03.FR.16
    }
    const defect = await installation.install(target, certificateChain);
    exchange.end(target, defect === undefined); // A02.FR.20
    if (defect !== undefined) {
      events.emit("securityEvent", { type: "InvalidChargingStationCertificate", techInfo: `${target}: ${defect}` });
      return refusal("InvalidCertificate", defect); // A02.FR.07, A03.FR.07
    }
    for (const use of usesOf(target)) events.emit("leafInstalled", { use: LEAF_USE[use] });
    events.emit("securityEvent", { type: "ReconfigurationOfSecurityParameters", techInfo: `New ${target}` });
    return { status: "Accepted" };
  };

  csms.handle(
    "CertificateSigned",
    async (request) => {
      const target = await targetOf(request);
      if (target === "V2GCertificate" && !isV2gEnabled())
        return { response: refusal("NotEnabled", "V2GCertificateInstallationEnabled is false") };
      const response = await takeSigned(target, request.certificateChain);
      const reconnects =
        response.status === "Accepted" && usesOf(target).includes("ChargingStationCertificate") && isPresented();
      return {
        response,
        ...(reconnects && { afterResponse: () => csms.reconnect("a new client certificate") }), // A02.FR.08, A03.FR.08
      };
    },
    inCertificateLane,
  );

  /** What the CSMS is promised is noted before it hears of it (A02.FR.02). */
  const planFor = (target: Target): TriggerPlan => {
    const defect = subjectDefect(given, target);
    if (defect !== undefined) return rejectTrigger("MissingDevModelInfo", defect);
    exchange.plan(target);
    return () => exchange.begin(target);
  };
  triggers.register("SignChargingStationCertificate", () => planFor("ChargingStationCertificate"));
  triggers.register("SignV2GCertificate", () =>
    isV2gEnabled()
      ? planFor("V2GCertificate")
      : rejectTrigger("NotEnabled", "V2GCertificateInstallationEnabled is false"),
  );
  // TC_F_27: only where one certificate can serve both uses is it implemented.
  triggers.register("SignCombinedCertificate", async () =>
    isV2gEnabled() && (await installation.canCombine()) ? planFor("Combined") : { status: "NotImplemented" },
  );

  return {
    hears: {
      "station.accepted": ({ first }: HeardEvents["station.accepted"]) => {
        if (!first) return;
        exchange.resume();
        expiry.begin();
      },
    },
    stop() {
      expiry.stop();
      exchange.stop();
    },
  };
}
