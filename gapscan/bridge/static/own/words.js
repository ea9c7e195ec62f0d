/** What may be written at a place of an expression: fields of a row with what they mean, functions, words. Pure. */

import { FIELDS } from "../rowfields.js";

/** @typedef {{word: string, hint: string, after: string}} Word  `after`: what is put in behind it */

const word = (name, hint, after = "") => Object.freeze({ word: name, hint, after });

const USABLE = FIELDS.filter(({ expressions }) => expressions);

/** What an expression may name. @type {readonly Word[]} */
export const WORDS = Object.freeze([
  ...USABLE.map(({ name, meaning, unit, type }) => word(name, [meaning.replace(/[.]$/, ""), unit, type === "boolean" && "a flag"].filter(Boolean).join(", "))),
  word("now", "Market time, epoch milliseconds"),
  word("test_symbol", "A symbol that only tests systems, a flag"),
  word("abs", "abs(x): without its sign", "("),
  word("min", "min(x, y)", "("),
  word("max", "max(x, y)", "("),
  word("ramp", "ramp(a, b): a until 09:35, evenly to b by 10:00", "("),
  word("and", "both"),
  word("or", "one of them"),
  word("not", "the opposite; what is missing stays false"),
  word("in", 'one of several: sector in ("Energy", "Utilities")'),
]);

/** Fields by which a list may be sorted, greatest first; and the symbol. @type {readonly Word[]} */
export const KEYS = Object.freeze(WORDS.filter(({ word: name }) => !["and", "or", "not", "in", "test_symbol"].includes(name)));

/** Fields that a list may show. @type {readonly Word[]} */
export const COLUMNS = Object.freeze(FIELDS.map(({ name, meaning, unit }) => word(name, [meaning.replace(/[.]$/, ""), unit].filter(Boolean).join(", "))));

const MOST = 8;

/** The word that ends at `caret`, and where it begins; null within a text in quotes or a number.
 * @param {string} text @param {number} caret */
export function wordAt(text, caret) {
  const before = text.slice(0, caret);
  if ((before.match(/"/g)?.length ?? 0) % 2 || (before.match(/'/g)?.length ?? 0) % 2) return null;
  const found = /(?<![\w.])[A-Za-z_]\w*$/.exec(before);
  return found ? { word: found[0], from: found.index } : null;
}

/** Those of `words` that may be meant: what begins so, then what has it within, then what means it.
 * @param {string} begun @param {readonly Word[]} words @returns {Word[]} */
export function meant(begun, words) {
  const text = begun.toLowerCase();
  const place = ({ word: name, hint }) => (name.startsWith(text) ? 0 : name.includes(text) ? 1 : hint.toLowerCase().includes(text) ? 2 : 3);
  const found = words.map((one, index) => ({ one, index, at: place(one) })).filter(({ at }) => at < (text.length > 2 ? 3 : 2));
  return found.sort((a, b) => a.at - b.at || a.index - b.index).slice(0, MOST).map(({ one }) => one);
}

/** The place in `text` of a column that the server counts: in characters, without blanks before the expression.
 * @param {string} text @param {number} column */
export function placeOf(text, column) {
  const start = text.length - text.trimStart().length;
  return Math.min(text.length, start + [...text.slice(start)].slice(0, column).join("").length);
}

/** The end of what stands at a place: of a word or a number, else one sign. @param {string} text @param {number} place */
export function endAt(text, place) {
  return place + (/^[\w.]+/.exec(text.slice(place))?.[0].length ?? (place < text.length ? 1 : 0));
}
