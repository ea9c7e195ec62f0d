/** Who came into a list and who left it today: by the tape, and by what came since, as long as the tape has it not. */

import { momentOf } from "./moments.js";
import { Day } from "./timeline/day.js";

const MINUTE = 60_000; // the tape tells of moves when their minute is over
const LIVE = 1000; // moves that are kept of those that the tape has not

/** @typedef {{list: string, symbol: string, time: number, action: "enter"|"leave", rank: number}} Move */

function keyOf({ symbol, action, time }) {
  return `${action} ${symbol} ${momentOf(time)}`; // the tape counts in seconds
}

export class Moves extends EventTarget {
  #list;
  #day;
  #connection;
  #ending = new AbortController();
  #live = [];

  /** @param {import("./connection.js").Connection} connection @param {string} list */
  constructor(connection, list) {
    super();
    this.#list = list;
    this.#connection = connection;
    const { signal } = this.#ending;
    this.#day = new Day(connection, signal);
    this.#day.addEventListener("change", () => this.#emit(), { signal });
    connection.addEventListener("change", ({ detail }) => detail.list === list && this.#changed(detail.changes), { signal });
    this.#day.follow(list);
  }

  #emit() {
    this.dispatchEvent(new Event("change"));
  }

  /** A change of the copy. Of a list of which only the first rows are followed, it says nothing of the others. */
  #changed({ whole, added, removed }) {
    const { view, wish } = this.#connection.about(this.#list);
    if (whole || wish.limit || !(added.length || removed.length)) return;
    const { rows, asOf: time } = view;
    const rank = (symbol) => rows.findIndex((row) => row.symbol === symbol) + 1;
    const left = removed.map((symbol) => ({ list: this.#list, symbol, time, action: "leave", rank: 0 }));
    const came = added.map((symbol) => ({ list: this.#list, symbol, time, action: "enter", rank: rank(symbol) }));
    this.#live = [...this.#live, ...left, ...came].slice(-LIVE);
    this.#emit();
  }

  /** The newest of the day, oldest first. @param {number} number @returns {Move[]} */
  newest(number) {
    const taped = this.#day.moves.slice(-Math.max(number, LIVE));
    const over = (Math.floor(this.#day.end / MINUTE) - 1) * MINUTE;
    this.#live = this.#live.filter(({ time }) => time > over);
    const known = new Set(taped.filter(({ time }) => time > over - MINUTE).map(keyOf));
    const since = this.#live.filter((move) => !known.has(keyOf(move)));
    const named = taped.slice(-number).map((move) => ({ ...move, list: this.#list }));
    return [...named, ...since].sort((a, b) => a.time - b.time).slice(-number);
  }

  close() {
    this.#ending.abort();
  }
}
