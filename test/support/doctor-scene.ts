import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo, Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportOf } from "../../src/cli/doctor/doctor.ts";
import { type Report, type Step, toText } from "../../src/cli/doctor/report.ts";
import { SystemClock } from "../../src/lib/clock.ts";
import { patchComponentConfig } from "../../src/sim/simulate.ts";
import { everestYaml, PARAMETERS } from "./everest-yaml.ts";
import { TlsScene } from "./tls-scene.ts";

export const PASSWORD = "DEADBEEFDEADBEEF";

export interface Profile {
  readonly url: string;
  readonly securityProfile?: number;
}
type Variables = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** The parameters of a module that say where the files of a station are. */
function placesBelow(root: string): string {
  return `      CoreDatabasePath: ${root}/core
      DeviceModelDatabasePath: ${root}/device_model.db
      EverestDeviceModelDatabasePath: ${root}/everest_device_model.db
      DeviceModelConfigPath: ${root}/component_config
      MessageLogPath: ${root}/logs
`;
}

/** Stations that have never been started, servers on their way, and what the doctor says of it. */
export class DoctorScene {
  readonly tls = new TlsScene();
  directory = "";
  private readonly cleanUps: (() => unknown)[] = [];

  /** Before each test. */
  begin(): void {
    this.directory = mkdtempSync(join(tmpdir(), "doctor-"));
  }

  /** After each test. */
  async end(): Promise<void> {
    for (const cleanUp of this.cleanUps.splice(0).reverse()) await cleanUp();
    await this.tls.clean();
    rmSync(this.directory, { recursive: true, force: true });
  }

  onEnd(cleanUp: () => unknown): void {
    this.cleanUps.push(cleanUp);
  }

  /** EVerest's YAML of a station with these network profiles. */
  station(profiles: readonly Profile[], variables: Variables = {}): string {
    const list = profiles.map(({ url, securityProfile = 1 }, index) => ({
      configurationSlot: index + 1,
      connectionData: {
        messageTimeout: 30,
        ocppCsmsUrl: url,
        ocppInterface: "Wired0",
        ocppTransport: "JSON",
        ocppVersion: "OCPP20",
        securityProfile,
      },
    }));
    patchComponentConfig(join(import.meta.dir, "../../component_config"), join(this.directory, "component_config"), {
      ...variables,
      InternalCtrlr: {
        NetworkConnectionProfiles: JSON.stringify(list),
        UseSslDefaultVerifyPaths: "false",
        ...variables.InternalCtrlr,
      },
      OCPPCommCtrlr: {
        NetworkConfigurationPriority: profiles.map((_, index) => index + 1).join(","),
        ...variables.OCPPCommCtrlr,
      },
      SecurityCtrlr: { BasicAuthPassword: PASSWORD, Identity: "CS-1", ...variables.SecurityCtrlr },
    });
    return this.configuration(this.directory);
  }

  /** EVerest's YAML of a station whose files are below `root`. */
  configuration(root: string, brokerPort?: number): string {
    const path = join(this.directory, "everest.yaml");
    const broker = brokerPort === undefined ? "" : `  mqtt_broker_host: 127.0.0.1\n  mqtt_broker_port: ${brokerPort}\n`;
    writeFileSync(
      path,
      everestYaml(PARAMETERS.replace("      MessageQueueResumeDelay: 1\n", placesBelow(root)), broker),
    );
    return path;
  }

  /** What the doctor says, in this process; never with the password. */
  async diagnose(
    profiles: Profile | readonly Profile[],
    options: Readonly<Record<string, unknown>> = {},
    variables: Variables = {},
  ): Promise<Report> {
    const config = this.station([profiles].flat(), variables);
    const values = { config, timeout: "10", roots: this.tls.root.rootPath, ...options };
    const report = await reportOf({ values, environment: {}, clock: new SystemClock() });
    if (`${JSON.stringify(report)}${toText(report)}`.includes(PASSWORD)) throw new Error("the report has the password");
    return report;
  }

  async listening(server: Pick<Server, "listen" | "close" | "address">): Promise<number> {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    this.onEnd(() => server.close());
    return (server.address() as AddressInfo).port;
  }
}

/** The one failure of a report: at which step, and what it is called. */
export function failureOf({ ways }: Report): Step {
  const [step, ...others] = ways.flatMap(({ steps }) => steps.filter(({ status }) => status === "failed"));
  if (step === undefined || others.length > 0) throw new Error(`one failure is expected: ${JSON.stringify(ways)}`);
  if ((step.advice ?? "") === "") throw new Error(`no advice for ${step.text}`);
  return step;
}

export function statuses({ ways }: Report): Readonly<Record<string, string>> {
  return Object.fromEntries((ways[0]?.steps ?? []).map(({ name, status }) => [name, status]));
}
