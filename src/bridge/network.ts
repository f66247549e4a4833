import type { EverestModule, Peer } from "../everest/everest-module.ts";
import type { NetworkConfigureNetworkRequest } from "../everest/interfaces/index.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { APNType, VPNType } from "../ocpp/v201/index.ts";
import type { NetworkOutcome, NetworkPort } from "../station/ports.ts";

type Profile = Parameters<NetworkPort["configure"]>[0];

function fromApn(apn: APNType): NonNullable<NetworkConfigureNetworkRequest["apn"]> {
  return {
    apn: apn.apn,
    ...(apn.apnUserName !== undefined && { apn_user_name: apn.apnUserName }),
    ...(apn.apnPassword !== undefined && { apn_password: apn.apnPassword }),
    ...(apn.simPin !== undefined && { sim_pin: String(apn.simPin) }),
    ...(apn.preferredNetwork !== undefined && { preferred_network: apn.preferredNetwork }),
    ...(apn.useOnlyPreferredNetwork !== undefined && { use_only_preferred_network: apn.useOnlyPreferredNetwork }),
    apn_authentication: apn.apnAuthentication,
  };
}

function fromVpn({
  server,
  user,
  group,
  password,
  key,
  type,
}: VPNType): NonNullable<NetworkConfigureNetworkRequest["vpn"]> {
  return { server, user, ...(group !== undefined && { group }), password, key, type };
}

/** EVerest's `system.configure_network` (CHANGES b.2): what a network profile needs is set up before each attempt. */
export class NetworkConfigurator implements NetworkPort {
  private supported = true;
  private lastRequestId = 0;
  /** The attempt under way; there is one at a time, a new one takes the place of the one before. */
  private pending: { readonly requestId: number; readonly settle: (outcome: NetworkOutcome) => void } | undefined;

  /** To be created before the module reports ready. */
  constructor(
    private readonly system: Peer<"system">,
    private readonly clock: Clock,
    logger: Logger,
  ) {
    system.onVariable("configure_network_status", ({ request_id, status, interface_address }) => {
      if (request_id !== this.pending?.requestId) {
        logger.info(`The network configuration ${request_id} is told to be ${status}: nobody waits for it`);
        return;
      }
      this.pending.settle(
        status === "Ready"
          ? ready(interface_address)
          : { status: "Failed", reason: `the system module says ${status}` },
      );
    });
  }

  get canSetUpApnAndVpn(): boolean {
    return this.supported;
  }

  configure(profile: Profile, timeoutMilliseconds: number): Promise<NetworkOutcome> {
    const requestId = ++this.lastRequestId;
    this.pending?.settle({ status: "Failed", reason: "another attempt has begun" });
    return new Promise((resolve) => {
      const settle = (outcome: NetworkOutcome): void => {
        timer.cancel();
        if (this.pending?.requestId === requestId) this.pending = undefined;
        resolve(outcome);
      };
      const timer: Timer = this.clock.after(timeoutMilliseconds, () =>
        settle({ status: "Failed", reason: `no answer within ${timeoutMilliseconds / 1000} s` }),
      );
      this.pending = { requestId, settle };
      this.ask(requestId, profile).then(
        (outcome) => {
          if (outcome !== undefined) settle(outcome);
        },
        (error: Error) => settle({ status: "Failed", reason: error.message }),
      );
    });
  }

  /** Resolves to undefined while the system module is still at work. */
  private async ask(requestId: number, { ocppInterface, apn, vpn }: Profile): Promise<NetworkOutcome | undefined> {
    const { status, interface_address } = await this.system.call("configure_network", {
      request: {
        request_id: requestId,
        interface: ocppInterface,
        ...(apn !== undefined && { apn: fromApn(apn) }),
        ...(vpn !== undefined && { vpn: fromVpn(vpn) }),
      },
    });
    switch (status) {
      case "Ready":
        return ready(interface_address);
      case "Processing":
        return undefined;
      case "NotSupported":
        this.supported = false;
        return { status: "NotSupported" };
      default:
        return { status: "Failed", reason: `the system module says ${status}` };
    }
  }
}

/** To be called before the module reports ready; undefined where EVerest does not offer to set up networks. */
export function createNetworkPort(module: EverestModule, clock: Clock, logger: Logger): NetworkPort | undefined {
  const [system] = module.peers("system", "system");
  return module.features.configureNetwork && system !== undefined
    ? new NetworkConfigurator(system, clock, logger)
    : undefined;
}

function ready(interfaceAddress: string | undefined): NetworkOutcome {
  return { status: "Ready", ...(interfaceAddress !== undefined && { interfaceAddress }) };
}
