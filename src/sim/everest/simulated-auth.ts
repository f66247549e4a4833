import type { SimulatedBus } from "./bus.ts";
import type { SimulatedEvse } from "./simulated-evse.ts";
import type { SimulatedReservations } from "./simulated-reservations.ts";

export interface SimulatedToken {
  readonly value: string;
  readonly type: string;
}

interface ProvidedToken {
  readonly id_token: SimulatedToken;
  readonly authorization_type: string;
  readonly prevalidated?: boolean;
  readonly connectors?: readonly number[];
  readonly request_id?: number;
  readonly parent_id_token?: SimulatedToken;
  readonly certificate?: string;
  readonly iso15118CertificateHashData?: readonly object[];
}

/** EVerest's Auth: has tokens validated by the station and uses them to start or to stop (BEHAVIOUR 22). */
export class SimulatedAuth {
  constructor(
    private readonly bus: SimulatedBus,
    private readonly station: string,
    private readonly evses: readonly SimulatedEvse[],
    private readonly reservations: SimulatedReservations,
  ) {}

  /** A card is presented, a PIN entered (KeyCode) or the start button pressed (NoAuthorization). */
  async presentToken(token: SimulatedToken, evseId: number): Promise<string> {
    const evse = this.evse(evseId);
    const provided: ProvidedToken = { id_token: token, authorization_type: "RFID", connectors: [evseId] };
    if (evse.isAuthorizedBy(token.value)) {
      await evse.stopTransaction("Local", provided);
      return "Stopped";
    }
    return this.use(provided, evseId);
  }

  /** The car at an EVSE authorizes itself with its contract (Plug and Charge), as the ISO 15118 stack hands it on. */
  presentContract(
    emaid: string,
    contract: Pick<ProvidedToken, "certificate" | "iso15118CertificateHashData">,
    evseId: number,
  ): Promise<string> {
    const id_token = { value: emaid, type: "eMAID" };
    return this.use({ id_token, authorization_type: "PlugAndCharge", connectors: [evseId], ...contract }, evseId);
  }

  /** Takes the tokens of remote starts. */
  async serve(): Promise<void> {
    await this.bus.onVariable(this.station, "auth_provider", "provided_token", (token) => {
      void this.takeProvidedToken(token as ProvidedToken);
    });
  }

  private evse(evseId: number): SimulatedEvse {
    const evse = this.evses[evseId - 1];
    if (evse === undefined) throw new Error(`no EVSE ${evseId}`);
    return evse;
  }

  private async use(provided: ProvidedToken, evseId: number): Promise<string> {
    const result = (await this.bus.call("auth", this.station, "auth_validator", "validate_token", {
      provided_token: provided,
    })) as {
      authorization_status: string;
      parent_id_token?: SimulatedToken;
    };
    if (result.authorization_status !== "Accepted") return result.authorization_status;
    const parent = result.parent_id_token;
    const validated: ProvidedToken = { ...provided, ...(parent !== undefined && { parent_id_token: parent }) };
    if (parent !== undefined && parent.value === this.masterPassGroupId) {
      for (const evse of this.evses) await evse.stopTransaction("MasterPass", validated);
      return "MasterPass";
    }
    if (this.evse(evseId).isAuthorizedByGroup(parent?.value)) {
      await this.evse(evseId).stopTransaction("Local", validated);
      return "Stopped";
    }
    return this.admit(validated, evseId);
  }

  /** An EVSE that is kept for others takes nobody else. */
  private async admit(provided: ProvidedToken, evseId: number): Promise<string> {
    const { id_token, parent_id_token } = provided;
    const use = await this.reservations.use(evseId, id_token.value, parent_id_token?.value);
    if (use === undefined) return "Reserved";
    await this.evse(evseId).authorize(provided, use.reservationId);
    return "Accepted";
  }

  private get masterPassGroupId(): unknown {
    return this.bus.recorded.findLast(({ command }) => command === "set_master_pass_group_id")?.args
      .master_pass_group_id;
  }

  private async takeProvidedToken(provided: ProvidedToken): Promise<void> {
    const evseId = provided.connectors?.[0] ?? 1;
    if (provided.prevalidated === true) await this.admit(provided, evseId);
    else await this.use(provided, evseId);
  }
}
