/** What happened to a list between two drawings of it, and the log of who came and who left. */

import { KEPT } from "./activity.js";

/** An entry of the log. @typedef {{side: "in"|"out", symbol: string, note: string, time: number}} Entry */

export class Traffic {
  /** @type {Entry[]} oldest first */
  log = [];
  #new = [];
  #since = nothing();

  /** Forget what happened: another list is shown. */
  clear() {
    this.log = [];
    this.#new = [];
    this.#since = nothing();
  }

  /** Take in what a message did. @param {import("./listview.js").Changes} changes @param {boolean} seen on the page */
  changed(changes, seen) {
    const since = this.#since;
    if (changes.whole || !seen) Object.assign(since, { exact: false, placed: new Set() });
    else for (const symbol of [...changes.added, ...changes.moved]) since.placed.add(symbol);
  }

  /** Who came and left is news. @param {import("./listview.js").Changes} changes @param {object} view after it */
  note({ added, removed }, { rows, asOf: time }) {
    const ranks = new Map(added.length ? rows.map((row, index) => [row.symbol, index + 1]) : []);
    for (const symbol of added) this.#since.entered.add(symbol);
    this.#new.push(...removed.map((symbol) => ({ side: "out", symbol, note: "", time })));
    this.#new.push(...added.map((symbol) => ({ side: "in", symbol, note: `#${ranks.get(symbol)}`, time })));
    this.#new.splice(0, this.#new.length - KEPT);
  }

  /** What happened since the last drawing, which is now. */
  drain() {
    const since = this.#since;
    this.#since = nothing();
    const entries = this.#new;
    this.#new = [];
    if (entries.length) this.log = [...this.log, ...entries].slice(-KEPT);
    return { since, entries };
  }
}

function nothing() {
  return { placed: new Set(), entered: new Set(), exact: true };
}
