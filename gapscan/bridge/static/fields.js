/** The columns a table can show: what each is called, which fields of a row it shows, and how. */

import { age, clock, compact, move, NONE, percent, price, ratio, tenths } from "./format.js";

/** A column.
 * @typedef {object} Column
 * @property {string} id        the field that it sorts by and exports; "rank", "symbol" and "spark" are not fields
 * @property {string} title     its short heading
 * @property {string} hint      what it means, with its unit
 * @property {string[]} fields  the fields that its text is made of
 * @property {number} width     in rem; 0 takes what is left
 * @property {string} align     "start" or "end"
 * @property {?function} text   (row, marketNow) => string
 * @property {boolean} sign     coloured by the sign of the field
 * @property {boolean} ticks    its text changes with market time
 * @property {boolean} time     the field is a time, UTC epoch milliseconds
 */

const SHARED = { align: "end", sign: false, ticks: false, time: false, width: 4.6 };

function column(id, title, hint, text, more = {}) {
  return Object.freeze({ ...SHARED, id, title, hint, fields: [id], text: (row, now) => text(row[id], now), ...more });
}

const sided = { sign: true, width: 4.7 };
const wordy = { align: "start", width: 4.2 };
const timed = { time: true, width: 5.2 };

/** The gap before the open is marked: it is only what the open may become. */
function gap(row) {
  const text = percent(row.gap_percent);
  return row.gap_indicative && text !== NONE ? `~\u2009${text}` : text;
}

/** Marked where few sessions are known to compare with. */
function relativeVolume(row) {
  const text = ratio(row.rvol);
  return row.thin_baseline && text !== NONE ? `≈${text}` : text;
}

function origin(value) {
  return { bar: "live", snapshot: "scan" }[value] ?? NONE;
}

function words(value) {
  return value ?? NONE;
}

function flag(value) {
  return value ? "yes" : NONE;
}

/** In the order in which they are shown; `group` heads them where columns are chosen.
 * @type {Column[]} */
