/** The columns a table can show: what each is called, which fields of a row it shows, and how. */

import { age, compact, NONE, number, percent, price, clock, ratio } from "./format.js";

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
 */

const SHARED = { align: "end", sign: false, ticks: false, width: 4.6 };

function column(id, title, hint, text, more = {}) {
  return Object.freeze({ ...SHARED, id, title, hint, fields: [id], text: (row, now) => text(row[id], now), ...more });
}

const sided = { sign: true, width: 4.7 };
const wordy = { align: "start", width: 4.2 };

/** The gap before the open is marked: it is only what the open may become. */
function gap(row) {
  const text = percent(row.gap_percent);
  return row.gap_indicative && text !== NONE ? `~${text}` : text;
}

function origin(value) {
  return { bar: "live", snapshot: "scan" }[value] ?? NONE;
}

function words(value) {
  return value ?? NONE;
}

/** @type {Column[]} */
export const CATALOGUE = Object.freeze([
  column("rank", "#", "Rank in the list, as the server has it", null, { fields: [], text: null, width: 3.3 }),
  column("symbol", "Symbol", "Ticker symbol", words, { align: "start", width: 8.6, fields: ["symbol", "halt", "split_today"] }),
  column("name", "Name", "Name of the company", words, { align: "start", width: 0 }),
  column("spark", "Trend", "The price since this page saw it, up to a few minutes", null, { fields: [], text: null, width: 5.6 }),
  column("price", "Price", "Last price, USD", price, { width: 5.3 }),
  column("change_percent", "Chg %", "Change since the previous close, percent", percent, sided),
  column("gap_percent", "Gap %", "Open against the previous close, percent; ~ before the open", null, { ...sided, width: 5.4, fields: ["gap_percent", "gap_indicative"], text: gap }),
  column("change_from_open_percent", "Open %", "Change since the open, percent", percent, sided),
  column("change_1m_percent", "1 m %", "Change in the last minute, percent", percent, sided),
  column("change_5m_percent", "5 m %", "Change in the last five minutes, percent", percent, sided),
  column("from_high_percent", "High %", "Distance from the high of the day, percent", percent, sided),
  column("volume", "Volume", "Shares traded today", compact),
  column("rvol", "RVol", "Volume against what is usual at this time of the day, times", ratio, { width: 4.2 }),
  column("dollar_volume", "$ Vol", "Dollars traded today, USD", compact),
  column("average_volume", "Avg vol", "Mean shares traded in a day", compact),
  column("float_shares", "Float", "Shares that are free to trade", compact),
  column("market_cap", "Mkt cap", "Market capitalisation, USD", compact),
  column("trades_z", "Trades z", "Number of trades against what is usual, standard deviations", number, { width: 4.8 }),
  column("prev_close", "Prev", "Previous close, USD", price),
  column("open", "Open", "Official open, USD", price),
  column("high", "High", "High of the day, USD", price),
  column("low", "Low", "Low of the day, USD", price),
  column("vwap", "VWAP", "Volume-weighted average price of the day, USD", price),
  column("exchange", "Exch", "Listing exchange", words, wordy),
  column("type", "Type", "Kind of security", words, wordy),
  column("session", "Session", "Trading session of the row: pre, regular, post, closed", words, { ...wordy, width: 4.8 }),
  column("price_age", "Age", "How old the price is, in market time", null, { fields: ["price_time"], text: (row, now) => age(row.price_time, now), ticks: true, width: 3.6 }),
  column("price_time", "Time", "Time of the price, New York", clock, { width: 5 }),
  column("source", "Source", "live: from a bar of this symbol; scan: from the scan of the whole market", origin, { ...wordy, width: 4 }),
]);

const BY_ID = new Map(CATALOGUE.map((one) => [one.id, one]));

/** @param {string} id @returns {Column|undefined} */
export function columnOf(id) {
  return BY_ID.get(id);
}

/** What is shown until somebody chooses; a list's sort columns are always shown too. */
export const DEFAULTS = Object.freeze({
  wide: ["name", "spark", "price", "change_percent", "gap_percent", "change_from_open_percent", "from_high_percent", "volume", "rvol", "dollar_volume", "price_age", "source"],
  narrow: ["price", "change_percent", "volume"],
});

/** Columns that cannot be switched off. */
export const FIXED = Object.freeze(["rank", "symbol"]);

/** The columns to show, in the order of the catalogue.
 * @param {string[]} chosen  ids
 * @param {string[]} sort    a list's sort keys, such as "-gap_percent"
 * @returns {Column[]} */
export function columnsFor(chosen, sort) {
  const ids = new Set([...FIXED, ...chosen, ...sort.map((key) => key.replace(/^-/, ""))]);
  return CATALOGUE.filter((one) => ids.has(one.id));
}

/** What a column sorts by and exports. @param {Column} one @param {object} row */
export function valueOf(one, row) {
  return one.id === "price_age" ? row.price_time : row[one.id];
}
