/** Which rows are shown, and in what order: as the server ranks them, sorted here, searched, or held still. */

import { columnOf, valueOf } from "./fields.js";

/** A local sort. @typedef {{id: string, descending: boolean}} Sort */

/** Rows in a local order; rows without a value come last, ties stay as the server has them.
 * @param {object[]} rows @param {?Sort} sort */
export function sorted(rows, sort) {
  const column = sort && columnOf(sort.id);
  if (!column) return rows;
  const side = sort.descending ? -1 : 1;
  const keyed = rows.map((row, index) => ({ row, index, key: valueOf(column, row) ?? null }));
  keyed.sort((a, b) => byKey(a.key, b.key, side) || a.index - b.index);
  return keyed.map(({ row }) => row);
}

function byKey(a, b, side) {
  if (a === null || b === null) return (a === null) - (b === null);
  return a < b ? -side : a > b ? side : 0;
}

/** Whether a row is what somebody searches for. @param {object} row @param {string} search */
export function matches(row, search) {
  const text = search.trim().toUpperCase();
  return !text || row.symbol.toUpperCase().includes(text) || (row.name ?? "").toUpperCase().includes(text);
}

/** The symbol that is searched for, if `search` looks like one and no row has it; else "".
 * @param {object[]} rows @param {string} search */
export function symbolMissing(rows, search) {
  const text = search.trim();
  if (!/^[A-Za-z]{1,5}([.][A-Za-z]{1,3})?$/.test(text)) return "";
  const wanted = text.toUpperCase();
  if (rows.some(({ symbol }) => symbol.toUpperCase() === wanted)) return "";
  return text === text.toLowerCase() ? wanted : text;
}

/** What a table is to show.
 * @typedef {object} Shown
 * @property {object[]} rows      in the order of showing; {symbol, absent: true} for a pinned one that is not in the list
 * @property {Map<string, number>} ranks  the server's rank of every row in the list
 * @property {string[]} waiting   while held: symbols that will come
 * @property {Set<string>} left   while held: symbols that are shown, but have left
 * @property {Set<string>} pinned symbols that stand on top
 * @property {number} size        rows that there are, before hiding and search: the first ones, and pinned ones beyond
 * @property {number} count       those of them that match the search and are not hidden
 * @property {number} hidden      those of them that are hidden
 * @property {boolean} plain      the rows are the whole list in the server's order
 */

const NONE = Object.freeze({ pinned: new Set(), excluded: new Set() });

export class Order {
  #held = null;
  #absent = new Map(); // symbol -> its row while it is not in the list

  /** @param {{pinned: Set<string>, excluded: Set<string>}} [marks] */
  constructor(marks = NONE) {
    /** @type {?Sort} */
    this.sort = null;
    this.search = "";
    /** So many of the first rows are shown, pinned ones beside them; 0: all. */
    this.limit = 0;
    this.marks = marks;
  }

  get held() {
    return this.#held !== null;
  }

  /** Keep the order of `rows`, which are those now shown. */
  hold(rows) {
    this.#held = new Map(rows.map((row) => [row.symbol, row]));
  }

  release() {
    this.#held = null;
  }

  /** @param {object[]} rows  the list @returns {Shown} */
  show(rows) {
    const ranks = new Map(rows.map((row, index) => [row.symbol, index + 1]));
    const { pinned, excluded } = this.marks;
    const first = this.limit ? rows.slice(0, this.limit) : rows;
    const all = [...pinned].map((symbol) => rows[ranks.get(symbol) - 1] ?? this.#absentRow(symbol));
    const seen = pinned.size || excluded.size ? first.filter(({ symbol }) => !pinned.has(symbol) && !excluded.has(symbol)) : first;
    const top = this.#found(all);
    const wanted = [...top, ...sorted(this.#found(seen), this.sort)];
    const here = all.filter((row) => !row.absent);
    const size = first.length + here.filter(({ symbol }) => ranks.get(symbol) > first.length).length;
    const count = wanted.length - top.filter((row) => row.absent).length;
    const shown = { ranks, pinned, size, count, hidden: size - here.length - seen.length };
    return this.held ? this.#heldStill(rows, wanted, shown) : { ...shown, ...this.#free(wanted, shown) };
  }

  #found(rows) {
    return this.search ? rows.filter((row) => matches(row, this.search)) : rows;
  }

  #absentRow(symbol) {
    if (!this.#absent.has(symbol)) this.#absent.set(symbol, Object.freeze({ symbol, absent: true }));
    return this.#absent.get(symbol);
  }

  #free(rows, { pinned, hidden }) {
    return { rows, waiting: [], left: new Set(), plain: !this.sort && !this.search && !pinned.size && !hidden };
  }

  #heldStill(rows, wanted, shown) {
    const waiting = wanted.filter((row) => !this.#held.has(row.symbol)).map((row) => row.symbol);
    return { ...shown, rows: this.#still(rows, shown.ranks), waiting, left: this.#gone(shown.ranks), plain: false };
  }

  /** The held rows with their newest cells. */
  #still(rows, ranks) {
    for (const symbol of this.#held.keys()) {
      const rank = ranks.get(symbol);
      if (rank) this.#held.set(symbol, rows[rank - 1]);
    }
    return [...this.#held.values()];
  }

  #gone(ranks) {
    return new Set([...this.#held.values()].filter((row) => !row.absent && !ranks.has(row.symbol)).map(({ symbol }) => symbol));
  }
}

/** The items of `target` that need not move when `current` is brought into that order: a longest run that both share.
 *
 * Longest increasing subsequence by patience sorting; the items of `target` that `current` lacks are never in it.
 * @param {Iterable<*>} current @param {*[]} target @returns {Set<*>} */
export function staying(current, target) {
  const places = new Map([...current].map((item, index) => [item, index]));
  const here = target.filter((item) => places.has(item));
  const tails = [];
  const before = [];
  here.forEach((item, index) => {
    const pile = pileFor(tails, here, places, places.get(item));
    before.push(pile ? tails[pile - 1] : -1);
    tails[pile] = index;
  });
  const still = new Set();
  for (let index = tails.at(-1) ?? -1; index >= 0; index = before[index]) still.add(here[index]);
  return still;
}

/** The first pile whose top is not before `place`. */
function pileFor(tails, here, places, place) {
  let low = 0;
  let high = tails.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (places.get(here[tails[middle]]) < place) low = middle + 1;
    else high = middle;
  }
  return low;
}
