/** Times of the market's day as the timeline writes them: in New York. */

const PARTS = new Intl.DateTimeFormat("en-CA", {
  timeZone: "America/New_York", hourCycle: "h23",
  year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit",
}); // prettier-ignore
const DAY = new Intl.DateTimeFormat("en-GB", { timeZone: "America/New_York", weekday: "short", day: "numeric", month: "short", year: "numeric" });

/** A moment as links have it: 2026-11-27T09:31:07. @param {number} time epoch ms */
export function stamp(time) {
  const parts = Object.fromEntries(PARTS.formatToParts(time).map(({ type, value }) => [type, value]));
  return `${parts.year}-${parts.month}-${parts.day}T${parts.hour}:${parts.minute}:${parts.second}`;
}

/** The day of a moment, for people. */
export function day(time) {
  return DAY.format(time);
}

/** The list and the moment that an address names; `moment` is "" when it names none.
 * @param {string} hash  of the address, such as #gappers_up@2026-11-27T09:31:07 */
export function named(hash) {
  let text = "";
  try {
    text = decodeURIComponent(hash.slice(1));
  } catch {
    // it names nothing that can be read
  }
  const [list, moment = ""] = text.split("@");
  return { list, moment };
}

/** Full hours from one time to another, at most `most` of them, evenly. @returns {number[]} */
export function hours(begin, end, most) {
  const hour = 3_600_000;
  const step = hour * Math.max(1, Math.ceil((end - begin) / hour / Math.max(1, most)));
  const first = Math.ceil(begin / step) * step;
  const found = [];
  for (let time = first; time <= end; time += step) found.push(time);
  return found;
}
