/** What was written of a list and not saved, and what becomes of it when the list is another one by then. Pure. */

import { symbolsOf, watching, whereOf } from "./watchlist.js";

/** What drafts of lists that are new are kept by; other drafts are kept by the name of their list. */
export const NEW_LIST = Symbol("a new list");
export const NEW_WATCHLIST = Symbol("a new watchlist");

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** What was written from `base`, as changes of what is there `now`. Both tables as the form gives them.
 * @param {Record<string, *>} base @param {Record<string, *>} written @param {Record<string, *>} now
 * @returns {{table: Record<string, *>, over: string[]}}  over: the keys that would undo what somebody else changed */
export function rebased(base, written, now) {
  const symbols = symbolsBoth(base.where, written.where, now.where);
  if (symbols) {
    const mine = { ...written, where: whereOf(symbols), limit: watching(symbols).limit };
    return rebased({ ...base, where: now.where, limit: now.limit }, mine, now);
  }
  const mine = Object.keys(written).filter((key) => !same(written[key], base[key]));
  const over = mine.filter((key) => !same(now[key], base[key]) && !same(now[key], written[key]));
  return { table: { ...now, ...Object.fromEntries(mine.map((key) => [key, written[key]])) }, over };
}

/** The symbols of a watchlist that two have changed: what both added, without what either removed. */
function symbolsBoth(...conditions) {
  const [was, mine, theirs] = conditions.map(symbolsOf);
  if (!was || !mine || !theirs || same(was, theirs)) return null;
  const kept = theirs.filter((symbol) => mine.includes(symbol) || !was.includes(symbol));
  return [...kept, ...mine.filter((symbol) => !was.includes(symbol) && !theirs.includes(symbol))];
}

/** What is said above a list whose draft is shown. @param {{name: string, changed: boolean, over: string[], now: Record<string, *>}} of */
export function saidOf({ name, changed, over, now }) {
  if (!changed) return "This was written before, and is not saved.";
  const theirs = over.map((key) => `${key} = ${JSON.stringify(now[key] ?? null)}`);
  const undone = theirs.length ? ` It has ${theirs.join(", ")} now, which “Change” would replace.` : "";
  return `${name} was changed in the meantime. What was written here is not saved.${undone}`;
}
