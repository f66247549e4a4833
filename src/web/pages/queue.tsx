import type { FC } from "hono/jsx";
import type { QueuedFacts, QueueFacts } from "../source.ts";
import { Badge, Card, cellsOf, Facts, Moment, Row, Table } from "./parts.tsx";

const COLUMNS = ["Created", "Queue", "Message", "Event", "Attempts", "Transaction"];

const momentOf = (text: string) => {
  const at = new Date(text);
  return Number.isNaN(at.getTime()) ? text : <Moment at={at} />;
};

const rowsOf = (messages: readonly QueuedFacts[]) =>
  messages.map(({ created, queue, action, event, attempts, transactionId }) => (
    <Row
      cells={cellsOf(COLUMNS, [
        momentOf(created),
        queue,
        action,
        event,
        String(attempts),
        transactionId === "" ? "" : <code>{transactionId}</code>,
      ])}
    />
  ));

const QueuePanel: FC<{ readonly queue: QueueFacts }> = ({ queue }) => {
  const { durable, normal, limit, waiting, dropped } = queue;
  const [oldest] = waiting;
  const isLong = durable > limit / 2;
  return (
    <Facts
      facts={[
        ["Kept until answered", <Badge tone={isLong ? "warn" : "good"}>{`${durable} of ${limit}`}</Badge>],
        ["Others, kept while offline", String(normal)],
        ["Oldest", oldest && momentOf(oldest.created)],
        [
          "Dropped since the start",
          dropped.size === 0 ? (
            "none"
          ) : (
            <Badge tone="bad">{[...dropped].map(([action, count]) => `${count} ${action}`).join(", ")}</Badge>
          ),
        ],
      ]}
    />
  );
};

export const queueFragments = (queue: QueueFacts) => ({
  queue: <QueuePanel queue={queue} />,
  waiting: (
    <Table
      label="Messages that wait"
      columns={COLUMNS}
      empty="Nothing waits: the CSMS has everything."
      rows={rowsOf(queue.waiting)}
    />
  ),
});

export const QueuePage: FC<{ readonly queue: QueueFacts }> = ({ queue }) => {
  const fragments = queueFragments(queue);
  return (
    <div class="cards">
      <Card title="At a glance" wide>
        <div data-live="queue">{fragments.queue}</div>
      </Card>
      <Card title="What waits, in its order" wide>
        <div data-live="waiting">{fragments.waiting}</div>
      </Card>
      {queue.putAside.length > 0 && (
        <Card title="Put aside: could not be sent" wide>
          <Table label="Messages that were put aside" columns={COLUMNS} empty="" rows={rowsOf(queue.putAside)} />
        </Card>
      )}
    </div>
  );
};
