import type { FC } from "hono/jsx";
import type { VariableFacts } from "../source.ts";
import { Card, cellsOf, Row, Table } from "./parts.tsx";

const COLUMNS = ["Component", "EVSE", "Variable", "Value", "What may be set", "Access", "Set by"];
const SHOWN_LIMIT = 200;

const ACCESS: Readonly<Record<string, string>> = {
  ReadOnly: "read only",
  WriteOnly: "write only",
  ReadWrite: "read and write",
};
const WRITERS: Readonly<Record<string, string>> = { csms: "the CSMS", internal: "this station", default: "default" };

/** Every word must stand somewhere. */
export function matches(variable: VariableFacts, search: string): boolean {
  const text = `${variable.component}.${variable.variable} ${variable.component} ${variable.value} ${variable.source}`;
  const found = text.toLowerCase();
  return search
    .toLowerCase()
    .split(/\s+/)
    .every((word) => found.includes(word));
}

function row(variable: VariableFacts) {
  const { component, evse, attribute, value, unit, limits, mutability, source } = variable;
  return (
    <Row
      cells={cellsOf(COLUMNS, [
        component,
        evse,
        <span class="long">{attribute === "Actual" ? variable.variable : `${variable.variable} (${attribute})`}</span>,
        value === "" ? <span class="empty">no value</span> : <code>{`${value}${unit === "" ? "" : ` ${unit}`}`}</code>,
        <span class="long">{limits}</span>,
        <span class="nowrap">{ACCESS[mutability] ?? mutability}</span>,
        WRITERS[source.toLowerCase()] ?? source,
      ])}
    />
  );
}

export const VariablesPage: FC<{ readonly variables: Iterable<VariableFacts>; readonly search: string }> = ({
  variables,
  search,
}) => {
  const found = [...variables].filter((variable) => matches(variable, search));
  return (
    <Card title="The device model" wide>
      <search>
        <form method="get" class="filter" data-filter="results">
          <label>
            Words of component, variable, value or writer{" "}
            <input type="search" name="search" value={search} maxlength={100} />
          </label>
          <button type="submit">Search</button>
        </form>
      </search>
      <div id="results">
        <p class="hint" role="status">
          {found.length > SHOWN_LIMIT
            ? `The first ${SHOWN_LIMIT} of ${found.length}: search for fewer`
            : `${found.length} found`}
        </p>
        <Table
          label="Variables"
          columns={COLUMNS}
          empty="Nothing matches."
          rows={found.slice(0, SHOWN_LIMIT).map(row)}
        />
      </div>
    </Card>
  );
};
