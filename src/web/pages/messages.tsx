import type { FC } from "hono/jsx";
import type { MessageFacts, Numbered } from "../source.ts";
import { Card, cellsOf, Moment, Table } from "./parts.tsx";

const COLUMNS = ["When", "Direction", "Message", "Round trip", "Content"];

export interface MessageFilter {
  readonly action: string;
  readonly direction: string;
}

export function passes({ action, direction }: MessageFilter, message: MessageFacts): boolean {
  return (action === "" || message.action === action) && (direction === "" || message.direction === direction);
}

/** One message; its whole text is fetched when somebody opens it. */
export const MessageRow: FC<{ readonly message: MessageFacts & Numbered }> = ({ message }) => {
  const { number, at, direction, name, action, summary, characters, roundTripMilliseconds } = message;
  const isError = name === "CALLERROR";
  const cells = cellsOf(COLUMNS, [
    <Moment at={at} />,
    <span class="nowrap">{direction === "sent" ? "→ to CSMS" : "← from CSMS"}</span>,
    isError ? <strong class="error">{`✕ CALLERROR ${action}`}</strong> : name,
    roundTripMilliseconds === undefined ? "" : <span class="nowrap">{`${roundTripMilliseconds.toFixed(0)} ms`}</span>,
    <details class="text" data-load={`/messages/${number}`}>
      <summary>{summary === "" ? `${characters} characters` : summary}</summary>
      <pre>
        <a href={`/messages/${number}`}>The whole text</a>
      </pre>
    </details>,
  ]);
  return (
    <tr data-action={action} data-direction={direction}>
      {cells.map(([label, value]) => (
        <td data-label={label}>{value}</td>
      ))}
    </tr>
  );
};

export const MessagesPage: FC<{
  readonly messages: readonly (MessageFacts & Numbered)[];
  readonly filter: MessageFilter;
}> = ({ messages, filter }) => {
  const actions = [...new Set([...messages.map(({ action }) => action), filter.action])].filter(Boolean).sort();
  const shown = messages.filter((message) => passes(filter, message)).toReversed();
  return (
    <Card title="The last messages, newest first" wide>
      <form method="get" class="filter" data-filter="results">
        <label>
          Action{" "}
          <select name="action">
            <option value="">all</option>
            {actions.map((action) => (
              <option value={action} selected={action === filter.action}>
                {action}
              </option>
            ))}
          </select>
        </label>
        <label>
          Direction{" "}
          <select name="direction">
            <option value="">both</option>
            <option value="sent" selected={filter.direction === "sent"}>
              to the CSMS
            </option>
            <option value="received" selected={filter.direction === "received"}>
              from the CSMS
            </option>
          </select>
        </label>
        <button type="submit">Show</button>
      </form>
      <p class="hint">
        Passwords and keys are not shown, of tokens only the end. Of the last 500 messages those that match are shown.
      </p>
      <div id="results">
        <Table
          id="rows"
          label="Messages"
          columns={COLUMNS}
          empty="No message that matches yet."
          rows={shown.map((message) => <MessageRow message={message} />)}
        />
      </div>
    </Card>
  );
};
