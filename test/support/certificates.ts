import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  /** The certificate, and behind it those of the authorities between it and the root. */
  readonly chainPath: string;
  /** The certificate alone. */
  readonly certificatePath: string;
  readonly keyPath: string;
}

export interface LeafOptions {
  readonly algorithm?: "ec" | "rsa";
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** Only the common name says whose it is. */
  readonly commonNameOnly?: boolean;
  /** Further extensions, as lines of an OpenSSL extension file. */
  readonly extensions?: readonly string[];
  /** Encrypts the key. */
  readonly password?: string;
}

const DAY_MILLISECONDS = 24 * 3_600_000;

function openssl(directory: string, ...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
}

function openSslTime(date: Date): string {
  return `${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
}

/** A certificate authority of the test and what it signs, made with openssl in a directory of the test. */
export class TestAuthority {
  /** A root of its own, or an authority below `issuer`. */
  constructor(
    private readonly directory: string,
    private readonly name: string,
    private readonly issuer?: TestAuthority,
  ) {
    mkdirSync(directory, { recursive: true });
    writeFileSync(this.path("index.txt"), "");
    writeFileSync(this.path("index.txt.attr"), "unique_subject = no\n");
    writeFileSync(this.path("serial"), "1000\n");
    writeFileSync(this.path("crlnumber"), "01\n");
    writeFileSync(
      this.path("cnf"),
      [
        "[ca]\ndefault_ca=own\n[own]",
        `database=${this.path("index.txt")}`,
        `serial=${this.path("serial")}`,
        `crlnumber=${this.path("crlnumber")}`,
        `new_certs_dir=${directory}`,
        `certificate=${this.path("pem")}`,
        `private_key=${this.path("key")}`,
        "default_md=sha256\ndefault_crl_days=10\npolicy=any\n[any]\ncommonName=supplied\n",
      ].join("\n"),
    );
    if (issuer !== undefined) {
      issuer.sign(name, [name], { extensions: ["basicConstraints=critical,CA:TRUE"], commonNameOnly: true });
      return;
    }
    const subject = ["-subj", `/CN=${name}`, "-days", "30"];
    openssl(directory, "req", "-x509", ...this.newKey("ec", name), ...subject, "-out", this.path("pem"));
  }

  get rootPath(): string {
    return this.path("pem");
  }

  /** A leaf for `names` (DNS names, wildcards included, or addresses). */
  issue(leaf: string, names: readonly string[], options: LeafOptions = {}): Certificate {
    this.sign(leaf, names, options);
    const certificatePath = join(this.directory, `${leaf}.pem`);
    const chainPath = join(this.directory, `${leaf}.chain.pem`);
    writeFileSync(chainPath, readFileSync(certificatePath));
    for (let authority: TestAuthority = this; authority.issuer !== undefined; authority = authority.issuer)
      appendFileSync(chainPath, readFileSync(authority.rootPath));
    return { certificatePath, chainPath, keyPath: join(this.directory, `${leaf}.key`) };
  }

  /** Takes a leaf back; the new revocation list, as PEM. */
  revoke({ certificatePath }: Certificate): string {
    openssl(this.directory, "ca", "-config", this.path("cnf"), "-revoke", certificatePath);
    return this.revocationList();
  }

  revocationList(): string {
    openssl(this.directory, "ca", "-config", this.path("cnf"), "-gencrl", "-out", this.path("crl"));
    return readFileSync(this.path("crl"), "utf8");
  }

  private path(suffix: string): string {
    return join(this.directory, `${this.name}.${suffix}`);
  }

  private newKey(algorithm: "ec" | "rsa", name: string, password?: string): readonly string[] {
    return [
      ...(algorithm === "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : ["-newkey", "rsa:2048"]),
      ...(password === undefined ? ["-nodes"] : ["-passout", `pass:${password}`]),
      "-keyout",
      join(this.directory, `${name}.key`),
    ];
  }

  private sign(leaf: string, names: readonly string[], options: LeafOptions): void {
    const request = join(this.directory, `${leaf}.csr`);
    const extensions = join(this.directory, `${leaf}.ext`);
    const key = this.newKey(options.algorithm ?? "ec", leaf, options.password);
    openssl(this.directory, "req", ...key, "-subj", `/CN=${names[0] ?? leaf}`, "-out", request);
    const alternatives = names.map((name) => `${/^[\d.]+$|:/.test(name) ? "IP" : "DNS"}:${name}`).join(",");
    writeFileSync(
      extensions,
      [
        ...(options.commonNameOnly === true ? [] : [`subjectAltName=${alternatives}`]),
        ...(options.extensions ?? ["basicConstraints=CA:FALSE"]),
        "",
      ].join("\n"),
    );
    const from = openSslTime(options.notBefore ?? new Date(Date.now() - DAY_MILLISECONDS));
    const to = openSslTime(options.notAfter ?? new Date(Date.now() + 10 * DAY_MILLISECONDS));
    const validity = ["-startdate", from, "-enddate", to];
    const files = ["-in", request, "-out", join(this.directory, `${leaf}.pem`), "-extfile", extensions];
    openssl(this.directory, "ca", "-batch", "-notext", "-config", this.path("cnf"), ...validity, ...files);
  }
}
