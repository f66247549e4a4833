import type { Logger } from "../../log/logger.ts";

/**
 * The answer of the hardware side, or what holds without one. The question has its limit and its word for the log
 * (`bridge/question-limits.ts`); `failed` says in the log what could not be done for the lack of an answer.
 */
export async function answerOr<Answer, Otherwise>(
  logger: Logger,
  failed: string,
  question: Promise<Answer>,
  otherwise: Otherwise,
): Promise<Answer | Otherwise> {
  try {
    return await question;
  } catch (error) {
    logger.error(`${failed}: ${(error as Error).message}`);
    return otherwise;
  }
}
