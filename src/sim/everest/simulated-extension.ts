import type { Iso15118ChargingNeeds } from "../../everest/interfaces/index.ts";
import type { SimulatedBus } from "./bus.ts";

const ISO_15118_2 = {
  protocol_namespace: "urn:iso:15118:2:2013:MsgDef",
  version_number_major: 2,
  version_number_minor: 0,
  schema_id: 1,
  priority: 1,
} as const;

/** What a car with a battery that is half empty asks for where alternating current is offered. */
export const AC_NEEDS = {
  requested_energy_transfer: "AC_three_phase_core",
  ac_charging_parameters: { energy_amount: 20_000, ev_min_current: 6, ev_max_current: 32, ev_max_voltage: 400 },
} as const satisfies Iso15118ChargingNeeds;

export const DC_NEEDS = {
  requested_energy_transfer: "DC_extended",
  dc_charging_parameters: {
    ev_max_current: 200,
    ev_max_voltage: 450,
    ev_max_power: 80_000,
    ev_energy_capacity: 60_000,
    energy_amount: 30_000,
    state_of_charge: 50,
    full_soc: 100,
    bulk_soc: 80,
  },
} as const satisfies Iso15118ChargingNeeds;

export interface CertificateResponse {
  readonly status: "Accepted" | "Failed";
  readonly certificate_action: "Install" | "Update";
  readonly exi_response?: string;
}

/** The ISO 15118 side of one EVSE: what a car tells there by high-level communication. */
export class SimulatedExtension {
  readonly module: string;

  constructor(
    private readonly bus: SimulatedBus,
    readonly evseId: number,
  ) {
    this.module = evseId === 1 ? "iso15118" : `iso15118_${evseId}`;
  }

  /** The car has agreed with the charger on a protocol. */
  greet(evccId = "010203040A0B"): Promise<void> {
    return this.tell("ev_info", {
      supported_protocols: { Protocols: [ISO_15118_2] },
      selected_protocol: ISO_15118_2,
      evcc_id: evccId,
    });
  }

  /** ChargeParameterDiscoveryReq: what the car needs; again when it renegotiates. */
  requestCharging(needs: unknown = AC_NEEDS): Promise<void> {
    return this.tell("charging_needs", needs);
  }

  /** CertificateInstallationReq or CertificateUpdateReq: the car asks for a contract certificate. */
  requestCertificate(exiBase64: string, action: "Install" | "Update" = "Install"): Promise<void> {
    return this.tell("iso15118_certificate_request", {
      exi_request: exiBase64,
      iso15118_schema_version: ISO_15118_2.protocol_namespace,
      certificate_action: action,
    });
  }

  /** Something else in the place of such a request. */
  tellInsteadOfRequest(value: unknown): Promise<void> {
    return this.tell("iso15118_certificate_request", value);
  }

  /** What the car was told of its requests, oldest first. */
  get certificateResponses(): readonly CertificateResponse[] {
    return this.bus.recorded
      .filter(({ module, command }) => module === this.module && command === "set_get_certificate_response")
      .map(({ args }) => args.certificate_response as CertificateResponse);
  }

  private tell(variable: string, value: unknown): Promise<void> {
    return this.bus.variable(this.module, "main", variable, value);
  }
}
