import type { FC } from "hono/jsx";
import type { EvseFacts, ScheduleFacts } from "../source.ts";
import { amount, Badge, Card, cellsOf, Facts, Moment, Row, Table } from "./parts.tsx";
import { connectorTone } from "./words.ts";

/** More steps are drawn, but not listed. */
const LISTED_PERIODS = 24;

function sessionWords({ transaction, evConnected, authorized, energyFlows }: EvseFacts): string {
  if (transaction !== undefined) return energyFlows ? "charging" : "transaction without energy";
  if (evConnected) return authorized ? "EV connected, authorized" : "EV connected, waits for a token";
  return authorized ? "authorized, waits for an EV" : "none";
}

export const EvsePanel: FC<{ readonly evse: EvseFacts }> = ({ evse }) => {
  const { connectors, transaction, reading } = evse;
  return (
    <Facts
      facts={[
        [
          connectors.length === 1 ? "Connector" : "Connectors",
          <span class="badges">
            {connectors.map(({ connectorId, status }) => (
              <Badge tone={connectorTone(status)}>
                {connectors.length === 1 ? status : `${connectorId}: ${status}`}
              </Badge>
            ))}
          </span>,
        ],
        ["Session", sessionWords(evse)],
        ["Transaction", transaction && <code>{transaction.transactionId}</code>],
        ["Since", transaction?.since && <Moment at={transaction.since} />],
        ["Token", transaction?.token],
        ["Charged", amount(transaction?.wattHours, "Wh", "kWh")],
        ["Power", amount(reading?.watts, "W", "kW")],
        ["Current", amount(reading?.amperes, "A")],
        ["Voltage", amount(reading?.volts, "V")],
        ["Meter", amount(reading?.wattHours, "Wh", "kWh")],
        ["Battery of the EV", amount(reading?.stateOfChargePercent, "%")],
      ]}
    />
  );
};

function periodRows({ start, unit, periods }: ScheduleFacts) {
  const columns = ["From", "Limit"];
  return periods
    .slice(0, LISTED_PERIODS)
    .map(({ startSeconds, limit }) => (
      <Row
        cells={cellsOf(columns, [
          startSeconds === 0 ? "now" : <Moment at={new Date(start.getTime() + startSeconds * 1000)} />,
          `${limit} ${unit}`,
        ])}
      />
    ));
}

/** Limits in words, for those who cannot see the chart. */
export const SchedulePanel: FC<{ readonly schedule: ScheduleFacts }> = ({ schedule }) => {
  const { periods, unit } = schedule;
  const [now] = periods;
  return (
    <>
      <p class="limit">
        {now === undefined ? "No limit is known." : `Limit now: ${now.limit} ${unit}`}
        {periods.length > 1 ? `, then ${periods.length - 1} more steps in 24 h` : now && ", unchanged in the next 24 h"}
      </p>
      {periods.length > 1 && (
        <details>
          <summary>The steps as a table</summary>
          <Table label="Limits" columns={["From", "Limit"]} empty="" rows={periodRows(schedule)} />
        </details>
      )}
    </>
  );
};

const placeOf = (evseId: number): string => (evseId === 0 ? "the whole station" : `EVSE ${evseId}`);

const ScheduleChart: FC<{ readonly evseId: number; readonly schedule: ScheduleFacts }> = ({ evseId, schedule }) => (
  <div class="schedule">
    <h3>Limit of the next 24 hours</h3>
    <div class="plot" data-schedule={evseId} role="img" aria-label={`Limit of ${placeOf(evseId)} over time`} />
    <div data-live={`schedule-${evseId}`}>
      <SchedulePanel schedule={schedule} />
    </div>
  </div>
);

/** What changes every second, by the name of its place. */
export const evseFragments = (evses: readonly EvseFacts[]) =>
  Object.fromEntries(evses.map((evse) => [`evse-${evse.evseId}`, <EvsePanel evse={evse} />]));

/** What changes now and then: nothing that somebody may have opened is replaced without need. */
export const scheduleFragments = (schedules: readonly ScheduleFacts[]) =>
  Object.fromEntries(
    schedules.map((schedule) => [`schedule-${schedule.evseId}`, <SchedulePanel schedule={schedule} />]),
  );

export const EvsesPage: FC<{
  readonly evses: readonly EvseFacts[];
  readonly schedules: readonly ScheduleFacts[];
}> = ({ evses, schedules }) => {
  const scheduleOf = (evseId: number) => schedules.find((schedule) => schedule.evseId === evseId);
  const ofStation = scheduleOf(0);
  return (
    <div class="cards evses">
      {evses.map((evse) => {
        const { evseId } = evse;
        const schedule = scheduleOf(evseId);
        return (
          <Card title={`EVSE ${evseId}`}>
            <div data-live={`evse-${evseId}`}>
              <EvsePanel evse={evse} />
            </div>
            <h3>Power and energy</h3>
            <div
              class="plot"
              data-meter={evseId}
              role="img"
              aria-label={`Power and energy of EVSE ${evseId} in the last ten minutes`}
            />
            {schedule !== undefined && <ScheduleChart evseId={evseId} schedule={schedule} />}
          </Card>
        );
      })}
      {ofStation !== undefined && (
        <Card title="Whole station">
          <ScheduleChart evseId={0} schedule={ofStation} />
        </Card>
      )}
    </div>
  );
};
