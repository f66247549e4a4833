import * as v from "valibot";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import { certificateHashAmong, fingerprint, parseCertificates } from "../model/certificate.ts";
import type { LeafCertificateFiles } from "../ports.ts";

/** Discarded certificates that are remembered; the hardware side offers only the newest. */
const DISCARDED_LIMIT = 5;

/**
 * A renewal that is not settled, or in which the previous certificate won. The hardware side keeps all certificates and
 * offers the newest; which one is presented is our choice. Of a key no more than its path is kept.
 */
const Renewal = v.object({
  previous: v.object({ certificatePath: v.string(), keyPath: v.string(), chainPem: v.string() }),
  /** Fingerprints of new certificates that did not work and may still be offered by the hardware side. */
  discarded: v.array(v.string()),
});
type Renewal = v.InferOutput<typeof Renewal>;

const RENEWAL_KEY = "security.clientCertificate";
/** Certificates (PEM) that are out of use and still have to be deleted. */
const OBSOLETE_KEY = "security.obsoleteClientCertificates";
const Obsolete = v.array(v.string());
/** What the station has shown in its last connection (PEM): still its own when it has expired (M04.FR.06). */
const SHOWN_KEY = "security.shownClientCertificate";
const STATION_PROFILE = 3;

/**
 * Which certificate the station presents with security profile 3. After a renewal that is the new one; when no network
 * profile works with it, old and new take turns, and the one that connects first remains (A02.FR.10, FR.28, A03.FR.10, FR.24).
 */
export const clientCertificate = declareBlock({
  name: "client-certificate",
  letter: "A",
  provides: ["clientCertificate"],
  hears: { "link.allProfilesFailed": "reading", "link.connected": "reading" },
  create,
});

function create({ core, events, hardware, logger }: Given) {
  /** It is the previous one's turn. */
  let previousTurn = false;
  let chosen: LeafCertificateFiles | undefined;
  let presented: { readonly chainPem: string; readonly isPrevious: boolean; readonly newest: string } | undefined;

  const read = (): Renewal | undefined => core.keyValues.get(RENEWAL_KEY, v.nullable(Renewal)) ?? undefined;
  const store = (renewal: Renewal | undefined): void =>
    core.unitOfWork.run(() => core.keyValues.set(RENEWAL_KEY, renewal ?? null));

  const choose = async (): Promise<LeafCertificateFiles | undefined> => {
    chosen = await chooseNow();
    return chosen;
  };

  const chooseNow = async (): Promise<LeafCertificateFiles | undefined> => {
    const newest = await hardware.security.leafCertificateFiles("CSMS");
    const renewal = read();
    presented = undefined;
    if (renewal === undefined || newest?.chainPem === undefined) return newest;
    const { previous, discarded } = renewal;
    const newestName = fingerprint(newest.chainPem);
    const isPrevious =
      discarded.includes(newestName) || (previousTurn && newestName !== fingerprint(previous.chainPem));
    presented = { chainPem: isPrevious ? previous.chainPem : newest.chainPem, isPrevious, newest: newest.chainPem };
    return isPrevious ? { ...previous, ...(newest.password !== undefined && { password: newest.password }) } : newest;
  };

  const readObsolete = (): readonly string[] => core.keyValues.get(OBSOLETE_KEY, Obsolete) ?? [];
  const storeObsolete = (obsolete: readonly string[]): void =>
    core.unitOfWork.run(() => core.keyValues.set(OBSOLETE_KEY, obsolete.slice(-DISCARDED_LIMIT)));

  /** Takes a certificate out of the hardware side's store; where that is not possible it stays there unused. */
  const remove = async (chainPem: string): Promise<void> => {
    const [leaf, ...chain] = parseCertificates(chainPem);
    const secc = await hardware.security.leafCertificateFiles("V2G");
    const isShared = secc?.chainPem !== undefined && fingerprint(secc.chainPem) === fingerprint(chainPem);
    if (leaf === undefined || isShared) return;
    const roots = (await hardware.security.caCertificates("CSMS")).flatMap(parseCertificates);
    const hash = certificateHashAmong(leaf, [...chain, ...roots]);
    if (hash === undefined) return;
    const status = await hardware.security.deleteCertificate(hash);
    logger.info(`The client certificate ${leaf.serialNumber} is no longer used; deleting it: ${status}`);
  };

  const removeObsolete = async (): Promise<void> => {
    for (const chainPem of readObsolete()) {
      await remove(chainPem);
      storeObsolete(readObsolete().filter((other) => other !== chainPem));
    }
  };

  const readShown = (): string | undefined => core.keyValues.get(SHOWN_KEY, v.string());
  const noteShown = (): void => {
    const chainPem = chosen?.chainPem;
    if (chainPem !== undefined && chainPem !== readShown())
      core.unitOfWork.run(() => core.keyValues.set(SHOWN_KEY, chainPem));
  };

  /** One of the two has connected: the other one is discarded. */
  const settle = (): void => {
    const renewal = read();
    if (renewal === undefined || presented === undefined) return;
    const { isPrevious, newest } = presented;
    const newestName = fingerprint(newest);
    const { chainPem: previous } = renewal.previous;
    core.unitOfWork.run(() => {
      if (!isPrevious) {
        store(undefined);
        if (newestName !== fingerprint(previous)) storeObsolete([...readObsolete(), previous]);
        return;
      }
      if (renewal.discarded.includes(newestName)) return;
      store({ ...renewal, discarded: [...renewal.discarded, newestName].slice(-DISCARDED_LIMIT) });
      storeObsolete([...readObsolete(), newest]);
      events.emit("securityEvent", {
        type: "DiscardedRenewedClientCertificate",
        techInfo: `serial number ${parseCertificates(newest)[0]?.serialNumber ?? "unknown"}`,
      }); // A02.FR.29, A03.FR.25
    });
  };

  const prepareFor = async (next: string): Promise<() => void> => {
    previousTurn = false;
    storeObsolete(readObsolete().filter((chainPem) => fingerprint(chainPem) !== fingerprint(next)));
    const renewal = read();
    if (renewal !== undefined) {
      // What connected last stays the one to fall back to, however many new ones come before the next connection.
      store({ ...renewal, discarded: renewal.discarded.filter((name) => name !== fingerprint(next)) });
      return () => store(renewal);
    }
    const question = hardware.security.leafCertificateFiles("CSMS");
    const present = await answerOr(logger, "The present client certificate is not known", question, undefined);
    if (present?.chainPem === undefined) return () => {};
    const { certificatePath, keyPath, chainPem } = present;
    store({ previous: { certificatePath, keyPath, chainPem }, discarded: [] });
    return () => store(undefined);
  };

  return {
    provides: { clientCertificate: { choose, prepareFor, lastShown: readShown } },
    hears: {
      "link.allProfilesFailed": () => {
        if (read() !== undefined) previousTurn = !previousTurn;
      },
      "link.connected": ({ profile }: HeardEvents["link.connected"]) => {
        if (profile.securityProfile !== STATION_PROFILE) return;
        noteShown();
        settle();
        removeObsolete().catch((error: Error) =>
          logger.warn(`A client certificate that is no longer used could not be deleted yet: ${error.message}`),
        );
      },
    },
  };
}
