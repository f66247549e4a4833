/** M01 and M02 on the compiled executable: vehicles ask for contract certificates over EVerest's ISO 15118 extensions. */
import { describe, expect, test } from "bun:test";
import type { CertificateResponse, SimulatedExtension } from "../../src/sim/everest/simulated-extension.ts";
import { SURROUNDINGS } from "../support/charger.ts";
import { goOffline } from "../support/plug-and-charge.ts";
import { onCharger, type TestSystem, type TestSystemOptions } from "../support/test-system.ts";

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const EXI = base64("CertificateInstallationReq");
const ANSWER = base64("CertificateInstallationRes");
const FAILED = { status: "Failed", certificate_action: "Install" } as const;
const ACCEPTED = { status: "Accepted", certificate_action: "Install", exi_response: ANSWER } as const;
const SCHEMA_VERSION = "urn:iso:15118:2:2013:MsgDef";

type Scene = (system: TestSystem, extension: SimulatedExtension) => Promise<void>;
const onExtension = (scenario: Scene, options: TestSystemOptions = {}) =>
  onCharger({ optionalModules: true, ...options }, (system) => scenario(system, system.charger.everest.extension(1)));

/** What the vehicle was told, as soon as that are so many answers. */
async function told(
  extension: SimulatedExtension,
  count = 1,
  limitMilliseconds = 8_000,
): Promise<readonly CertificateResponse[]> {
  for (let waited = 0; extension.certificateResponses.length < count && waited < limitMilliseconds; waited += 20)
    await Bun.sleep(20);
  return extension.certificateResponses;
}

const answerWith = ({ charger }: TestSystem, status: "Accepted" | "Failed", exiResponse: string): void =>
  charger.csms.on("Get15118EVCertificate", () => ({ status, exiResponse }));
/** The CSMS takes its time: answers by hand, or not at all. */
const hold = ({ charger }: TestSystem): void => charger.csms.on("Get15118EVCertificate", () => undefined);
const reply = ({ charger }: TestSystem, response: unknown): void => {
  const call = charger.csms.calls.findLast(({ action }) => action === "Get15118EVCertificate");
  charger.csms.sendText(JSON.stringify([3, call?.messageId, response]));
};

describe.each(SURROUNDINGS)("EVerest $release, $slot", (surroundings) => {
  test.each([
    ["M01.FR.01", "Install"],
    ["M02.FR.01", "Update"],
  ] as const)("%s %s: 5,600 characters of EXI there and back", (_requirement, action) =>
    onExtension(async (system, extension) => {
      const [question, answer] = ["Q".repeat(5_600), "R".repeat(5_600)];
      answerWith(system, "Accepted", answer);
      await extension.requestCertificate(question, action);
      expect(await system.receive("Get15118EVCertificate")).toEqual({
        iso15118SchemaVersion: SCHEMA_VERSION,
        action,
        exiRequest: question,
      });
      expect(await told(extension)).toEqual([{ status: "Accepted", certificate_action: action, exi_response: answer }]);
    }, surroundings),
  );
});

