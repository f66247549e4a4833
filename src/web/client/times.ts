/** Times in the browser's zone; the pointer, and who reads the page aloud, get UTC as well. */

const TIME: Intl.DateTimeFormatOptions = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
const TIME_ONLY = new Intl.DateTimeFormat(undefined, TIME);
const WITH_DATE = new Intl.DateTimeFormat(undefined, { year: "numeric", month: "2-digit", day: "2-digit", ...TIME });

/** Of today the time alone. */
function localTime(at: Date): string {
  const isToday = at.toDateString() === new Date().toDateString();
  return (isToday ? TIME_ONLY : WITH_DATE).format(at);
}

export function localizeTimes(within: ParentNode): void {
  for (const element of within.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = `${element.dateTime.slice(0, 23).replace("T", " ").replace("Z", "")} UTC`;
    element.textContent = localTime(at);
    element.removeAttribute("data-local");
  }
}
