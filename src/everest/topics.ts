/** What MQTT allows in topics (MQTT 5, 1.5.4 and 4.7): ids from outside become parts of them. */

const LONGEST_TOPIC_BYTES = 65_535;
/** NUL is forbidden; brokers may hang up at the other control characters and at what is no character at all. */
const UNFIT = /[\p{Cc}\p{Noncharacter_Code_Point}]/u;

function isTopicText(text: string): boolean {
  return text !== "" && Buffer.byteLength(text) <= LONGEST_TOPIC_BYTES && text.isWellFormed() && !UNFIT.test(text);
}

/** May a message be published there? */
export function isTopicName(topic: string): boolean {
  return isTopicText(topic) && !/[+#]/.test(topic);
}

/** Is it one level of a topic: a name without separators and wildcards, such as a module id? */
export function isTopicLevel(text: string): boolean {
  return isTopicName(text) && !text.includes("/");
}

/** May it be subscribed? Wildcards stand for whole levels, `#` for the last ones. */
export function isTopicFilter(filter: string): boolean {
  return isTopicText(filter) && /^(?:[^+#/]*|\+)(?:\/(?:[^+#/]*|\+))*(?:\/#)?$|^#$/.test(filter);
}

/** Does a topic match a subscription filter with `+` and `#`? */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (levels[index] === undefined || (level !== "+" && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/** A topic as it may stand in a log. */
export function describeTopic(topic: string): string {
  return isTopicText(topic) && topic.length <= 200 ? topic : JSON.stringify(topic.slice(0, 100));
}