describe("the vehicle hears that there is no certificate", () => {
  test("M01 the CSMS says Failed, M02 likewise", () =>
    onExtension(async (system, extension) => {
      answerWith(system, "Failed", "");
      await extension.requestCertificate(EXI);
      expect(await told(extension)).toEqual([FAILED]);
      await extension.requestCertificate(EXI, "Update");
      expect((await told(extension, 2))[1]).toEqual({ status: "Failed", certificate_action: "Update" });
    }));

  test(
    "M01 offline: at once, and the request is not sent when there is a connection again",
    () =>
      onExtension(
        async (system, extension) => {
          await goOffline(system);
          await extension.requestCertificate(EXI);
          expect(await told(extension)).toEqual([FAILED]);
          system.charger.csms.refuseWith = undefined;
          await system.charger.csms
            .waitFor("StatusNotification", undefined, 10_000, system.charger.csms.calls.length)
            .catch(() => {});
          await system.receiveNo("Get15118EVCertificate");
        },
        { patch: { OCPPCommCtrlr: { QueueAllMessages: true } } },
      ),
    20_000,
  );

  test("M01 the connection is lost while the CSMS is asked: at once", () =>
    onExtension(async (system, extension) => {
      hold(system);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      await goOffline(system);
      expect(await told(extension, 1, 1_000)).toEqual([FAILED]);
    }));

  test("M01, M02 switched off by the CSMS: nothing is sent; switched on again it is", () =>
    onExtension(async (system, extension) => {
      answerWith(system, "Accepted", ANSWER);
      await system.setVariable("ISO15118Ctrlr", "ContractCertificateInstallationEnabled", "false");
      await extension.requestCertificate(EXI);
      expect(await told(extension)).toEqual([FAILED]);
      await system.receiveNo("Get15118EVCertificate", 200);
      await system.setVariable("ISO15118Ctrlr", "ContractCertificateInstallationEnabled", "true");
      await extension.requestCertificate(EXI);
      expect(await told(extension, 2)).toEqual([FAILED, ACCEPTED]);
    }));

  test(
    "M01 no answer in the 5 s of the vehicle; what comes later is logged and not handed on",
    () =>
      onExtension(async (system, extension) => {
        hold(system);
        await extension.requestCertificate(EXI);
        await system.receive("Get15118EVCertificate");
        expect(await told(extension, 1, 5_000)).toEqual([FAILED]);
        reply(system, { status: "Accepted", exiResponse: ANSWER });
        await Bun.sleep(300);
        expect(extension.certificateResponses).toEqual([FAILED]);
        expect(system.charger.log).toContain("An answer to Get15118EVCertificate, too late, is ignored");
        // The station goes on, and so may the vehicle.
        await system.authorizedLocally();
        answerWith(system, "Accepted", ANSWER);
        await extension.requestCertificate(EXI);
        expect(await told(extension, 2)).toEqual([FAILED, ACCEPTED]);
      }),
    20_000,
  );

  test("M01 the vehicle leaves meanwhile: the next one at the EVSE does not get its answer", () =>
    onExtension(async (system, extension) => {
      hold(system);
      const evse = system.charger.everest.evse(1);
      await evse.plugIn();
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      await evse.unplug();
      expect(await told(extension, 1, 1_000)).toEqual([FAILED]);
      await evse.plugIn();
      reply(system, { status: "Accepted", exiResponse: ANSWER });
      await Bun.sleep(300);
      expect(extension.certificateResponses).toEqual([FAILED]);
      answerWith(system, "Accepted", base64("of the next vehicle"));
      await extension.requestCertificate(base64("another CertificateInstallationReq"));
      expect((await told(extension, 2))[1]?.exi_response).toBe(base64("of the next vehicle"));
    }));
});

describe("answers of the CSMS that are none", () => {
  test.each([
    ["a status that nobody knows", { status: "Perhaps", exiResponse: ANSWER }],
    ["no EXI", { status: "Accepted" }],
    ["empty EXI", { status: "Accepted", exiResponse: "" }],
    ["EXI that is not Base64", { status: "Accepted", exiResponse: "<CertificateInstallationRes/>" }],
    ["EXI of 5,604 characters", { status: "Accepted", exiResponse: "A".repeat(5_604) }],
    ["a text", "Accepted"],
    ["nothing", null],
  ])("%s: Failed, once, and the station goes on", (_name, response) =>
    onExtension(async (system, extension) => {
      hold(system);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      reply(system, response);
      expect(await told(extension)).toEqual([FAILED]);
      await system.authorizedLocally();
      expect(extension.certificateResponses).toHaveLength(1);
    }),
  );

  test("a CALLERROR, and an answer with more than there should be", () =>
    onExtension(async (system, extension) => {
      hold(system);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      const { messageId } = system.charger.csms.calls.at(-1) ?? {};
      system.charger.csms.sendText(JSON.stringify([4, messageId, "NotSupported", "", {}]));
      expect(await told(extension)).toEqual([FAILED]);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      reply(system, { status: "Accepted", exiResponse: ANSWER, statusInfo: null, more: 1 });
      expect(await told(extension, 2)).toEqual([FAILED, ACCEPTED]);
    }));
});

test("requests that OCPP has no room for, or that are none, are answered and not sent", () =>
  onExtension(async (system, extension) => {
    const request = {
      exi_request: EXI,
      iso15118_schema_version: SCHEMA_VERSION,
      certificate_action: "Install",
    };
    const bad: readonly unknown[] = [
      { ...request, exi_request: "A".repeat(5_604) },
      { ...request, exi_request: "" },
      { ...request, exi_request: "CertificateInstallationReq" },
      { ...request, exi_request: 17 },
      { ...request, iso15118_schema_version: "v".repeat(51) },
      { ...request, certificate_action: "Remove" },
      { certificate_action: "Install" },
      null,
      "text",
    ];
    for (const [index, value] of bad.entries()) {
      await extension.tellInsteadOfRequest(value);
      expect(await told(extension, index + 1)).toHaveLength(index + 1);
    }
    expect(new Set(extension.certificateResponses.map(({ status }) => status))).toEqual(new Set(["Failed"]));
    await system.receiveNo("Get15118EVCertificate", 200);
    answerWith(system, "Accepted", ANSWER);
    await extension.requestCertificate(EXI);
    expect((await told(extension, bad.length + 1)).at(-1)).toEqual(ACCEPTED);
  }));

