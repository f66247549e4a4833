/** OCA certification test cases of C07 and C08, on the compiled executable with real certificates in EVerest's store. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { forge } from "../../src/sim/everest/security/authority.ts";
import { issueContract } from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { EMAID, expectHashData, goOffline, onPlugAndCharge } from "../support/plug-and-charge.ts";
import { type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

const idToken = { idToken: EMAID, type: "eMAID" } as const;
const DAY = 24 * 3_600_000;
const OFFLINE = { AuthCtrlr: { OfflineTxForUnknownIdEnabled: false } };

const answer = (system: TestSystem, status: string, certificateStatus?: string): void => {
  const idTokenInfo = { status } as { status: "Accepted" };
  system.charger.csms.on("Authorize", () => ({
    idTokenInfo,
    ...(certificateStatus !== undefined && { certificateStatus: certificateStatus as "Accepted" }),
  }));
  system.charger.csms.on("TransactionEvent", ({ idToken: token }) => (token === undefined ? {} : { idTokenInfo }));
};
const present = (system: TestSystem, certificate: string, evseId = 1): Promise<string> =>
  system.charger.everest.presentContract(EMAID, { certificate }, evseId);
/** The whole answer to the ISO 15118 stack. */
const validate = (system: TestSystem, certificate: string) =>
  system.charger.everest.bus.call("auth", "ocpp", "auth_validator", "validate_token", {
    provided_token: {
      id_token: { value: EMAID, type: "eMAID" },
      authorization_type: "PlugAndCharge",
      certificate,
      connectors: [1],
    },
  });

