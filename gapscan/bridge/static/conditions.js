/** A list's conditions in words that people read: what is looked at, its value, what it must be, since when. */

import { columnOf, rankingOf } from "./fields.js";
import { clock, NONE, span } from "./format.js";

const MINUS = "\u2212";
const SIGNS = { ">=": "≥", "<=": "≤", ">": ">", "<": "<", "==": "=", "!=": "≠" };
const TURNED = { "≥": "≤", "≤": "≥", ">": "<", "<": ">", "=": "=", "≠": "≠" };
const SIMPLE = /^(abs\()?([a-z]\w*)\)? (>=|<=|==|!=|>|<) (.+)$/s;
const FLIPPED = /^([\d_.]+) (>=|<=|>|<) ([a-z]\w*)$/;
const AGO = /^now - ([a-z]\w*) (>=|<=|>|<) ([\d_]+)$/;
const BARE = /^-?([a-z]\w*)$/;
const LATEST = 8.64e15; // ms, beyond which JavaScript knows no time
const ONE_OF = /^([a-z]\w*) (not )?in /;

/** A condition as it is shown.
 * @typedef {object} Line
 * @property {string} label  what is looked at
 * @property {string} value  the symbol's
 * @property {string} must   what the value must be
 * @property {string} since
 * @property {"pass"|"stay"|"fail"} mark */

/** @param {object} condition  of a `why` message @returns {Line} */
export function lineOf(condition) {
  const mark = condition.passes ? "pass" : condition.stays ? "stay" : "fail";
  const since = condition.unknown_since ? unknownText(condition.unknown_since) : sinceText(condition.since, condition.at_least);
  return { ...wording(condition), since, mark };
}

function wording(condition) {
  const { text, kind, value, threshold } = condition;
  if (kind !== "test") return { label: kind === "any" ? "Any of these:" : "All of these:", value: "", must: "" };
  const [ago, simple, flipped, oneOf] = [AGO, SIMPLE, FLIPPED, ONE_OF].map((form) => form.exec(text));
  if (ago && columnOf(ago[1])) return { label: columnOf(ago[1]).title, value: agoText(value), must: `${SIGNS[ago[2]]} ${agoText(threshold)}` };
  if (simple && columnOf(simple[2])) return compared(simple, value, threshold);
  if (flipped && columnOf(flipped[3])) return of(columnOf(flipped[3]).id, TURNED[SIGNS[flipped[2]]], value, threshold);
  if (oneOf && columnOf(oneOf[1])) return of(oneOf[1], oneOf[2] ? "not" : "in", value, threshold);
  return plain(condition);
}

function compared([, both, id, sign, other], value, threshold) {
  const named = columnOf(other);
  const line = of(id, SIGNS[sign], value, threshold, isTime(other));
  return { ...line, label: both ? `${line.label}, up or down` : line.label, must: named ? `${line.must} (${named.title})` : line.must };
}

function of(id, sign, value, threshold, time = false) {
  const [shown, must] = [value, threshold].map((each) => operand(each, time || isTime(id)));
  return { label: columnOf(id).title, value: shown, must: `${sign} ${must}` };
}

/** Whether what an expression or a sort key says is a moment: a field's, as it is. */
function isTime(text) {
  return columnOf(BARE.exec(text)?.[1])?.time ?? false;
}

/** By a condition's id: what it looks at, and how that is held against the threshold. */
const WORDS = { __proto__: null, test_symbol: ["Test symbol", ""], seconds_since_trade: ["Seconds without a trade", "≤ "] };

function plain({ id, text, value, threshold }) {
  const [label, sign] = WORDS[id] ?? [text.replace(/>=|<=|==|!=/g, (found) => SIGNS[found]), ""];
  const time = text.split(/ (?:>=|<=|==|!=|>|<) /).some(isTime);
  return { label, value: operand(value, time), must: threshold === null ? "" : sign + operand(threshold, time) };
}

/** Fine enough to tell a value from the threshold that it just misses. @param {boolean} time  it is epoch ms */
export function operand(value, time = false) {
  if (value === null || value === undefined) return NONE;
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value !== "number") return value;
  if (time && value > 0 && value < LATEST) return clock(value);
  const size = Math.abs(value);
  const digits = size >= 1000 ? Math.round(size).toLocaleString("en-US") : String(Number(size.toPrecision(4)));
  return (value < 0 ? MINUS : "") + digits;
}

function agoText(ms) {
  return typeof ms === "number" ? `${span(ms)} ago` : NONE;
}

function unknownText(since) {
  return `unknown since ${clock(since)}, because the feed was away`;
}

/** "by": it was first looked at then. */
function sinceText(since, atLeast) {
  return since ? `${atLeast ? "by " : ""}${clock(since)}` : "";
}

/** Where a symbol stands to a list, in a few words. @param {object} found  of a list @param {object[]} gate
 * @returns {{text: string, mark: "pass"|"stay"|"fail"|"closed"}} */
export function standing(found, gate) {
  if (found.rank !== null) return { text: `rank ${found.rank} of ${found.size}`, mark: "pass" };
  if (!found.open) return { text: "closed now", mark: "closed" };
  if (found.passes && found.size >= found.limit) return { text: `passes, but the list is full at ${found.limit}`, mark: "stay" };
  if (found.passes) return { text: "passes, not listed yet", mark: "stay" };
  const doors = found.gate ?? gate;
  const asked = found.idle === "stay" ? doors.filter(({ id }) => id !== "seconds_since_trade") : doors;
  const failing = [...asked, ...found.conditions].filter(({ depth, passes }) => depth === 0 && !passes).length;
  return { text: `not in it: ${failing} ${failing === 1 ? "condition fails" : "conditions fail"}`, mark: "fail" };
}

/** Since when it is in the list, or how far it is from the last row; "" when nothing can be said. */
export function distance(found) {
  if (found.rank !== null) return found.since ? `In the list ${found.at_least ? "at least " : ""}since ${clock(found.since)}.` : "";
  if (found.value === null || found.last_value === null) return "";
  const names = [...rankingOf([found.key]).keys()].map((id) => columnOf(id).title).join(" and ");
  const order = found.key.startsWith("-") ? "highest" : "lowest";
  const [here, last] = [found.value, found.last_value].map((each) => operand(each, isTime(found.key)));
  return `Ranked by ${names || found.key}, ${order} first: ${here} here, ${last} in the last of ${found.size} rows.`;
}
