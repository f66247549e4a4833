import type {
  Iso15118ACChargingParameters,
  Iso15118ChargingNeeds,
  Iso15118DCChargingParameters,
  Iso15118EnergyTransferMode,
} from "../everest/interfaces/index.ts";
import { isDateTime } from "../lib/date-time.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { ACChargingParametersType, ChargingNeedsType, DCChargingParametersType } from "../ocpp/v201/index.ts";

/** The modes that OCPP has words for; whoever gives direct current both ways can charge with it. */
const TRANSFER: Partial<Record<Iso15118EnergyTransferMode, ChargingNeedsType["requestedEnergyTransfer"]>> = {
  AC_single_phase_core: "AC_single_phase",
  AC_two_phase: "AC_two_phase",
  AC_three_phase_core: "AC_three_phase",
  DC_core: "DC",
  DC_extended: "DC",
  DC_combo_core: "DC",
  DC_unique: "DC",
  DC: "DC",
  DC_BPT: "DC",
  DC_ACDP: "DC",
  DC_ACDP_BPT: "DC",
  MCS: "DC",
  MCS_BPT: "DC",
};
const LARGEST_PERCENTAGE = 100;

/** What an EV needs in OCPP's words and what of it was left out, or why it cannot be told at all. */
export type ReadNeeds =
  | { readonly needs: ChargingNeedsType; readonly leftOut: readonly string[] }
  | { readonly defect: string };

type Rounding = (value: number) => number;

/** OCPP counts in whole numbers; what an EV can stand is never exceeded by that. */
class Numbers {
  readonly leftOut: string[] = [];
  readonly missing: string[] = [];

  private whole(value: number, round: Rounding, largest: number): number | undefined {
    const rounded = round(value);
    return rounded >= 0 && rounded <= largest && isOcppInteger(rounded) ? rounded : undefined;
  }

  required(name: string, value: number, round: Rounding): number {
    const whole = this.whole(value, round, Number.POSITIVE_INFINITY);
    if (whole === undefined) this.missing.push(`${name} is ${value}`);
    return whole ?? 0;
  }

  optional<Name extends string>(
    name: Name,
    value: number | undefined,
    round: Rounding,
    largest = Number.POSITIVE_INFINITY,
  ): { readonly [N in Name]?: number } {
    if (value === undefined) return {};
    const whole = this.whole(value, round, largest);
    if (whole === undefined) this.leftOut.push(`${name} ${value}`);
    return (whole === undefined ? {} : { [name]: whole }) as { readonly [N in Name]?: number };
  }
}

function toAlternating(ac: Iso15118ACChargingParameters, numbers: Numbers): ACChargingParametersType {
  return {
    energyAmount: numbers.required("energy_amount", ac.energy_amount, Math.round),
    evMinCurrent: numbers.required("ev_min_current", ac.ev_min_current, Math.ceil),
    evMaxCurrent: numbers.required("ev_max_current", ac.ev_max_current, Math.floor),
    evMaxVoltage: numbers.required("ev_max_voltage", ac.ev_max_voltage, Math.floor),
  };
}

function toDirect(dc: Iso15118DCChargingParameters, numbers: Numbers): DCChargingParametersType {
  return {
    evMaxCurrent: numbers.required("ev_max_current", dc.ev_max_current, Math.floor),
    evMaxVoltage: numbers.required("ev_max_voltage", dc.ev_max_voltage, Math.floor),
    ...numbers.optional("energyAmount", dc.energy_amount, Math.round),
    ...numbers.optional("evMaxPower", dc.ev_max_power, Math.floor),
    ...numbers.optional("stateOfCharge", dc.state_of_charge, Math.round, LARGEST_PERCENTAGE),
    ...numbers.optional("evEnergyCapacity", dc.ev_energy_capacity, Math.round),
    ...numbers.optional("fullSoC", dc.full_soc, Math.round, LARGEST_PERCENTAGE),
    ...numbers.optional("bulkSoC", dc.bulk_soc, Math.round, LARGEST_PERCENTAGE),
  };
}

/**
 * ChargeParameterDiscoveryReq as EVerest tells it. K15.FR.06, K17.FR.06: with the parameters of the kind of current that is
 * asked for, of which there must be some. Bidirectional charging and what else came with ISO 15118-20 is OCPP 2.1.
 */
export function toChargingNeeds(all: Iso15118ChargingNeeds): ReadNeeds {
  const {
    requested_energy_transfer: mode,
    ac_charging_parameters: ac,
    dc_charging_parameters: dc,
    departure_time,
  } = all;
  const requestedEnergyTransfer = TRANSFER[mode];
  if (requestedEnergyTransfer === undefined) return { defect: `OCPP 2.0.1 has no word for ${JSON.stringify(mode)}` };
  const numbers = new Numbers();
  const isDirect = requestedEnergyTransfer === "DC";
  const parameters = isDirect
    ? dc && { dcChargingParameters: toDirect(dc, numbers) }
    : ac && { acChargingParameters: toAlternating(ac, numbers) };
  if (parameters === undefined) return { defect: `there are no ${isDirect ? "DC" : "AC"} parameters` };
  if (numbers.missing.length > 0) return { defect: numbers.missing.join(", ") };
  const isTime = departure_time !== undefined && isDateTime(departure_time);
  if (departure_time !== undefined && !isTime) numbers.leftOut.push(`departureTime ${JSON.stringify(departure_time)}`);
  return {
    needs: {
      requestedEnergyTransfer,
      ...parameters,
      ...(isTime && { departureTime: new Date(departure_time).toISOString() }),
    },
    leftOut: numbers.leftOut,
  };
}