describe("online", () => {
  test.each(["P-256", "P-521"] as const)(
    "TC_C_50_CS, C07.FR.01, FR.02 a contract that the station can look into (%s): eMAID and hash data as openssl has them",
    (curve) =>
      onPlugAndCharge({ curve }, async (scene) => {
        const { system, contract } = scene;
        answer(system, "Accepted", "Accepted");
        await system.evConnectedPreSession();
        const asked = await system.authorized15118(EMAID, contract);
        expect(asked.certificate).toBeUndefined();
        expectHashData(asked, scene);
        await system.energyTransferStarted();
      }),
  );

  test.each(["EVConnected", "Authorized"])(
    "TC_E_46_CS, E15.FR.04, FR.05 the EV ends charging of a contract, with TxStopPoint %s",
    (txStopPoint) =>
      onPlugAndCharge({ txStopPoint }, async ({ system, contract }) => {
        answer(system, "Accepted", "Accepted");
        await system.evConnectedPreSession();
        await system.authorized15118(EMAID, contract);
        await system.energyTransferStarted();
        await system.charger.everest.evse(1).stopTransaction("StoppedByEV");
        const isOver = txStopPoint === "Authorized";
        await system.receiveTransactionEvent({
          eventType: isOver ? "Ended" : "Updated",
          triggerReason: "StopAuthorized",
          transactionInfo: isOver ? { stoppedReason: "StoppedByEV" } : {},
        });
        await system.evDisconnected();
        const ended = system.charger.transactionEvents().at(-1);
        expect(ended).toMatchObject({ eventType: "Ended", transactionInfo: { stoppedReason: "StoppedByEV" } });
      }),
  );

  test("TC_C_51_CS the CSMS knows that the contract is revoked: no transaction", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      answer(system, "Invalid", "CertificateRevoked");
      await system.evConnectedPreSession();
      expect(await present(system, contract)).toBe("Invalid");
      await system.receive("Authorize", { idToken });
      await system.receiveNo("TransactionEvent");
    }));

  test.each(["P-256", "P-521"] as const)(
    "TC_C_52_CS, C07.FR.06 without the MO root the CSMS gets the chain in PEM (%s)",
    (curve) =>
      onPlugAndCharge(
        { curve, hasMoRoot: false, variables: { CentralContractValidationAllowed: true } },
        async ({ system, contract }) => {
          answer(system, "Accepted", "Accepted");
          await system.evConnectedPreSession();
          const asked = await system.authorized15118(EMAID, contract);
          expect(asked).toEqual({ idToken, certificate: contract });
          await system.energyTransferStarted();
        },
      ),
  );

  test("TC_C_53_CS the CSMS finds the chain bad: no transaction", () =>
    onPlugAndCharge(
      { hasMoRoot: false, variables: { CentralContractValidationAllowed: true } },
      async ({ system, contract }) => {
        answer(system, "Invalid", "CertChainError");
        await system.evConnectedPreSession();
        expect(await present(system, contract)).toBe("Invalid");
        await system.receive("Authorize", { idToken, certificate: contract });
        await system.receiveNo("TransactionEvent");
      },
    ));

  test("C07.FR.06 without the MO root, where the CSMS must not get chains: refused, nothing leaves", () =>
    onPlugAndCharge({ hasMoRoot: false }, async ({ system, contract }) => {
      expect(await validate(system, contract)).toMatchObject({ authorization_status: "Invalid" });
      await system.receiveNo("Authorize");
    }));

  test("C07.FR.13–17 what the CSMS says of certificate and eMAID goes to the vehicle", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      for (const [certificate_status, authorization_status] of [
        ["ContractCancelled", "Blocked"],
        ["Accepted", "ConcurrentTx"],
        ["CertificateExpired", "Expired"],
        ["CertificateRevoked", "Invalid"],
        ["CertChainError", "Invalid"],
        ["SignatureError", "Invalid"],
        ["NoCertificateAvailable", "Invalid"],
        ["Accepted", "Accepted"],
      ] as const) {
        answer(system, authorization_status, certificate_status);
        expect(await validate(system, contract)).toMatchObject({ authorization_status, certificate_status });
      }
    }));

  test("certificates that are expired, not valid yet, forged or of a broken chain do not charge, whatever the CSMS says; nothing is stored", () =>
    onPlugAndCharge({ patch: { AuthCacheCtrlr: { Enabled: true } } }, async ({ system, hierarchy, contract }) => {
      answer(system, "Accepted", "Accepted");
      const inventory = system.charger.security.inventory;
      const now = Date.now();
      const expired = issueContract(hierarchy, EMAID, {
        notBefore: new Date(now - 9 * DAY),
        notAfter: new Date(now - DAY),
      });
      const future = issueContract(hierarchy, EMAID, { notBefore: new Date(now + DAY) });
      const [leaf = "", ...authorities] = contract.split(/(?<=-----END CERTIFICATE-----\n)/);
      for (const [certificate, status, certificate_status] of [
        [expired.chainPem, "Expired", "CertificateExpired"],
        [future.chainPem, "Expired", "CertificateExpired"], // EVerest has no other word for it
        [forge(leaf) + authorities.join(""), "Invalid", "SignatureError"],
        [leaf + authorities.slice(1).join(""), "Invalid", "CertChainError"],
        [leaf, "Invalid", "CertChainError"],
        ["-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "Invalid", "CertChainError"],
        ["no certificate", "Invalid", undefined],
      ] as const) {
        const told = (await validate(system, certificate)) as Record<string, unknown>;
        expect([told.authorization_status, told.certificate_status]).toEqual([status, certificate_status]);
      }
      expect(await system.getVariable("AuthCacheCtrlr", "Storage")).toBe("0");
      expect(system.charger.security.inventory).toEqual(inventory);
    }));

  test("hash data of the ISO 15118 stack go to the CSMS as they are; of wrong lengths they are refused", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      const hash = (text: string) => createHash("sha256").update(text).digest("hex");
      const data = {
        hashAlgorithm: "SHA256",
        issuerNameHash: hash("name"),
        issuerKeyHash: hash("key"),
        serialNumber: "0123456789abcdef",
        responderURL: "http://ocsp.example",
      };
      const give = (more: object) =>
        system.charger.everest.presentContract(EMAID, {
          certificate: contract,
          iso15118CertificateHashData: [{ ...data, ...more }],
        });
      await system.evConnectedPreSession();
      for (const more of [
        { issuerNameHash: "a".repeat(129) },
        { serialNumber: "0".repeat(41) },
        { hashAlgorithm: "MD5" },
      ])
        expect(await give(more)).toBe("Invalid");
      await system.receiveNo("Authorize", 200);
      expect(await give({})).toBe("Accepted");
      expect(await system.receive("Authorize")).toEqual({ idToken, iso15118CertificateHashData: [data] });
    }));

  test(
    "a security module that hangs or lies: the driver gets a decision all the same",
    () =>
      onPlugAndCharge({}, async ({ system, contract }) => {
        const { security } = system.charger;
        answer(system, "Accepted", "Accepted");
        security.misbehave("verify_certificate", "silent");
        expect(await validate(system, contract)).toMatchObject({ authorization_status: "Accepted" });
        security.misbehave("verify_certificate", { answer: "Marvellous" });
        expect(await validate(system, contract)).toMatchObject({ authorization_status: "Invalid" });
        security.misbehave("verify_certificate", { answer: 17 });
        security.misbehave("get_mo_ocsp_request_data", { answer: { ocsp_request_data_list: "none" } });
        expect(await validate(system, contract)).toMatchObject({ authorization_status: "Invalid" });
      }),
    30_000,
  );

  test("PnCEnabled set to false is in force at once", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      answer(system, "Accepted", "Accepted");
      await system.setVariable("ISO15118Ctrlr", "PnCEnabled", "false");
      expect(await present(system, contract)).toBe("Invalid");
      await system.receiveNo("Authorize", 200);
      await system.setVariable("ISO15118Ctrlr", "PnCEnabled", "true");
      expect(await validate(system, contract)).toMatchObject({ authorization_status: "Accepted" });
    }));

  test("two vehicles at once, one with a card: each is decided for itself", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      system.charger.csms.on("Authorize", ({ idToken: { type } }) => ({
        idTokenInfo: { status: type === "eMAID" ? "Accepted" : "Blocked" },
      }));
      const { everest } = system.charger;
      await everest.evse(1).plugIn();
      await everest.evse(2).plugIn();
      const decisions = await Promise.all([
        present(system, contract, 1),
        everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" }, 2),
      ]);
      expect(decisions).toEqual(["Accepted", "Blocked"]);
      await system.receive("TransactionEvent", { evse: { id: 1 }, idToken });
    }));

  test("kill -9 while the CSMS is asked: nothing of it is left, and the contract charges after the start", () =>
    onPlugAndCharge({}, async ({ system, contract }) => {
      const { charger } = system;
      charger.csms.on("Authorize", () => undefined);
      await system.evConnectedPreSession();
      void present(system, contract).catch(() => {});
      await system.receive("Authorize", { idToken });
      await charger.end("SIGKILL");
      await charger.startStation();
      system.skip();
      answer(system, "Accepted", "Accepted");
      await system.receiveNo("Authorize", 300);
      expect(await validate(system, contract)).toMatchObject({ authorization_status: "Accepted" });
    }));
});

