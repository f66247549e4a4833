/** The demo of Plug and Charge: certificates for charger and car, a car that authorizes itself, and one that must not. */
import { type Clock, sleep } from "../lib/clock.ts";
import type { SimulatedCsms } from "./csms.ts";
import type { EverestSide } from "./everest/everest-side.ts";
import { createV2gHierarchy, issueContract, signSecc, type V2gHierarchy } from "./everest/security/v2g-hierarchy.ts";
import { levelLoad } from "./load-leveling.ts";
import { ocspAnswer } from "./ocsp-responder.ts";

const EMAID = "DE8AAC0A1B2C3D";
const STRANGER_EMAID = "DE8AAC0FFFFFFF";
const DAY_MILLISECONDS = 24 * 3_600_000;
/** As long as a demo waits for what should come at once. */
const PATIENCE_MILLISECONDS = 10_000;

/** What the station needs for it in its component configuration. */
export const PLUG_AND_CHARGE_VARIABLES = {
  ISO15118Ctrlr: {
    PnCEnabled: true,
    ContractCertificateInstallationEnabled: true,
    V2GCertificateInstallationEnabled: true,
    CentralContractValidationAllowed: false,
    SeccId: "DEICE1",
    CountryName: "DE",
    OrganizationName: "Example Charging",
  },
} as const;

interface Scene {
  readonly everest: EverestSide;
  readonly csms: SimulatedCsms;
  readonly clock: Clock;
  readonly hierarchy: V2gHierarchy;
  readonly say: (text: string) => void;
}

/** Stands in for the EXI of a car: nobody here reads it. */
const asExi = (text: string): string => Buffer.from(text).toString("base64");

/** The CSMS has authorities behind it: they sign for chargers, make contracts for cars, and know which contracts are good. */
function serveCertificates({ csms, clock, hierarchy }: Scene): void {
  csms.on("SignCertificate", ({ csr, certificateType }) => {
    const certificateChain = signSecc(hierarchy, csr);
    const type = certificateType === undefined ? {} : { certificateType };
    clock.after(0, () => void csms.send("CertificateSigned", { certificateChain, ...type }).catch(() => {}));
    return { status: "Accepted" };
  });
  csms.on("Get15118EVCertificate", () => ({
    status: "Accepted",
    exiResponse: asExi(issueContract(hierarchy, EMAID).chainPem),
  }));
  csms.on("GetCertificateStatus", ({ ocspRequestData }) => ({
    status: "Accepted",
    ocspResult: ocspAnswer(ocspRequestData, { thisUpdate: clock.now() }),
  }));
  csms.on("Authorize", ({ idToken }) =>
    idToken.idToken === EMAID
      ? { idTokenInfo: { status: "Accepted" }, certificateStatus: "Accepted" }
      : { idTokenInfo: { status: "Invalid" }, certificateStatus: "ContractCancelled" },
  );
  levelLoad(csms, clock);
}

/** The answer's status, or the code of a CALLERROR. */
function statusOf(answer: Awaited<ReturnType<SimulatedCsms["send"]>>): string {
  return answer.kind === "response" ? (answer.response as { status: string }).status : answer.code;
}

async function prepareCharger({ csms, hierarchy, everest, clock, say }: Scene): Promise<void> {
  for (const [certificateType, certificate, whose] of [
    ["V2GRootCertificate", hierarchy.v2gRoot.pem, "V2G"],
    ["MORootCertificate", hierarchy.moRoot.pem, "mobility operators'"],
  ] as const) {
    const answer = await csms.send("InstallCertificate", { certificateType, certificate });
    say(`the CSMS installs the ${whose} root certificate: ${statusOf(answer)}`);
  }
  const answer = await csms.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" });
  say(`… and wants the charger to have a certificate that it can show to cars: ${statusOf(answer)}`);
  await until(clock, () => everest.security?.serialNumbers("V2G").length === 1);
  say("… which has been signed and installed");
}

async function installContract({ everest, clock, say }: Scene): Promise<string> {
  const extension = everest.extension(1);
  say("a car plugs in, and speaks ISO 15118");
  await everest.evse(1).plugIn();
  await extension.greet();
  say("… it has no contract yet and asks for one");
  await extension.requestCertificate(asExi("CertificateInstallationReq"));
  await until(clock, () => extension.certificateResponses.length > 0);
  const { status, exi_response: exi = "" } = extension.certificateResponses.at(-1) ?? {};
  say(`… and is told ${status}, with ${exi.length} characters of EXI`);
  return Buffer.from(exi, "base64").toString();
}

/** Certificates for the charger and the car, a session with load levelling, and two cars that must not charge. */
export async function playPlugAndCharge(
  everest: EverestSide,
  csms: SimulatedCsms,
  clock: Clock,
  say: (text: string) => void,
): Promise<void> {
  const hierarchy = createV2gHierarchy(clock.now());
  const scene: Scene = { everest, csms, clock, hierarchy, say };
  const pause = (): Promise<void> => sleep(clock, 1_200);
  const evse = everest.evse(1);
  const from = csms.calls.length;
  serveCertificates(scene);
  await prepareCharger(scene);
  await pause();
  const certificate = await installContract(scene);
  await pause();
  say("the car authorizes itself with its contract");
  say(`… and is told ${await everest.presentContract(EMAID, { certificate })}`);
  await pause();
  say("the car tells what it needs: 20 kWh, 32 A at most");
  await everest.extension(1).requestCharging();
  await evse.startCharging();
  for (let second = 0; second < 3; second++) {
    await pause();
    say(`… it draws ${evse.drawn().amperes.toFixed(1)} A on each phase`);
  }
  say("the driver unplugs");
  await evse.unplug();
  await csms.waitFor("StatusNotification", isAvailable, PATIENCE_MILLISECONDS, from);
  await pause();
  await refuse(
    scene,
    "with a contract that has been cancelled",
    STRANGER_EMAID,
    new Date(clock.now().getTime() + DAY_MILLISECONDS),
  );
  await pause();
  await refuse(scene, "whose contract has expired", EMAID, new Date(clock.now().getTime() - DAY_MILLISECONDS));
}

const isAvailable = ({ connectorStatus }: Readonly<Record<string, unknown>>): boolean =>
  connectorStatus === "Available";

async function refuse(
  { everest, csms, hierarchy, say }: Scene,
  what: string,
  emaid: string,
  notAfter: Date,
): Promise<void> {
  const from = csms.calls.length;
  const notBefore = new Date(notAfter.getTime() - 9 * DAY_MILLISECONDS);
  const { chainPem: certificate } = issueContract(hierarchy, emaid, { notBefore, notAfter });
  say(`another car comes, ${what}`);
  await everest.evse(1).plugIn();
  say(`… and is told ${await everest.presentContract(emaid, { certificate })}`);
  await everest.evse(1).unplug();
  await csms.waitFor("StatusNotification", isAvailable, PATIENCE_MILLISECONDS, from);
}

/** @throws when it does not come true in time. */
async function until(clock: Clock, isTrue: () => boolean): Promise<void> {
  for (let waited = 0; !isTrue(); waited += 50) {
    if (waited > PATIENCE_MILLISECONDS) throw new Error("the demo does not go on");
    await sleep(clock, 50);
  }
}
