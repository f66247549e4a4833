import type { FC } from "hono/jsx";
import type { CertificateFacts, ConnectionEvent, NetworkProfileFacts, StationOverview } from "../source.ts";
import { Badge, Card, cellsOf, counted, duration, Facts, Moment, Row, Table, type Tone } from "./parts.tsx";
import { connectionWords, registrationWords, securityProfileWords } from "./words.ts";

const SOON_DAYS = 30;
const DAY_MILLISECONDS = 86_400_000;

const Trouble: FC<{ readonly event: ConnectionEvent }> = ({ event }) => (
  <div class="trouble">
    <p>
      <strong>{event.kind === "lost" ? "Last loss" : "Last failure"}</strong> <Moment at={event.at} />: {event.text}
    </p>
    {event.advice !== undefined && (
      <p>
        <strong>What to do:</strong> {event.advice}
      </p>
    )}
  </div>
);

export const ConnectionPanel: FC<{ readonly overview: StationOverview }> = ({ overview }) => {
  const { connection, registration, heartbeatIntervalSeconds, profiles } = overview;
  const { state, since, url, slot, attempts, connections, lastFailure, lastLoss } = connection;
  const words = connectionWords(state);
  const registered = registrationWords(registration);
  const profile = profiles.find(({ isActive }) => isActive);
  return (
    <>
      <Facts
        facts={[
          [
            "State",
            <>
              <Badge tone={words.tone}>{words.text}</Badge>
              {since !== undefined && (
                <>
                  {" since "}
                  <Moment at={since} />
                </>
              )}
            </>,
          ],
          ["Registration", <Badge tone={registered.tone}>{registered.text}</Badge>],
          ["CSMS", url === undefined ? undefined : <code>{url}</code>],
          ["Network profile", slot === undefined ? undefined : `slot ${slot}`],
          ["Security profile", profile && securityProfileWords(profile.securityProfile)],
          [
            "Heartbeat",
            heartbeatIntervalSeconds ? `every ${duration(heartbeatIntervalSeconds)} without other messages` : "none",
          ],
          ["Since the start", `${counted(connections, "connection")}, ${counted(attempts, "attempt")}`],
        ]}
      />
      {state !== "connected" && lastFailure !== undefined && <Trouble event={lastFailure} />}
      {lastLoss !== undefined &&
        (state === "connected" || lastFailure === undefined || lastFailure.at < lastLoss.at) && (
          <Trouble event={lastLoss} />
        )}
    </>
  );
};

export const StationPanel: FC<{ readonly overview: StationOverview }> = ({ overview }) => (
  <Facts
    facts={[
      ["Identity", overview.identity],
      ["Vendor", overview.vendor],
      ["Model", overview.model],
      ["Serial number", overview.serialNumber],
      ["Firmware", overview.firmwareVersion],
      ["This program", `everest-ocpp201 ${overview.programVersion}`],
      [
        "Started",
        <>
          <Moment at={overview.startedAt} /> ({overview.bootReason})
        </>,
      ],
      ["Busy with", overview.hindrances.length === 0 ? "nothing" : overview.hindrances.join("; ")],
    ]}
  />
);

const EVENT_WORDS: Readonly<Record<ConnectionEvent["kind"], readonly [Tone, string]>> = {
  connected: ["good", "Connected"],
  lost: ["warn", "Lost"],
  failed: ["bad", "Failed"],
};

export const History: FC<{ readonly events: readonly ConnectionEvent[] }> = ({ events }) => {
  const columns = ["When", "What", "Why"];
  return (
    <Table
      label="History of the connection"
      columns={columns}
      empty="Nothing has happened yet."
      rows={events.map(({ at, kind, text }) => {
        const [tone, word] = EVENT_WORDS[kind];
        return <Row cells={cellsOf(columns, [<Moment at={at} />, <Badge tone={tone}>{word}</Badge>, text])} />;
      })}
    />
  );
};

const Profiles: FC<{ readonly profiles: readonly NetworkProfileFacts[] }> = ({ profiles }) => {
  const columns = ["Slot", "CSMS", "Security profile", "Interface"];
  return (
    <Table
      label="Network profiles"
      columns={columns}
      empty="No slot holds a profile that can be used."
      rows={profiles.map(({ slot, url, securityProfile, ocppInterface, isActive }) => (
        <Row
          cells={cellsOf(columns, [
            isActive ? <strong>{`${slot} (in use)`}</strong> : String(slot),
            <code>{url}</code>,
            securityProfileWords(securityProfile),
            ocppInterface,
          ])}
        />
      ))}
    />
  );
};

function validity({ validFrom, validTo }: CertificateFacts, now: Date) {
  const days = Math.floor((validTo.getTime() - now.getTime()) / DAY_MILLISECONDS);
  if (validFrom > now) return <Badge tone="bad">not valid yet</Badge>;
  if (days < 0) return <Badge tone="bad">expired</Badge>;
  return <Badge tone={days < SOON_DAYS ? "warn" : "good"}>{`${counted(days, "day")} left`}</Badge>;
}

const Certificates: FC<{ readonly certificates: readonly CertificateFacts[]; readonly now: Date }> = ({
  certificates,
  now,
}) => {
  const columns = ["Whose", "Name", "Valid until", "Left"];
  return (
    <Table
      label="Certificates"
      columns={columns}
      empty="EVerest names no certificate for the connection to the CSMS."
      rows={certificates.map((certificate) => (
        <Row
          cells={cellsOf(columns, [
            certificate.use,
            certificate.name,
            <Moment at={certificate.validTo} />,
            validity(certificate, now),
          ])}
        />
      ))}
    />
  );
};

const Actions: FC<{ readonly isTrusted: boolean; readonly hasToken: boolean }> = ({ isTrusted, hasToken }) => {
  if (!hasToken)
    return (
      <p>
        Nothing can be asked for: the program was started without a token (<code>--http-token-file</code>).
      </p>
    );
  if (!isTrusted)
    return (
      <p>
        <a href="/login">Log in</a> to reconnect or to send a Heartbeat.
      </p>
    );
  return (
    <div class="actions">
      <form method="post" action="/actions/heartbeat">
        <button type="submit">Send a Heartbeat</button>
      </form>
      <form method="post" action="/actions/reconnect">
        <button type="submit">Reconnect now</button>
      </form>
    </div>
  );
};

/** What changes while one looks at it, by the name of its place. */
export const stationFragments = (overview: StationOverview) => ({
  connection: <ConnectionPanel overview={overview} />,
  station: <StationPanel overview={overview} />,
  history: <History events={overview.connection.history} />,
});

export const StationPage: FC<{
  readonly overview: StationOverview;
  readonly certificates: readonly CertificateFacts[];
  readonly now: Date;
  readonly isTrusted: boolean;
  readonly hasToken: boolean;
}> = ({ overview, certificates, now, isTrusted, hasToken }) => {
  const { connection, station, history } = stationFragments(overview);
  return (
    <div class="cards">
      <Card title="Connection">
        <div data-live="connection">{connection}</div>
        <Actions isTrusted={isTrusted} hasToken={hasToken} />
      </Card>
      <Card title="This station">
        <div data-live="station">{station}</div>
      </Card>
      <Card title="History of the connection" wide>
        <div data-live="history">{history}</div>
      </Card>
      <Card title="Network profiles" wide>
        <Profiles profiles={overview.profiles} />
      </Card>
      <Card title="Certificates" wide>
        <Certificates certificates={certificates} now={now} />
      </Card>
    </div>
  );
};