describe("offline", () => {
  /** IdTokenCached15118, then without a connection. */
  const cached = async (system: TestSystem, contract: string): Promise<void> => {
    answer(system, "Accepted", "Accepted");
    await system.evConnectedPreSession();
    await system.authorized15118(EMAID, contract);
    await system.energyTransferStarted();
    await system.stopAuthorizedRemotely();
    await system.evDisconnected();
    await goOffline(system);
  };
  const PATCH = { ...OFFLINE, AuthCacheCtrlr: { Enabled: true } };

  test(
    "TC_C_54_CS, C07.FR.08, FR.09, FR.11 ContractValidationOffline: a valid contract whose eMAID is cached charges",
    () =>
      onPlugAndCharge(
        { patch: PATCH, variables: { ContractValidationOffline: true } },
        async ({ system, contract }) => {
          await cached(system, contract);
          await system.charger.everest.evse(1).plugIn();
          expect(await present(system, contract)).toBe("Accepted");
          await system.charger.everest.evse(1).startCharging();
          system.skip();
          system.charger.csms.refuseWith = undefined;
          await system.receive("TransactionEvent", { eventType: "Started", offline: true, idToken }, 20_000);
          await system.receive("TransactionEvent", { transactionInfo: { chargingState: "Charging" }, offline: true });
        },
      ),
    30_000,
  );

  test(
    "C07.FR.10, FR.12 the local list knows the eMAID, or ids that nobody knows may charge",
    () =>
      onPlugAndCharge(
        {
          patch: { ...OFFLINE, LocalAuthListCtrlr: { Enabled: true }, AuthCacheCtrlr: { Enabled: false } },
          variables: { ContractValidationOffline: true },
        },
        async ({ system, contract }) => {
          await system.send(
            "SendLocalList",
            {
              versionNumber: 1,
              updateType: "Full",
              localAuthorizationList: [{ idToken, idTokenInfo: { status: "Accepted" } }],
            },
            { status: "Accepted" },
          );
          const set = (value: string) => system.setVariable("AuthCtrlr", "OfflineTxForUnknownIdEnabled", value);
          await goOffline(system);
          expect(await validate(system, contract)).toMatchObject({ authorization_status: "Accepted" });
          const back = async (): Promise<void> => {
            system.charger.csms.refuseWith = undefined;
            await new Promise<void>((resolve) => {
              system.charger.csms.events.on("connected", () => resolve());
            });
            await Bun.sleep(300);
          };
          await back();
          await system.send("SendLocalList", { versionNumber: 2, updateType: "Full" }, { status: "Accepted" });
          await goOffline(system);
          expect(await validate(system, contract)).toMatchObject({
            authorization_status: "Unknown",
            certificate_status: "Accepted",
          });
          await back();
          await set("true");
          await goOffline(system);
          expect(await validate(system, contract)).toMatchObject({
            authorization_status: "Accepted",
            certificate_status: "Accepted",
          });
        },
      ),
    40_000,
  );

  test("C07.FR.08 an expired, forged or unknown contract does not charge offline, although ids that nobody knows may", () =>
    onPlugAndCharge(
      {
        patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled: true } },
        variables: { ContractValidationOffline: true },
      },
      async ({ system, hierarchy, contract }) => {
        await goOffline(system);
        const now = Date.now();
        const { chainPem: expired } = issueContract(hierarchy, EMAID, {
          notBefore: new Date(now - 9 * DAY),
          notAfter: new Date(now - DAY),
        });
        expect(await validate(system, expired)).toMatchObject({
          authorization_status: "Expired",
          certificate_status: "CertificateExpired",
        });
        const [leaf = "", ...authorities] = contract.split(/(?<=-----END CERTIFICATE-----\n)/);
        for (const certificate of [forge(leaf) + authorities.join(""), leaf, "no certificate"])
          expect(await validate(system, certificate)).toMatchObject({ authorization_status: "Unknown" });
      },
    ));

  test(
    "TC_C_55_CS, C07.FR.07 ContractValidationOffline false: no charging, although the eMAID is cached",
    () =>
      onPlugAndCharge(
        { patch: PATCH, variables: { ContractValidationOffline: false } },
        async ({ system, contract }) => {
          await cached(system, contract);
          await system.charger.everest.evse(1).plugIn();
          expect(await present(system, contract)).toBe("NotAtThisTime");
          system.skip();
          system.charger.csms.refuseWith = undefined;
          await system.receive("StatusNotification", { connectorStatus: "Occupied" }, 20_000);
          await system.receiveNo("TransactionEvent");
        },
      ),
    30_000,
  );
});

test("C08.FR.01, FR.02 a card at a vehicle that speaks ISO 15118 is asked about; who does not plug in in time has to come again", () =>
  onPlugAndCharge(
    {
      connectionTimeoutSecondMilliseconds: 10,
      patch: { TxCtrlr: { EVConnectionTimeOut: 20 }, AuthCacheCtrlr: { Enabled: false } },
    },
    async ({ system }) => {
      await system.charger.everest.extension(1).greet();
      await system.charger.everest.presentToken({ value: VALID_TOKEN.idToken, type: VALID_TOKEN.type });
      await system.receive("Authorize", { idToken: VALID_TOKEN });
      await Bun.sleep(400);
      await system.evConnectedPreSession();
      await system.receiveNo("TransactionEvent");
      await system.authorizedLocally();
      await system.energyTransferStarted();
    },
  ));
