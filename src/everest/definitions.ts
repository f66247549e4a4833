import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../lib/clock.ts";
import { parseJson } from "../lib/json-text.ts";
import type { Channel, MessageHandler } from "./channel.ts";
import { DIALECTS, type Dialect, RESPONSE_TYPE } from "./envelope.ts";

/** What the manager distributes lies there before a module is started; so long it may take to arrive. */
const WAIT_MILLISECONDS = 5_000;

const Enveloped = v.object({ msg_type: v.string(), data: v.unknown() });
const Members = v.nullish(v.record(v.string(), v.unknown()), {});
const InterfaceDefinition = v.object({ cmds: Members, vars: Members });
type InterfaceDefinition = v.InferOutput<typeof InterfaceDefinition>;
const InterfaceNames = v.array(v.string());
const Settings = v.looseObject({ data_dir: v.string() });
const ModuleNames = v.record(v.string(), v.string());

/** What a retained message of the manager looks like. */
export type Form =
  | { readonly kind: "enveloped"; readonly dialect: Dialect }
  | { readonly kind: "raw" }
  /** With the word that nobody knows, if it has one. */
  | { readonly kind: "unknown"; readonly word?: string };

function formOf(word: string): Form {
  const dialect = DIALECTS.find((one) => RESPONSE_TYPE[one] === word);
  return dialect === undefined ? { kind: "unknown", word } : { kind: "enveloped", dialect };
}

function formOfRaw(isReadable: boolean): Form {
  return { kind: isReadable ? "raw" : "unknown" };
}

function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/**
 * What the manager distributes with its retained messages (PROTOCOL 7.3), in whatever form it does; nothing is sent for
 * it. Where it does not say what an interface has, the installed files do.
 */
export class Definitions {
  /** Module types by module id. */
  readonly moduleNames = new Map<string, string>();
  /** How the messages that show the generation look, by topic. */
  readonly forms = new Map<string, Form>();
  /** Topics that managers up to framework 0.19 have and no other. */
  isTooOld = false;
  private dataDirectory: string | undefined;
  private interfaces: readonly string[] | undefined;
  private readonly definitions = new Map<string, InterfaceDefinition | undefined>();
  private arrived: () => void = () => {};

  constructor(
    private readonly everestPrefix: string,
    private readonly installPrefix: string,
    /** Interfaces of which the definition is worth waiting for. */
    private readonly wanted: readonly string[],
  ) {}

  /** EVerest's shared data. */
  get directory(): string {
    return this.dataDirectory ?? join(this.installPrefix, "share/everest");
  }

  get topics(): readonly string[] {
    return [`${this.everestPrefix}interfaces`, `${this.everestPrefix}settings`];
  }

  /** Resolves when everything is there, at the latest after `milliseconds`. */
  async receive(channel: Channel, clock: Clock, milliseconds = WAIT_MILLISECONDS): Promise<void> {
    const complete = new Promise<void>((resolve) => {
      this.arrived = () => {
        if (this.isComplete()) resolve();
      };
    });
    await channel.subscribe(this.subscriptions());
    await new Promise<void>((resolve) => {
      const timer = clock.after(milliseconds, resolve);
      void complete.then(() => {
        timer.cancel();
        resolve();
      });
    });
    await this.readInstalled();
  }

  /** Has the interface this member? Undefined when nobody says what the interface is. */
  offers(interfaceName: string, kind: "cmds" | "vars", member: string): boolean | undefined {
    const definition = this.definitions.get(interfaceName);
    return definition === undefined ? undefined : definition[kind]?.[member] !== undefined;
  }

  hasTypes(file: string): boolean {
    return existsSync(join(this.directory, "types", `${file}.yaml`));
  }

  private subscriptions(): ReadonlyMap<string, MessageHandler> {
    const [interfaces = "", settings = ""] = this.topics;
    const take =
      <Schema extends v.GenericSchema>(schema: Schema, keep: (content: v.InferOutput<Schema>) => void) =>
      (text: string, topic: string): void => {
        const content = this.open(text, topic, schema);
        if (content !== undefined) keep(content);
        this.arrived();
      };
    return new Map<string, MessageHandler>([
      [interfaces, take(InterfaceNames, (names) => (this.interfaces = names))],
      [settings, take(Settings, ({ data_dir }) => (this.dataDirectory = data_dir))],
      [
        `${this.everestPrefix}module_names`,
        take(ModuleNames, (names) => {
          for (const [id, name] of Object.entries(names)) this.moduleNames.set(id, name);
        }),
      ],
      [
        `${this.everestPrefix}module_provides`,
        () => {
          this.isTooOld = true;
          this.arrived();
        },
      ],
      ...this.wanted.map((name): [string, MessageHandler] => [
        `${this.everestPrefix}interface_definitions/${name}`,
        take(InterfaceDefinition, (definition) => this.definitions.set(name, definition)),
      ]),
    ]);
  }

  private open<Schema extends v.GenericSchema>(
    text: string,
    topic: string,
    schema: Schema,
  ): v.InferOutput<Schema> | undefined {
    const payload = parse(text);
    const enveloped = v.safeParse(Enveloped, payload);
    const content = v.safeParse(schema, enveloped.success ? enveloped.output.data : payload);
    if (this.topics.includes(topic))
      this.forms.set(topic, enveloped.success ? formOf(enveloped.output.msg_type) : formOfRaw(content.success));
    return content.success ? (content.output as v.InferOutput<Schema>) : undefined;
  }

  private isComplete(): boolean {
    if (this.isTooOld || [...this.forms.values()].some(({ kind }) => kind === "unknown")) return true;
    const expected = this.wanted.filter((name) => this.interfaces?.includes(name));
    return this.forms.size === this.topics.length && expected.every((name) => this.definitions.has(name));
  }

  private async readInstalled(): Promise<void> {
    const isExpected = (name: string): boolean => this.interfaces?.includes(name) ?? true;
    const missing = this.wanted.filter((name) => isExpected(name) && !this.definitions.has(name));
    const files = missing
      .map((name) => ({ name, path: join(this.directory, "interfaces", `${name}.yaml`) }))
      .filter(({ path }) => existsSync(path));
    if (files.length === 0) return;
    // Loaded on demand: with a manager around there is no YAML to be read.
    const { parseLocatedYaml } = await import("../lib/located-yaml.ts");
    for (const { name, path } of files) {
      const parsed = v.safeParse(InterfaceDefinition, parseLocatedYaml(readFileSync(path, "utf8")).value);
      if (parsed.success) this.definitions.set(name, parsed.output);
    }
  }
}
