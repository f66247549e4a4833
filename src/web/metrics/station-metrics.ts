import type { Registry } from "prom-client";
import type { ConnectorStatusEnumType } from "../../ocpp/v201/index.ts";
import { importedEnergyWattHours, importedPowerWatts } from "../../station/model/meter-values.ts";
import { counter, histogram, readCounter, readGauge, type Samples, single } from "./definition.ts";
import type { MeasuredStation } from "./source.ts";

const CONNECTOR_STATES: readonly ConnectorStatusEnumType[] = [
  "Available",
  "Occupied",
  "Reserved",
  "Unavailable",
  "Faulted",
];
const JOULES_PER_WATT_HOUR = 3_600;

/** EVSEs and their transactions; the number of series follows from the number of EVSEs. */
export function stationMetrics(registry: Registry, { model, events }: MeasuredStation): void {
  const ofEvses = (value: (evse: (typeof model.evses)[number]) => number | undefined): Samples<"evse"> =>
    model.evses.flatMap((evse) => {
      const found = value(evse);
      return found === undefined ? [] : [[{ evse: evse.evseId }, found] as const];
    });
  readGauge(
    registry,
    {
      name: "ocpp_connector_status",
      help: "Status of a connector as the CSMS knows it, 1 for the one that is.",
      labels: ["evse", "connector", "status"],
    },
    () =>
      model.evses.flatMap(({ evseId, connectors }) =>
        connectors.flatMap(({ connectorId, status: current }) =>
          CONNECTOR_STATES.map(
            (status) => [{ evse: evseId, connector: connectorId, status }, status === current ? 1 : 0] as const,
          ),
        ),
      ),
  );
  readGauge(
    registry,
    { name: "ocpp_evse_ev_connected", help: "Is an EV connected to the EVSE?", labels: ["evse"] },
    () => ofEvses(({ evConnected }) => Number(evConnected)),
  );
  readGauge(
    registry,
    { name: "ocpp_transaction_active", help: "Does a transaction run at the EVSE?", labels: ["evse"] },
    () => ofEvses(({ transaction }) => Number(transaction !== undefined)),
  );
  const started = counter(registry, {
    name: "ocpp_transactions_started_total",
    help: "Transactions that have begun.",
    labels: ["evse"],
  });
  const ended = counter(registry, {
    name: "ocpp_transactions_ended_total",
    help: "Transactions that have ended.",
    labels: ["evse"],
  });
  for (const { evseId: evse } of model.evses) {
    started.inc({ evse }, 0);
    ended.inc({ evse }, 0);
  }
  events.on("transactionStarted", ({ evseId }) => started.inc({ evse: evseId }));
  events.on("transactionEnded", ({ evseId }) => ended.inc({ evse: evseId }));
  const energy = {
    name: "ocpp_evse_energy_imported_joules_total",
    help: "Energy register of the EVSE's meter (1 kWh = 3.6e6 J); absent as long as the meter is silent.",
    labels: ["evse"] as const,
  };
  readCounter(registry, energy, () =>
    ofEvses(({ reading }) => {
      const wattHours = importedEnergyWattHours(reading);
      return wattHours === undefined ? undefined : Math.max(0, wattHours) * JOULES_PER_WATT_HOUR;
    }),
  );
  readGauge(
    registry,
    { name: "ocpp_evse_power_watts", help: "Power that the EVSE draws, as its meter tells.", labels: ["evse"] },
    () => ofEvses(({ reading }) => importedPowerWatts(reading)),
  );
  const security = counter(registry, {
    name: "ocpp_security_events_total",
    help: "Security events, reported to the CSMS or not.",
  });
  events.on("securityEvent", () => security.inc());
}

/** What the station stands on: EVerest's broker, the database. */
export function surroundingsMetrics(registry: Registry, { bus, core }: MeasuredStation): void {
  readGauge(registry, { name: "ocpp_mqtt_connected", help: "Is EVerest's broker connected?" }, () =>
    single(Number(bus().isConnected)),
  );
  readGauge(registry, { name: "ocpp_mqtt_waiting_messages", help: "Messages that wait for EVerest's broker." }, () =>
    single(bus().waiting),
  );
  readCounter(
    registry,
    { name: "ocpp_mqtt_connection_losses_total", help: "Connections to EVerest's broker that were lost." },
    () => single(bus().losses),
  );
  readCounter(
    registry,
    { name: "ocpp_mqtt_messages_dropped_total", help: "Messages for EVerest that nobody got." },
    () => single(bus().dropped),
  );
  const transactions = {
    name: "ocpp_database_transaction_duration_seconds",
    help: "Time of a transaction of the core database, its commit to the disk included.",
    labels: ["durability"] as const,
  };
  const durations = histogram(registry, transactions, [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1]);
  const rollbacks = counter(registry, {
    name: "ocpp_database_rollbacks_total",
    help: "Transactions of the core database that were rolled back, e.g. for a full disk.",
  });
  core.watchCommits((durability, isCommitted, milliseconds) => {
    if (isCommitted) durations.observe({ durability }, milliseconds / 1000);
    else rollbacks.inc();
  });
}
