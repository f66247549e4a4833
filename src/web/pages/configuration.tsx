import type { FC } from "hono/jsx";
import type { ConfigurationFacts } from "../source.ts";
import { Card, cellsOf, Row, Table } from "./parts.tsx";

const COLUMNS = ["Setting", "Value", "From", "Can be set by"];
const ORIGINS: Readonly<Record<ConfigurationFacts["origin"], string>> = {
  flag: "command line",
  environment: "environment",
  EVerest: "EVerest",
  default: "default",
};

export const ConfigurationPage: FC<{ readonly settings: readonly ConfigurationFacts[] }> = ({ settings }) => (
  <Card title="What counts in this run, and where it comes from" wide>
    <p class="hint">
      The command line counts before the environment, and both before EVerest's configuration. Variables of the device
      model are on a <a href="/variables">page of their own</a>.
    </p>
    <Table
      label="Configuration"
      columns={COLUMNS}
      empty=""
      rows={settings.map(({ name, value, origin, settable }) => (
        <Row
          cells={cellsOf(COLUMNS, [
            name,
            value === "" ? <span class="empty">empty</span> : <code>{value}</code>,
            origin === "default" ? ORIGINS[origin] : <strong>{ORIGINS[origin]}</strong>,
            <code class="settable">{settable}</code>,
          ])}
        />
      ))}
    />
  </Card>
);
