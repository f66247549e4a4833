import { ISO15118Ctrlr } from "../../src/device-model/variables.ts";
import type { AuthorizationDecision } from "../../src/station/model/authorization.ts";
import type { CertificateValidation, ContractCertificateRequest } from "../../src/station/ports.ts";
import { defaultAnswer, InProcessCharger, type Reaction, type SeenCall } from "../support/in-process-charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const STEPS = 40;
const EVSES = 3;
const VEHICLE_WAITS = 5_000;
/** All questions to the CSMS take their turn, and each may take the message timeout. */
const DECISION_LIMIT = 300_000;
const VALIDATIONS: readonly [CertificateValidation, ...CertificateValidation[]] = [
  "Valid",
  "Valid",
  "Valid",
  "Expired",
  "InvalidSignature",
  "Unknown",
];

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const answerTo = (exiRequest: string): string => base64(`for ${exiRequest}`);

interface Asked extends ContractCertificateRequest {
  /** A later request of the same vehicle, its leaving, or the end of the process: nobody waits for the answer any more. */
  over: boolean;
  answers: { readonly exi: string | undefined; readonly at: number }[];
}

class Life {
  private readonly random: SeededRandom;
  private readonly asked: Asked[] = [];
  private readonly decisions: Promise<void>[] = [];
  private readonly violations: string[] = [];
  private count = 0;

  constructor(
    private readonly charger: InProcessCharger,
    seed: number,
  ) {
    this.random = new SeededRandom(seed);
    charger.react = (call) => this.react(call);
    charger.hardwareAnswers.answerContractCertificate = (request, exi) =>
      this.takeAnswer(request as ContractCertificateRequest, exi as string | undefined);
    charger.hardwareAnswers.verifyCertificate = (pem) => VALIDATIONS.find((one) => String(pem).includes(`\n${one}\n`));
    charger.hardwareAnswers.moOcspRequestData = () => [
      {
        hashAlgorithm: "SHA256",
        issuerNameHash: "aa",
        issuerKeyHash: "bb",
        serialNumber: "1",
        responderURL: "http://o",
      },
    ];
  }

  private get now(): number {
    return this.charger.clock.monotonicMilliseconds();
  }

  private react(call: SeenCall): Reaction {
    const { charger, random } = this;
    const { action, payload, messageId } = call;
    if (action !== "Get15118EVCertificate" && action !== "Authorize")
      return { answer: defaultAnswer(action, charger.clock) };
    if (action === "Get15118EVCertificate") this.checkSent(String(payload.exiRequest));
    const dice = random.next();
    if (dice < 0.1) return "silence";
    if (dice < 0.2) return { error: "InternalError" };
    const answer =
      action === "Authorize"
        ? { idTokenInfo: { status: "Accepted" }, certificateStatus: dice < 0.3 ? "CertificateRevoked" : "Accepted" }
        : dice < 0.3
          ? { status: "Failed", exiResponse: "" }
          : dice < 0.4
            ? { status: "Accepted", exiResponse: "no Base64" }
            : { status: "Accepted", exiResponse: answerTo(String(payload.exiRequest)) };
    charger.clock.after(random.below(dice < 0.6 ? 100 : 8_000), () =>
      charger.sendText(JSON.stringify([3, messageId, answer])),
    );
    return "silence";
  }

  /** Nothing leaves that no vehicle waits for any more. */
  private checkSent(exiRequest: string): void {
    const asked = this.asked.find((one) => one.exiRequest === exiRequest);
    if (asked === undefined || this.now - asked.heardAtMilliseconds > VEHICLE_WAITS)
      this.violations.push(`${exiRequest} was sent too late`);
  }

  private takeAnswer(request: ContractCertificateRequest, exi: string | undefined): void {
    const asked = this.asked.findLast(({ communicator }) => communicator === request.communicator);
    if (asked === undefined) return void this.violations.push("an answer to no request");
    asked.answers.push({ exi, at: this.now });
    if (exi !== undefined && exi !== answerTo(asked.exiRequest)) this.violations.push(`${asked.exiRequest} got ${exi}`);
    if (exi !== undefined && asked.over) this.violations.push(`${asked.exiRequest} got its answer when all was over`);
  }

