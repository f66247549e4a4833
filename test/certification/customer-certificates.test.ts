/** N09 and N10 by contract certificate, on the compiled executable with real certificates in EVerest's store. */
import { expect, test } from "bun:test";
import { createV2gHierarchy, issueContract } from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { certificateHash, parseCertificates } from "../../src/station/model/certificate.ts";
import { type Facts, onCharger, type TestSystem } from "../support/test-system.ts";

const EMAID = "DE8AA1A2B3C4D5";
const PLUG_AND_CHARGE = {
  AuthCtrlr: { Enabled: true, DisableRemoteAuthorization: false },
  AuthCacheCtrlr: { Enabled: true },
  ISO15118Ctrlr: {
    CentralContractValidationAllowed: false,
    V2GCertificateInstallationEnabled: true,
    ContractCertificateInstallationEnabled: true,
    PnCEnabled: true,
    SeccId: "NLOCAE1",
    CountryName: "NL",
    OrganizationName: "OCA",
  },
};

/** A charger that knows the root of the driver's contract; `customerCertificate` names it. */
const withContract = (
  scenario: (
    system: TestSystem,
    contract: { readonly chainPem: string; readonly customerCertificate: ReturnType<typeof certificateHash> },
  ) => Promise<void>,
) =>
  onCharger({ certificates: "separate", patch: PLUG_AND_CHARGE }, async (system) => {
    const hierarchy = createV2gHierarchy(new Date());
    system.charger.security.putRoot("MO", hierarchy.moRoot.pem);
    const { chainPem } = issueContract(hierarchy, EMAID);
    const [leaf, issuer] = parseCertificates(chainPem);
    if (leaf === undefined || issuer === undefined) throw new Error("no chain");
    system.charger.csms.on("Authorize", () => ({
      idTokenInfo: { status: "Accepted" },
      certificateStatus: "Accepted",
    }));
    await scenario(system, { chainPem, customerCertificate: certificateHash(leaf, issuer) });
  });

/** Reusable state Authorized15118 (PnC). */
async function authorized15118(system: TestSystem, chainPem: string): Promise<void> {
  const { everest } = system.charger;
  const provided = {
    id_token: { value: EMAID, type: "eMAID" },
    authorization_type: "PlugAndCharge",
    certificate: chainPem,
    connectors: [1],
  };
  expect(
    await everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", { provided_token: provided }),
  ).toMatchObject({ authorization_status: "Accepted", certificate_status: "Accepted" });
  await system.receive("Authorize", { idToken: { idToken: EMAID, type: "eMAID" } });
  await everest.evse(1).authorize(provided);
  await system.receiveTransactionEvent({
    eventType: "Started",
    triggerReason: "Authorized",
    idToken: { idToken: EMAID, type: "eMAID" },
  });
}

async function ask(system: TestSystem, requestId: number, request: object, status = "Accepted"): Promise<void> {
  await system.send("CustomerInformation", { requestId, ...request } as never, { status });
}

/** All parts together. */
async function report(system: TestSystem, requestId: number): Promise<string> {
  let data = "";
  for (let part: Facts = { tbc: true }; part.tbc === true; data += String(part.data))
    part = await system.receive("NotifyCustomerInformation", { requestId });
  return data;
}

test("TC_N_63_CS report and clear by contract certificate after a session; then the report is empty (N09.FR.06, N10.FR.03)", () =>
  withContract(async (system, { chainPem, customerCertificate }) => {
    await system.evConnectedPreSession();
    await authorized15118(system, chainPem);
    await system.energyTransferStarted();
    // Manual action: the EV ends the session (SessionStopReq, Terminate).
    await system.charger.everest.evse(1).stopTransaction("StoppedByEV");
    await system.receive("TransactionEvent", { eventType: "Ended" });
    await ask(system, 1, { report: true, clear: true, customerCertificate });
    expect(JSON.parse(await report(system, 1))).toMatchObject({ authorizationCache: { status: "Accepted" } });
    await ask(system, 2, { report: true, clear: false, customerCertificate });
    expect(await report(system, 2)).toBe("");
  }));

test.each([
  [true, "authorizationCache"],
  [false, "data cleared"],
])(
  "kill -9 after the answer (report %p): cleared is cleared, and what was promised is told (N10.FR.03, FR.06)",
  (wantsReport, text) =>
    withContract(async (system, { chainPem, customerCertificate }) => {
      const { charger } = system;
      await system.evConnectedPreSession();
      await authorized15118(system, chainPem);
      await charger.everest.evse(1).stopTransaction("StoppedByEV");
      await system.receive("TransactionEvent", { eventType: "Ended" });
      charger.csms.on("NotifyCustomerInformation", () => undefined);
      await ask(system, 1, { report: wantsReport, clear: true, customerCertificate });
      await charger.end("SIGKILL");
      system.skip();
      charger.csms.on("NotifyCustomerInformation", () => ({}));
      await charger.startStation();
      expect(await report(system, 1)).toContain(text);
      await ask(system, 2, { report: true, clear: false, customerCertificate });
      expect(await report(system, 2)).toBe("");
      await ask(system, 3, { report: true, clear: false, idToken: { idToken: EMAID, type: "eMAID" } });
      expect(await report(system, 3)).toBe("");
    }),
);

test("one reference, neither less nor more; nothing to do is refused (N09.FR.07, FR.09, N10.FR.07)", () =>
  withContract(async (system, { customerCertificate }) => {
    const idToken = { idToken: EMAID, type: "eMAID" };
    await ask(system, 1, { report: true, clear: false }, "Invalid");
    await ask(system, 2, { report: true, clear: true, customerCertificate, idToken }, "Invalid");
    await ask(system, 3, { report: false, clear: false, customerCertificate }, "Rejected");
    await system.receiveNo("NotifyCustomerInformation", 100);
  }));