describe("several", () => {
  test("vehicles at once: each gets what is meant for it, also where the extensions are mapped to no EVSE", () =>
    onExtension(
      async (system) => {
        system.charger.csms.on("Get15118EVCertificate", ({ exiRequest }) => ({
          status: "Accepted",
          exiResponse: base64(`for ${exiRequest}`),
        }));
        const { extensions } = system.charger.everest;
        await Promise.all(extensions.map((extension, index) => extension.requestCertificate(base64(`car ${index}`))));
        for (const [index, extension] of extensions.entries())
          expect(await told(extension)).toMatchObject([{ exi_response: base64(`for ${base64(`car ${index}`)}`) }]);
      },
      { evseCount: 4, mapsExtensions: false },
    ));

  test("requests of one vehicle: the same is asked once; of two the newer gets the answer", () =>
    onExtension(async (system, extension) => {
      hold(system);
      await extension.requestCertificate(EXI);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      await system.receiveNo("Get15118EVCertificate", 200);
      await extension.requestCertificate(base64("CertificateUpdateReq"), "Update");
      await Bun.sleep(200);
      reply(system, { status: "Accepted", exiResponse: ANSWER });
      await system.receive("Get15118EVCertificate", { action: "Update" });
      reply(system, { status: "Accepted", exiResponse: base64("CertificateUpdateRes") });
      expect(await told(extension)).toEqual([
        { status: "Accepted", certificate_action: "Update", exi_response: base64("CertificateUpdateRes") },
      ]);
    }));

  test(
    "vehicles while a backlog is sent: they do not wait for it",
    () =>
      onExtension(
        async (system, extension) => {
          const evse = system.charger.everest.evse(2);
          await system.charge();
          await goOffline(system);
          await evse.plugIn();
          await system.charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" }, 2);
          await Bun.sleep(1_500);
          let delayed = 0;
          system.charger.csms.on("TransactionEvent", () => {
            delayed++;
            return undefined;
          });
          answerWith(system, "Accepted", ANSWER);
          const connected = new Promise<void>((resolve) => {
            system.charger.csms.events.on("connected", () => resolve());
          });
          system.charger.csms.refuseWith = undefined;
          await connected;
          await Bun.sleep(100);
          // From now on each event of the backlog is answered after a while.
          const slow = setInterval(() => {
            const call = system.charger.csms.calls.findLast(({ action }) => action === "TransactionEvent");
            if (call !== undefined) system.charger.csms.sendText(JSON.stringify([3, call.messageId, {}]));
          }, 150);
          try {
            await extension.requestCertificate(EXI);
            expect(await told(extension, 1, 2_000)).toEqual([ACCEPTED]);
            expect(delayed).toBeLessThan(20);
          } finally {
            clearInterval(slow);
          }
        },
        { patch: { SampledDataCtrlr: { TxUpdatedInterval: 1 } }, powermeterIntervalMilliseconds: 50 },
      ),
    30_000,
  );
});

test(
  "kill -9 while the CSMS is asked: the request is not sent again, and the next one is served",
  () =>
    onExtension(async (system, extension) => {
      const { charger } = system;
      hold(system);
      await extension.requestCertificate(EXI);
      await system.receive("Get15118EVCertificate");
      await charger.end("SIGKILL");
      await charger.startStation();
      await system.receiveNo("Get15118EVCertificate");
      expect(extension.certificateResponses).toEqual([]);
      answerWith(system, "Accepted", ANSWER);
      await extension.requestCertificate(EXI);
      expect(await told(extension)).toEqual([ACCEPTED]);
    }),
  20_000,
);

test("a module that does not take the answer: the station goes on", () =>
  onExtension(async (system, extension) => {
    system.charger.everest.answer("iso15118.set_get_certificate_response", () => new Promise(() => {}));
    answerWith(system, "Accepted", ANSWER);
    await extension.requestCertificate(EXI);
    expect(await told(extension)).toEqual([ACCEPTED]);
    await system.authorizedLocally();
    await extension.requestCertificate(base64("again"));
    expect(await told(extension, 2)).toEqual([ACCEPTED, ACCEPTED]);
  }));
