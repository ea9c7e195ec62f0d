/** The columns a table can show: what each is called, which fields of a row it shows, and how.
 *
 * The fields come from the server's own table; here is how values are shown, and the columns that are no fields. */

import { age, clockOrDay, compact, NONE, percent, price, ratio, tenths } from "./format.js";
import { FIELDS, GROUPS } from "./rowfields.js";

/** A column.
 * @typedef {object} Column
 * @property {string} id        the field that it sorts by and exports; "rank", "symbol" and "spark" are not fields
 * @property {string} title     its short heading
 * @property {string} hint      what it means, with its unit
 * @property {string[]} fields  the fields that its text is made of
 * @property {string} group     heads it where columns are chosen
 * @property {number} width     in rem; 0 takes what is left
 * @property {string} align     "start" or "end"
 * @property {?function} text   (row, marketNow) => string
 * @property {boolean} sign     coloured by the sign of the field
 * @property {boolean} ticks    its text changes with market time
 * @property {boolean} time     the field is a time, UTC epoch milliseconds
 */

const SHARED = { group: "", align: "end", sign: false, ticks: false, time: false, width: 4.6, text: null };

/** How a value is written and where it stands, by the way in which its field is shown. */
const SHOWN = {
  __proto__: null,
  price: { write: price, width: 5.3 },
  percent: { write: percent, width: 4.7, sign: true },
  ratio: { write: ratio, width: 4.8 },
  number: { write: tenths },
  amount: { write: compact },
  clock: { write: (time, _decimals, now) => clockOrDay(time, now), width: 5.2, time: true },
  words: { write: (value) => value ?? NONE, width: 4.2, align: "start" },
  flag: { write: (value) => (value ? "yes" : NONE), width: 3.6, align: "start" },
};

/** Where a heading or a value needs more room than others of its kind; 0 takes what is left. */
const WIDTHS = { __proto__: null, name: 0, sector: 9, gap_percent: 6.1, halt: 5, exchange: 4.8, session: 5, average_volume: 4.8 };
const TITLE_REM = [0.5, 0.9]; // of a letter of a heading, and of what is around it

/** Values that the page has other words for. */
const WORDS = { __proto__: null, source: { bar: "live", snapshot: "scan" } };

function ofField(field) {
  const { name, title, meaning, show, group, unit, decimals, doubted_by: doubtedBy, doubt } = field;
  const { write, ...look } = { width: SHARED.width, ...SHOWN[show] };
  const words = WORDS[name];
  const plain = (row, now) => (words ? (words[row[name]] ?? NONE) : write(row[name], decimals, now));
  const signed = (row, now) => {
    const text = plain(row, now);
    if (text === NONE) return text;
    return (row[doubtedBy] ? doubt : "") + text + (row[field.marked_by] === field.marked_word ? field.mark : "");
  };
  const signs = [doubtedBy, field.marked_by].filter(Boolean);
  return Object.freeze({
    ...SHARED,
    ...look,
    id: name,
    title,
    hint: hintOf(meaning, show === "clock" ? "New York" : unit, field),
    group,
    fields: [name, ...signs],
    width: WIDTHS[name] ?? Math.max(look.width, TITLE_REM[0] * title.length + TITLE_REM[1]),
    text: signs.length ? signed : plain,
  });
}

function hintOf(meaning, unit, { doubt, mark, marked_word: word }) {
  const signs = [doubt && `; ${doubt}: only about right`, mark && `; ${mark}: by the ${word}'s curve`];
  return [meaning.replace(/[.]$/, ""), unit && `, ${unit}`, ...signs].join("");
}

function special(id, title, hint, more) {
  return Object.freeze({ ...SHARED, id, title, hint, fields: [], ...more });
}

/** Columns that are no fields of a row, by what they stand before. */
const BEFORE = {
  __proto__: null,
  price: special("spark", "Trend", "The price since this page saw it, up to a few minutes", { group: "Price", width: 5.6 }),
  price_time: special("price_age", "Age", "How old the price is, in market time", { group: "Data", fields: ["price_time"], text: (row, now) => age(row.price_time, now), ticks: true, width: 3.6 }),
};

function inGroups() {
  const [name, ...others] = [...FIELDS].sort((a, b) => (b.name === "name") - (a.name === "name"));
  const grouped = GROUPS.flatMap((group) => others.filter((field) => field.group === group));
  return [name, ...grouped].flatMap((field) => [BEFORE[field.name] ?? [], ofField(field)].flat());
}

/** In the order in which they are shown; the name of the company comes before all other fields.
 * @type {Column[]} */
export const CATALOGUE = Object.freeze([
  special("rank", "#", "Rank in the list, as the server has it", { width: 3.3 }),
  special("symbol", "Symbol", "Ticker symbol", { align: "start", width: 8.6, fields: ["symbol", "halt", "split_today"], text: (row) => row.symbol }),
  ...inGroups(),
]);

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

/** The columns to show, in the order of `chosen`, but what the list is ranked by comes right after the price.
 * @param {string[]} chosen  ids
 * @param {string[]} sort    a list's sort keys
 * @returns {Column[]} */
export function columnsFor(chosen, sort) {
  const ranking = rankingOf(sort);
  const rest = [...new Set([...FIXED, ...chosen])].filter((id) => BY_ID.has(id) && (!ranking.has(id) || id === "price" || FIXED.includes(id)));
  const first = [...ranking.keys()].filter((id) => !rest.includes(id));
  const at = rest.indexOf("price") + 1 || FIXED.length;
  return [...rest.slice(0, at), ...first, ...rest.slice(at)].map(columnOf);
}

/** What a column sorts by and exports. @param {Column} one @param {object} row */
export function valueOf(one, row) {
  return one.id === "price_age" ? row.price_time : row[one.id];
}
