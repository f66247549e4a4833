/** Times in the browser's zone; the pointer, and who reads the page aloud, get UTC as well. */

const FORMAT = new Intl.DateTimeFormat(undefined, {
  year: "numeric",
  month: "2-digit",
  day: "2-digit",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});

export function localizeTimes(within: ParentNode): void {
  for (const element of within.querySelectorAll<HTMLTimeElement>("time[data-local]")) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(at.getTime())) continue;
    element.title = `${element.dateTime.slice(0, 23).replace("T", " ").replace("Z", "")} UTC`;
    element.textContent = FORMAT.format(at);
    element.removeAttribute("data-local");
  }
}
