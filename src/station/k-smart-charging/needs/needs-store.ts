import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../../../log/logger.ts";
import { ChargingNeedsTypeSchema } from "../../../ocpp/v201/index.ts";
import type { CoreDatabase } from "../../../store/core-database.ts";
import { storedValue, type ViewRow } from "../../../store/database-view.ts";

const KEY = "charging-needs";

/** `Waiting`: not told, or not answered yet; `Unanswered`: the CSMS was silent or had a CALLERROR. */
const StoredNeedsSchema = v.object({
  evseId: v.number(),
  /** Absent before the transaction has begun. */
  transactionId: v.exactOptional(v.string()),
  receivedAt: v.string(),
  needs: ChargingNeedsTypeSchema,
  state: v.picklist(["Waiting", "Accepted", "Processing", "Rejected", "Unanswered"]),
});
export type StoredNeeds = v.InferOutput<typeof StoredNeedsSchema>;
const All = v.array(StoredNeedsSchema);

/** The newest needs of each EV and what the CSMS said to them, as long as the transaction runs; one entry for each EVSE. */
export class NeedsStore {
  private all: readonly StoredNeeds[];

  constructor(
    private readonly core: CoreDatabase,
    private readonly logger: Logger,
  ) {
    this.all = core.keyValues.get(KEY, All) ?? [];
  }

  get entries(): readonly StoredNeeds[] {
    return this.all;
  }

  of(evseId: number): StoredNeeds | undefined {
    return this.all.find((one) => one.evseId === evseId);
  }

  /** Instead of what there was of this EVSE. `relaxed`: a power cut may undo it. */
  save(entry: StoredNeeds, relaxed = false): void {
    this.write([...this.all.filter(({ evseId }) => evseId !== entry.evseId), entry], relaxed);
  }

  remove(evseId: number): void {
    if (this.of(evseId) === undefined) return;
    this.write(
      this.all.filter((one) => one.evseId !== evseId),
      true,
    );
  }

  /** A full disk does not keep the EV's needs from the CSMS. */
  private write(all: readonly StoredNeeds[], relaxed: boolean): void {
    const { keyValues, unitOfWork } = this.core;
    this.all = all;
    const decide = (): void => (all.length === 0 ? keyValues.remove(KEY) : keyValues.set(KEY, all));
    try {
      if (relaxed) unitOfWork.runRelaxed(decide);
      else unitOfWork.run(decide);
    } catch (error) {
      this.logger.error(`Charging needs cannot be stored: ${(error as Error).message}`);
    }
  }
}

/** Needs of EVs as they are stored. */
export function needsView(database: Database): readonly ViewRow[] {
  return (storedValue(database, KEY, All) ?? []).map(({ evseId, transactionId, receivedAt, needs, state }) => ({
    evse: evseId,
    transactionId: transactionId ?? null,
    receivedAt,
    transfer: needs.requestedEnergyTransfer,
    energyWattHours: (needs.acChargingParameters ?? needs.dcChargingParameters)?.energyAmount ?? null,
    departureTime: needs.departureTime ?? null,
    state,
  }));
}
