import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { CertificateStore } from "../support/certificate-store.ts";
import { TestAuthority } from "../support/certificates.ts";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { TlsFront } from "../support/tls-front.ts";

const ROUNDS = Number(process.env.ROTATION_ROUNDS ?? 10);
/** From well before the answer to well after the new connection. */
const LATEST_KILL_MILLISECONDS = 60;

/** The station's process ends a while after the CALL was sent; resolves to whether its answer was Accepted. */
async function killWhile(charger: Charger, call: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let accepted = false;
  call.then(
    (answer) => {
      accepted = /"Accepted"/.test(JSON.stringify(answer));
    },
    () => {},
  );
  await Bun.sleep(milliseconds);
  await charger.end("SIGKILL");
  return accepted;
}

test(`A01: kill -9 at ${ROUNDS} instants of a change of the password never locks the station out`, async () => {
  const charger = await Charger.start();
  try {
    const random = new SeededRandom(1);
    let valid = "DEADBEEFDEADBEEF";
    for (let round = 0; round < ROUNDS; round++) {
      const next = `password-number-${round}`;
      const call = charger.csms.send("SetVariables", {
        setVariableData: [
          {
            component: { name: "SecurityCtrlr" },
            variable: { name: "BasicAuthPassword" },
            attributeValue: next,
          },
        ],
      });
      // A CSMS that got the answer takes only the new one (A01.FR.03), any other one only the old one (A01.FR.04).
      call.then(() => charger.csms.expectPassword(next)).catch(() => {});
      if (await killWhile(charger, call, random.below(LATEST_KILL_MILLISECONDS))) valid = next;
      charger.csms.expectPassword(valid);
      await charger.startStation();
    }
    expect(charger.log).not.toContain("password-number-");
    expect(charger.csms.violations).toEqual([]);
  } finally {
    await charger.stop();
  }
}, 120_000);

test(`A02: kill -9 at ${ROUNDS} instants of a renewal never leaves the station without a certificate that works`, async () => {
  const directory = mkdtempSync(join(tmpdir(), "rotation-"));
  const authority = new TestAuthority(directory, "root");
  const server = authority.issue("localhost", ["localhost"]);
  const front = await TlsFront.start(server, authority.rootPath);
  const charger = await Charger.start({
    stopped: true,
    csms: {},
    patch: { InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(front.url, 3) } },
  });
  const { csms } = charger;
  front.leadTo(csms.url);
  const discarded = () =>
    csms.calls.filter(({ request }) => request.type === "DiscardedRenewedClientCertificate").length;
  try {
    const store = new CertificateStore(charger.everest, authority);
    const random = new SeededRandom(2);
    let present = store.issue("station-first");
    store.install(present);
    await charger.startStation();
    for (let round = 0; round < ROUNDS; round++) {
      const next = store.issue(`station-${round}`);
      const takesNew = random.below(2) === 0;
      const discardedBefore = discarded();
      front.admitted = [takesNew ? next.fingerprint : present.fingerprint, ...(takesNew ? [present.fingerprint] : [])];
      const call = csms.send("CertificateSigned", {
        certificateChain: next.chainPem,
        certificateType: "ChargingStationCertificate",
      });
      await killWhile(charger, call, random.below(LATEST_KILL_MILLISECONDS));
      const wasInstalled = store.isInstalled(next);
      await charger.startStation();
      const shouldBe = takesNew && wasInstalled ? next : present;
      expect(front.shown).toBe(shouldBe.fingerprint);
      if (wasInstalled && !takesNew)
        await csms.waitFor("SecurityEventNotification", () => discarded() > discardedBefore);
      present = shouldBe;
      // The one that is not used is gone (A02.FR.10).
      for (let waited = 0; store.kept.length > 1 && waited < 50; waited++) await Bun.sleep(20);
      expect(store.kept).toEqual([present.fingerprint]);
    }
    expect(csms.violations).toEqual([]);
  } finally {
    await charger.stop();
    front.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}, 240_000);
