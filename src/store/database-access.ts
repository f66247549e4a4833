import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseError } from "./database-error.ts";

/** What SQLite keeps beside a database; the empty suffix is the database itself. */
export const SIDE_FILES = ["", "-wal", "-shm", "-journal"] as const;

/** Who may do what with a file, since that is what the operator has to change. */
function ownership(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return "";
  const mode = (found.mode & 0o7777).toString(8);
  const { getuid = () => "?", getgid = () => "?" } = process;
  return ` (owner ${found.uid}:${found.gid}, mode ${mode}; this process runs as ${getuid()}:${getgid()})`;
}

function reason(error: unknown): string {
  const { code = "", message } = error as NodeJS.ErrnoException;
  // Of `EACCES: permission denied, access '/x'` the path stands elsewhere already.
  const [text = message] = message.split(", ");
  return text.includes(code) ? text : `${code}: ${text}`;
}

/** The errno and the path of what may not be used; undefined when it may, or is not there. */
function refusal(path: string, mode: number): string | undefined {
  try {
    accessSync(path, mode);
    return undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    let owner = "";
    try {
      owner = ownership(path);
    } catch {
      // Not even this may be known.
    }
    return `${path} cannot be opened for writing: ${reason(error)}${owner}`;
  }
}

/**
 * What the operating system has against the use of a database. SQLite tells neither errno nor which of its files it is; and
 * what may not be opened is not damaged. Makes the directory where it is missing and changes nothing else.
 */
function accessDefect(path: string): string | undefined {
  const directory = dirname(path);
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
  } catch (error) {
    return `the directory ${directory} cannot be made for ${path}: ${reason(error)}`;
  }
  const { R_OK, W_OK, X_OK } = constants;
  // Its logs come and go beside a database.
  const ofDirectory = refusal(directory, R_OK | W_OK | X_OK);
  if (ofDirectory !== undefined) return ofDirectory;
  return SIDE_FILES.map((side) => refusal(path + side, R_OK | W_OK)).find((defect) => defect !== undefined);
}

/** @throws DatabaseError that names errno, path and owner of everything that may not be used. */
export function demandAccess(paths: readonly string[]): void {
  const defects = paths.map(accessDefect).filter((defect) => defect !== undefined);
  if (defects.length > 0) throw new DatabaseError([...new Set(defects)].join("; "));
}