export const CATALOGUE = Object.freeze([
  column("rank", "#", "Rank in the list, as the server has it", null, { fields: [], text: null, width: 3.3 }),
  column("symbol", "Symbol", "Ticker symbol", words, { align: "start", width: 8.6, fields: ["symbol", "halt", "split_today"] }),
  ...group("Company", [
    column("name", "Name", "Name of the company", words, { align: "start", width: 0 }),
  ]),
  ...group("Price", [
    column("spark", "Trend", "The price since this page saw it, up to a few minutes", null, { fields: [], text: null, width: 5.6 }),
    column("price", "Price", "Last price, USD", price, { width: 5.3 }),
    column("halt", "Halt", "Whether trading is halted, or resumed after a halt today", words, { ...wordy, width: 5 }),
    column("halt_time", "Since", "When trading halted or resumed, New York", clock, timed),
    column("spike_time", "Spike at", "When the price last moved far within a minute, New York", clock, timed),
    column("spike_size", "Spike", "The move of the last minute against what counts as a spike at this price, times", tenths, { width: 4.6 }),
    column("high_time", "High at", "Time of the high of the day, New York", clock, timed),
    column("low_time", "Low at", "Time of the low of the day, New York", clock, timed),
  ]),
  ...group("Change", [
    column("change_percent", "Chg %", "Change since the previous close, percent", percent, sided),
    column("gap_percent", "Gap %", "Open against the previous close, percent; ~ before the open", null, { ...sided, width: 6.1, fields: ["gap_percent", "gap_indicative"], text: gap }),
    column("change_from_open_percent", "Open %", "Change since the open, percent", percent, sided),
    column("change_5m_percent", "5m %", "Change in the last five minutes, percent", move, sided),
    column("change_1m_percent", "1m %", "Change in the last minute, percent", move, sided),
    column("from_high_percent", "High %", "Distance from the high of the day, percent", percent, sided),
    column("from_low_percent", "Low %", "Distance from the low of the day, percent", percent, sided),
    column("post_change_percent", "Post %", "Change since the regular close, percent", percent, sided),
  ]),
  ...group("Volume", [
    column("volume", "Volume", "Shares traded today", compact),
    column("rvol", "RVol", "Volume against what is usual at this time of the day, times; ≈ where few sessions are known", null, { width: 4.8, fields: ["rvol", "thin_baseline"], text: relativeVolume }),
    column("dollar_volume", "$ Vol", "Dollars traded today, USD", compact),
    column("volume_1m", "1m vol", "Shares traded in the last minute", compact),
    column("post_volume", "Post vol", "Shares traded since the regular close", compact, { width: 5 }),
    column("average_volume", "Avg vol", "Mean shares traded in a day", compact, { width: 4.8 }),
    column("trades_z", "Trades z", "Trades of the last minute against what is usual, standard deviations", tenths, { width: 5 }),
    column("thin_baseline", "Thin", "Few sessions are known to compare volume with", flag, { ...wordy, width: 3.4 }),
  ]),
  ...group("Company", [
    column("sector", "Sector", "Sector of the company", words, { ...wordy, width: 9 }),
    column("market_cap", "Mkt cap", "Market capitalisation, USD", compact),
    column("float_shares", "Float", "Shares that are free to trade", compact),
    column("exchange", "Exch", "Listing exchange", words, { ...wordy, width: 4.8 }),
    column("type", "Type", "Kind of security", words, wordy),
  ]),
  ...group("Levels", [
    column("prev_close", "Prev close", "Previous close, USD", price, { width: 5.8 }),
    column("open", "Open", "Official open, USD", price, { width: 5.3 }),
    column("high", "High", "High of the day, USD", price, { width: 5.3 }),
    column("low", "Low", "Low of the day, USD", price, { width: 5.3 }),
    column("vwap", "VWAP", "Volume-weighted average price of the day, USD", price, { width: 5.3 }),
  ]),
  ...group("Data", [
    column("price_age", "Age", "How old the price is, in market time", null, { fields: ["price_time"], text: (row, now) => age(row.price_time, now), ticks: true, width: 3.6 }),
    column("price_time", "Time", "Time of the price, New York", clock, timed),
    column("as_of", "As of", "Market time of the row, New York", clock, timed),
    column("source", "Source", "Where the price is from: a bar of this symbol (live), or the scan of the whole market (scan)", origin, { ...wordy, width: 4.4 }),
    column("session", "Session", "Trading session of the row: pre, regular, post, closed", words, { ...wordy, width: 5 }),
    column("stale", "Stale", "No trade for a while", flag, { ...wordy, width: 3.6 }),
    column("gap_indicative", "Indic.", "The gap is what the open may become", flag, wordy),
    column("split_today", "Split", "Shares were split today", flag, { ...wordy, width: 3.6 }),
  ]),
]);

function group(name, columns) {
  return columns.map((one) => Object.freeze({ ...one, group: name }));
}

const BY_ID = new Map(CATALOGUE.map((one) => [one.id, one]));

/** @param {string} id @returns {Column|undefined} */
export function columnOf(id) {
  return BY_ID.get(id);
}

/** Columns that cannot be switched off. */
export const FIXED = Object.freeze(["rank", "symbol"]);

/** The fields that a list is ranked by, and whether descending.
 * @param {string[]} sort  a list's sort keys, such as "-gap_percent" or "-abs(post_change_percent)"
 * @returns {Map<string, boolean>} */
export function rankingOf(sort) {
  const found = sort.flatMap((key) => (key.match(/[a-z]\w*/g) ?? []).map((id) => [id, key.startsWith("-")]));
  return new Map(found.filter(([id]) => BY_ID.has(id)).reverse()); // of a field named twice, the first counts
}

/** The columns to show: in the order of the catalogue, but what the list is ranked by comes right after the price.
 * @param {string[]} chosen  ids
 * @param {string[]} sort    a list's sort keys
 * @returns {Column[]} */
export function columnsFor(chosen, sort) {
  const ranking = rankingOf(sort);
  const ids = new Set([...FIXED, ...chosen, ...ranking.keys()]);
  const shown = CATALOGUE.filter((one) => ids.has(one.id));
  const first = shown.filter(({ id }) => ranking.has(id) && !FIXED.includes(id) && id !== "price");
  const rest = shown.filter((one) => !first.includes(one));
  const at = rest.findIndex(({ id }) => id === "price") + 1 || FIXED.length;
  return [...rest.slice(0, at), ...first, ...rest.slice(at)];
}

/** What a column sorts by and exports. @param {Column} one @param {object} row */
export function valueOf(one, row) {
  return one.id === "price_age" ? row.price_time : row[one.id];
}
