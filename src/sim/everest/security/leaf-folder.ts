import { createPrivateKey, createPublicKey } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { KeyPair } from "./signing.ts";
import { type StoredCertificate, type Verification, verifyChain } from "./stored-certificate.ts";

export interface StoredLeaf {
  /** The leaf first. */
  readonly chain: readonly StoredCertificate[];
  readonly leaf: StoredCertificate;
  readonly chainPath: string;
  readonly singlePath: string;
  readonly keyPath: string;
}

/** Leaf certificates of one use with their keys, in a directory; requests leave keys that wait for their certificate. */
export class LeafFolder {
  readonly leaves: StoredLeaf[] = [];
  private readonly keyPaths = new Map<string, string>();

  constructor(readonly directory: string) {
    mkdirSync(directory, { recursive: true });
  }

  keepKey({ privateKey, spki }: KeyPair): void {
    const path = join(this.directory, `key-${this.keyPaths.size + 1}.key`);
    writeFileSync(path, privateKey.export({ type: "pkcs8", format: "pem" }));
    this.keyPaths.set(spki.toString("hex"), path);
  }

  hasKeyFor(leaf: StoredCertificate): boolean {
    return this.keyPaths.has(leaf.spki.toString("hex"));
  }

  /** @throws when there is no key for it. */
  add(chain: readonly StoredCertificate[]): void {
    const [leaf] = chain;
    const keyPath = leaf === undefined ? undefined : this.keyPaths.get(leaf.spki.toString("hex"));
    if (leaf === undefined || keyPath === undefined) throw new Error("no key for this certificate");
    const name = join(this.directory, `leaf-${leaf.serialNumber}`);
    const stored = { chain, leaf, chainPath: `${name}.chain.pem`, singlePath: `${name}.pem`, keyPath };
    writeFileSync(stored.chainPath, chain.map(({ pem }) => pem).join(""));
    writeFileSync(stored.singlePath, leaf.pem);
    const present = this.leaves.findIndex((other) => other.leaf.equals(leaf));
    if (present < 0) this.leaves.push(stored);
    else this.leaves[present] = stored;
  }

  remove(stored: StoredLeaf): void {
    this.leaves.splice(this.leaves.indexOf(stored), 1);
    for (const path of [stored.chainPath, stored.singlePath, stored.keyPath]) rmSync(path, { force: true });
    this.keyPaths.delete(stored.leaf.spki.toString("hex"));
  }

  /** Those whose chain leads to one of the roots now, the newest by the start of its validity first. */
  usable(roots: readonly StoredCertificate[], now: Date): readonly UsableLeaf[] {
    return this.leaves
      .flatMap((stored) => {
        const verification = verifyChain(stored.chain, roots, now);
        return verification.result === "Valid" ? [{ ...stored, ...verification }] : [];
      })
      .sort((one, other) => other.leaf.notBefore - one.leaf.notBefore);
  }

  /** Is the key on disk the one of the certificate? */
  isWhole({ leaf, keyPath }: StoredLeaf): boolean {
    try {
      const key = createPublicKey(createPrivateKey(readFileSync(keyPath, "utf8")));
      return key.export({ type: "spki", format: "der" }).equals(leaf.spki);
    } catch {
      return false;
    }
  }
}

export type UsableLeaf = StoredLeaf & Extract<Verification, { result: "Valid" }>;
