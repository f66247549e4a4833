import type { StationEvents } from "../events.ts";

type Answered = StationEvents["transactionEventAnswered"];

/**
 * Who is served first when the station's limit has to be shared (K03.FR.04). What the answer to a transaction event says
 * of the transaction wins over what it says of the token, for this transaction and no other (K03.FR.05).
 */
export class ChargingPriorities {
  private readonly ofTransactions = new Map<string, number>();
  private readonly ofTokens = new Map<string, number>();

  /** -9 … 9, 0 if nobody has told another one (K03.FR.06). */
  of(transactionId = ""): number {
    return this.ofTransactions.get(transactionId) ?? this.ofTokens.get(transactionId) ?? 0;
  }

  /** True when the answer says something. */
  learn({ eventType, transactionInfo }: Answered["request"], response: Answered["response"]): boolean {
    const { transactionId } = transactionInfo;
    const { chargingPriority, idTokenInfo } = response;
    if (eventType === "Ended") return false;
    if (chargingPriority !== undefined) this.ofTransactions.set(transactionId, chargingPriority);
    if (idTokenInfo?.chargingPriority !== undefined) this.ofTokens.set(transactionId, idTokenInfo.chargingPriority);
    return chargingPriority !== undefined || idTokenInfo?.chargingPriority !== undefined;
  }

  forget(transactionId: string): void {
    this.ofTransactions.delete(transactionId);
    this.ofTokens.delete(transactionId);
  }
}