  private ask(evseId: number): void {
    const communicator = `iso15118_${evseId}/main`;
    const earlier = this.asked.findLast((one) => one.communicator === communicator && !one.over);
    const repeats = earlier !== undefined && earlier.answers.length === 0 && this.random.next() < 0.3;
    if (earlier !== undefined && !repeats) earlier.over = true;
    const request = {
      communicator,
      evseId,
      action: this.random.pick(["Install", "Update"] as const),
      iso15118SchemaVersion: "urn:iso:15118:2:2013:MsgDef",
      exiRequest: base64(`request ${++this.count}`),
      heardAtMilliseconds: this.now,
    };
    if (!repeats) this.asked.push({ ...request, over: false, answers: [] });
    this.charger.hardwareEvents.emit(
      "contractCertificate",
      repeats ? { ...earlier, heardAtMilliseconds: this.now } : request,
    );
  }

  private authorize(evseId: number): void {
    const { charger, random } = this;
    const validation = random.pick(VALIDATIONS);
    const began = this.now;
    const check = ({ idTokenInfo, source }: AuthorizationDecision): void => {
      if (this.now - began > DECISION_LIMIT) this.violations.push("a decision took too long");
      if (idTokenInfo.status !== "Accepted") return;
      if (validation !== "Valid") this.violations.push(`a contract that is ${validation} charges`);
      if (source !== "csms" && charger.deviceModel.read(ISO15118Ctrlr.ContractValidationOffline) !== true)
        this.violations.push("a contract charges offline");
    };
    const decision = charger.services.authorization.authorize({
      idToken: { idToken: `DE8AA${evseId}`, type: "eMAID" },
      certificate: `-----BEGIN CERTIFICATE-----\n${validation}\n-----END CERTIFICATE-----\n`,
      isPlugAndCharge: true,
      evseIds: [evseId],
    });
    this.decisions.push(decision.then(check));
  }

  private async step(): Promise<void> {
    const { charger, random } = this;
    const dice = random.next();
    const evseId = 1 + random.below(EVSES);
    if (dice < 0.06) charger.disconnect();
    else if (dice < 0.1) charger.reachable = !charger.reachable;
    else if (dice < 0.14) await this.crash();
    else if (dice < 0.25) {
      charger.event(evseId, { kind: "SessionFinished", sessionId: "s" });
      for (const one of this.asked) if (one.evseId === evseId) one.over = true;
    } else if (dice < 0.5) this.authorize(evseId);
    else this.ask(evseId);
    await charger.clock.advance(random.below(random.next() < 0.5 ? 100 : 4_000));
  }

  private async crash(): Promise<void> {
    for (const one of this.asked) one.over = true;
    const { answerContractCertificate } = this.charger.hardwareAnswers;
    // What a killed process would still say, nobody hears.
    this.charger.hardwareAnswers.answerContractCertificate = () => undefined;
    this.charger.crash();
    await this.charger.start();
    if (answerContractCertificate !== undefined)
      this.charger.hardwareAnswers.answerContractCertificate = answerContractCertificate;
  }

  /** @throws Error that names what does not hold. */
  async live(): Promise<void> {
    for (let step = 0; step < STEPS; step++) await this.step();
    await this.charger.clock.advance(DECISION_LIMIT);
    await Promise.all(this.decisions);
    for (const { exiRequest, heardAtMilliseconds, over, answers } of this.asked) {
      if (answers.length > 1) this.violations.push(`${exiRequest} was answered ${answers.length} times`);
      const [answer] = answers;
      if (!over && answer === undefined) this.violations.push(`${exiRequest} has no answer`);
      if (answer !== undefined && answer.at - heardAtMilliseconds > VEHICLE_WAITS)
        this.violations.push(`${exiRequest} was answered too late`);
    }
    if (this.violations.length > 0) throw new Error(this.violations.join("; "));
  }
}

/** The lives of `count` seeds. @throws Error that names the seed and what does not hold. */
export async function liveContractSeeds(firstSeed: number, count: number): Promise<void> {
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const offline = seed % 2 === 0;
    const charger = await new InProcessCharger(
      seed,
      { "ISO15118Ctrlr.ContractValidationOffline": String(offline), "OCPPCommCtrlr.QueueAllMessages": "true" },
      EVSES,
    ).start();
    await charger.clock.advance(1_000);
    try {
      await new Life(charger, seed).live();
    } catch (error) {
      throw new Error(`seed ${seed}: ${(error as Error).message}`);
    } finally {
      charger.dispose();
    }
  }
}
