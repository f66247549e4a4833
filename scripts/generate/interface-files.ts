/**
 * EVerest's interface files of one generation, or of two laid over one another: what either has is known, a member is
 * required only where both require it.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";

export interface Schema {
  readonly type?: string | readonly string[];
  readonly $ref?: string;
  readonly enum?: readonly string[];
  /** Where the generations differ: the words by position as the older one counts them; the newer sends names only. */
  readonly positions?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
}
export interface Command {
  readonly arguments?: Readonly<Record<string, Schema>>;
  readonly result?: Schema;
}
export interface InterfaceFile {
  readonly cmds?: Readonly<Record<string, Command>>;
  readonly vars?: Readonly<Record<string, Schema>>;
  readonly errors?: readonly { reference: string }[];
}

export interface InterfaceFiles {
  interface(name: string): InterfaceFile | undefined;
  /** `/authorization#/IdToken` */
  type(ref: string): Schema | undefined;
  /** Error types that an entry of `errors` stands for, e.g. `generic/VendorError`. */
  errors(file: InterfaceFile): readonly string[];
}

/** The files as EVerest installs them. */
export class Generation implements InterfaceFiles {
  private readonly types = new Map<string, Readonly<Record<string, Schema>>>();

  constructor(private readonly directory: string) {}

  private read<Content>(path: string): Content | undefined {
    const file = join(this.directory, path);
    return existsSync(file) ? (parse(readFileSync(file, "utf8")) as Content) : undefined;
  }

  interface(name: string): InterfaceFile | undefined {
    return this.read<InterfaceFile>(`interfaces/${name}.yaml`);
  }

  type(ref: string): Schema | undefined {
    const [file = "", name = ""] = ref.replace(/^\//, "").split("#/");
    const types = this.types.get(file) ?? this.read<{ types: Record<string, Schema> }>(`types/${file}.yaml`)?.types;
    this.types.set(file, types ?? {});
    return types?.[name];
  }

  errors({ errors = [] }: InterfaceFile): readonly string[] {
    return errors.flatMap(({ reference }) => {
      const [path = "", only] = reference.split("#/");
      const name = path.replace(/^\/errors\//, "");
      return (this.read<{ errors: { name: string }[] }>(`errors/${name}.yaml`)?.errors ?? [])
        .filter((error) => only === undefined || error.name === only)
        .map((error) => `${name}/${error.name}`);
    });
  }
}

export class TwoGenerations implements InterfaceFiles {
  constructor(
    private readonly newer: Generation,
    private readonly older: Generation,
  ) {}

  interface(name: string): InterfaceFile | undefined {
    const [newer, older] = [this.newer.interface(name), this.older.interface(name)];
    if (newer === undefined || older === undefined) return newer ?? older;
    return {
      cmds: merged(newer.cmds, older.cmds, (one, other) => this.command(one, other)),
      vars: merged(newer.vars, older.vars, (one, other) => this.schema(one, other)),
      errors: [...(newer.errors ?? []), ...(older.errors ?? [])],
    };
  }

  type(ref: string): Schema | undefined {
    const [newer, older] = [this.newer.type(ref), this.older.type(ref)];
    return newer === undefined || older === undefined ? (newer ?? older) : this.schema(newer, older);
  }

  errors(file: InterfaceFile): readonly string[] {
    return [...new Set([...this.newer.errors(file), ...this.older.errors(file)])];
  }

  private command(newer: Command, older: Command): Command {
    return {
      arguments: merged(newer.arguments, older.arguments, (one, other) => this.schema(one, other)),
      ...(newer.result !== undefined && {
        result: older.result === undefined ? newer.result : this.schema(newer.result, older.result),
      }),
    };
  }

  private schema(newer: Schema, older: Schema): Schema {
    const words = union(newer.enum, older.enum);
    const items = newer.items ?? older.items;
    const positions = this.words(this.older, older.items);
    return {
      ...newer,
      ...(words !== undefined && { enum: words, positions: older.enum ?? words }),
      ...(items !== undefined && { items: { ...items, ...(positions !== undefined && { positions }) } }),
      ...(newer.properties !== undefined && {
        properties: merged(newer.properties, older.properties, (one, other) => this.schema(one, other)),
        required: (newer.required ?? []).filter((key) => older.required?.includes(key)),
      }),
    };
  }

  private words(generation: Generation, schema: Schema | undefined): readonly string[] | undefined {
    if (schema?.$ref === undefined) return schema?.enum;
    return this.words(generation, generation.type(schema.$ref));
  }
}

function union(newer: readonly string[] | undefined, older: readonly string[] | undefined) {
  return newer === undefined ? older : [...new Set([...newer, ...(older ?? [])])];
}

function merged<Value>(
  newer: Readonly<Record<string, Value>> = {},
  older: Readonly<Record<string, Value>> = {},
  merge: (newer: Value, older: Value) => Value,
): Readonly<Record<string, Value>> {
  const both = Object.entries(newer).map(([key, value]) => {
    const other = older[key];
    return [key, other === undefined ? value : merge(value, other)] as const;
  });
  return { ...older, ...Object.fromEntries(both) };
}
