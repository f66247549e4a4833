import { type ParseArgsConfig, parseArgs } from "node:util";
import { CommandLineError } from "../everest/command-line.ts";

/** Options and words of a subcommand. @throws CommandLineError for what it does not know. */
export function readSubcommandLine<Options extends NonNullable<ParseArgsConfig["options"]>>(
  argv: readonly string[],
  options: Options,
) {
  try {
    return parseArgs({ args: [...argv], options, allowPositionals: true, strict: true });
  } catch (error) {
    throw new CommandLineError(`${(error as Error).message.split(". ")[0]}; --help lists the options`);
  }
}
