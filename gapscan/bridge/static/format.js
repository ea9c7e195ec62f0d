/** How values are written: plain, aligned, and never a number where there is none. */

/** Stands for "no value". */
export const NONE = "–";

const SHORT = new Set(["ssr"]); // names of lists that are abbreviations
const MINUS = "\u2212"; // as wide as a plus sign
const UNITS = [
  [1e12, "T"],
  [1e9, "B"],
  [1e6, "M"],
  [1e3, "K"],
];

function missing(value) {
  return typeof value !== "number" || !Number.isFinite(value);
}

/** Dollars: cents, and below one dollar as fine as prices get. */
export function price(value) {
  if (missing(value)) return NONE;
  if (Math.abs(value) < 1) return value.toFixed(4);
  return value < 10_000 ? value.toFixed(2) : value.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
}

/** Percent with its sign, without its unit. */
export function percent(value, digits = 2) {
  if (missing(value)) return NONE;
  const text = Math.abs(value).toFixed(digits);
  if (Number(text) === 0) return text;
  return (value < 0 ? MINUS : "+") + text;
}

export function tenths(value) {
  if (missing(value)) return NONE;
  return (value < 0 ? MINUS : "") + Math.abs(value).toFixed(1);
}

/** Three digits and a unit: 1.23M, 45.6K. */
export function compact(value) {
  if (missing(value)) return NONE;
  const [size, unit] = UNITS.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ""];
  if (unit === "") return Math.round(value).toString();
  const scaled = value / size;
  const digits = Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return scaled.toFixed(digits) + unit;
}

/** How many times the usual. */
export function ratio(value) {
  if (missing(value)) return NONE;
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)}×`;
}

/** How long before `now`, coarsely enough not to flicker. */
export function age(time, now) {
  if (missing(time) || !now) return NONE;
  return span(now - time);
}

/** A length of time: 3s, 40s, 5m, 2h. */
export function span(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 5) return `${seconds}s`;
  if (seconds < 60) return `${seconds - (seconds % 5)}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

const CLOCK = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", hour12: false, hour: "2-digit", minute: "2-digit", second: "2-digit" });

/** A time of the market's day, New York. */
export function clock(time) {
  return missing(time) || time <= 0 ? NONE : CLOCK.format(time).replace(/^24/, "00");
}

const DATE = { timeZone: "America/New_York", weekday: "short", day: "numeric", month: "short" };
const DAY = new Intl.DateTimeFormat("en-GB", DATE);
const DAY_OF_YEAR = new Intl.DateTimeFormat("en-GB", { ...DATE, year: "numeric" });

/** A day of New York: Fri 27 Nov; with the year, when it is not that of `now`. */
function dayBeside(time, now) {
  const [plain, whole] = [DAY, DAY_OF_YEAR].map((format) => format.format(time).replaceAll(",", ""));
  return now && whole.slice(-4) === DAY_OF_YEAR.format(now).slice(-4) ? plain : whole;
}

const today = { name: "", first: 0, last: 0 }; // what lies between two times of one day is of it too: formats are dear

function isOfDay(time) {
  if (time >= today.first && time <= today.last) return true;
  if (DAY_OF_YEAR.format(time) !== today.name) return false;
  Object.assign(today, { first: Math.min(today.first, time), last: Math.max(today.last, time) });
  return true;
}

function isSameDay(time, now) {
  if (!(now > 0)) return false;
  if (!isOfDay(now)) Object.assign(today, { name: DAY_OF_YEAR.format(now), first: now, last: now });
  return isOfDay(time);
}

/** A time that may be of another day than `now`, market time: it then says of which. @param {number} now 0: not known */
export function clockOn(time, now) {
  if (missing(time) || time <= 0) return NONE;
  return isSameDay(time, now) ? clock(time) : `${dayBeside(time, now)} ${clock(time)}`;
}

/** The same for a narrow column: a time of day, or of another day its date. */
export function clockOrDay(time, now) {
  if (missing(time) || time <= 0 || !now || isSameDay(time, now)) return clock(time);
  return dayBeside(time, now).split(" ").slice(1, 3).join(" ");
}

/** A list's name as people read it: "gappers_up" is "Gappers up". */
export function title(name) {
  if (SHORT.has(name)) return name.toUpperCase();
  const text = name.replaceAll("_", " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}
