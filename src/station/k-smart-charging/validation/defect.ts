/** Why a profile is refused: a reason code of part 2's appendix and the name of the rule, as libocpp calls it where it has one. */
export interface ProfileDefect {
  readonly reasonCode: string;
  readonly additionalInfo: string;
}

export function defect(reasonCode: string, additionalInfo: string): ProfileDefect {
  return { reasonCode, additionalInfo };
}
