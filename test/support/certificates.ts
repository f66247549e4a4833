import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  readonly certificatePath: string;
  readonly keyPath: string;
}

function openssl(directory: string, ...args: readonly string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });
}

/** A certificate authority of the test and what it signs, made with openssl in a directory of the test. */
export class TestAuthority {
  constructor(
    private readonly directory: string,
    private readonly name: string,
  ) {
    mkdirSync(directory, { recursive: true });
    openssl(
      directory,
      "req",
      "-x509",
      "-newkey",
      "ec",
      "-pkeyopt",
      "ec_paramgen_curve:prime256v1",
      "-nodes",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.pem`,
      "-days",
      "30",
      "-subj",
      `/CN=${name}`,
    );
  }

  get rootPath(): string {
    return join(this.directory, `${this.name}.pem`);
  }

  /** A leaf for `names` (DNS names, wildcards included). */
  issue(leaf: string, names: readonly string[], algorithm: "ec" | "rsa" = "ec"): Certificate {
    const key =
      algorithm === "ec" ? ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"] : ["-newkey", "rsa:2048"];
    openssl(
      this.directory,
      "req",
      ...key,
      "-nodes",
      "-keyout",
      `${leaf}.key`,
      "-out",
      `${leaf}.csr`,
      "-subj",
      `/CN=${names[0] ?? leaf}`,
    );
    writeFileSync(
      join(this.directory, `${leaf}.ext`),
      `subjectAltName=${names.map((name) => `DNS:${name}`).join(",")}\n`,
    );
    openssl(
      this.directory,
      "x509",
      "-req",
      "-in",
      `${leaf}.csr`,
      "-CA",
      `${this.name}.pem`,
      "-CAkey",
      `${this.name}.key`,
      "-CAcreateserial",
      "-days",
      "10",
      "-out",
      `${leaf}.pem`,
      "-extfile",
      `${leaf}.ext`,
    );
    return { certificatePath: join(this.directory, `${leaf}.pem`), keyPath: join(this.directory, `${leaf}.key`) };
  }
}
