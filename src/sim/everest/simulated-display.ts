/** A message as the interface display_message has it. */
export interface ShownMessage {
  readonly id: number;
  readonly priority: string;
  readonly state?: string;
  readonly timestamp_from?: string;
  readonly timestamp_to?: string;
  readonly identifier_id?: string;
  readonly identifier_type?: string;
  readonly message: { readonly content: string; readonly format: string; readonly language?: string };
}

type Args = Readonly<Record<string, unknown>>;

/** A module with a display: takes every message and keeps it until it is cleared. */
export class SimulatedDisplay {
  readonly messages = new Map<number, ShownMessage>();

  onChange: (messages: readonly ShownMessage[]) => void = () => {};

  readonly commands: Readonly<Record<string, (args: Args) => unknown>> = {
    set_display_message: ({ request }) => {
      for (const message of request as readonly ShownMessage[]) this.messages.set(message.id, message);
      this.onChange([...this.messages.values()]);
      return { status: "Accepted" };
    },
    get_display_messages: () => ({ messages: [...this.messages.values()] }),
    clear_display_message: ({ request }) => {
      if (!this.messages.delete((request as { id: number }).id)) return { status: "Unknown" };
      this.onChange([...this.messages.values()]);
      return { status: "Accepted" };
    },
  };
}
