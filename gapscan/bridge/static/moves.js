/** Who came into a list and who left it today: by the tape, and by what came since, as long as the tape has it not. */

import { Day } from "./timeline/day.js";

const MINUTE = 60_000; // the tape tells of a minute's moves before it begins the next
const LIVE = 1000; // moves that are kept of those that the tape has not

/** @typedef {{list: string, symbol: string, time: number, action: "enter"|"leave", rank: number}} Move */

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
    const { view, held } = this.#connection.about(this.#list);
    if (whole || held.limit || !(added.length || removed.length)) return;
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
    const named = taped.slice(-number).map((move) => ({ ...move, list: this.#list }));
    return [...named, ...this.#since(taped)].sort((a, b) => a.time - b.time).slice(-number);
  }

  /** What came after the minutes that the tape has whole. The bridge makes one message of several deltas, with the time of
   * the last: what the tape has at a minute's end may have come in the next one. @param {Move[]} taped @returns {Move[]} */
  #since(taped) {
    const over = Math.floor(this.#day.end / MINUTE) * MINUTE;
    this.#live = this.#live.filter(({ time }) => time >= over);
    const last = new Map(taped.filter(({ time }) => time >= over - MINUTE).map(({ symbol, action }) => [symbol, action]));
    return this.#live.filter(({ symbol, action, time }) => {
      const known = time < over + MINUTE && last.get(symbol) === action;
      last.delete(symbol); // what it does after that is new
      return !known;
    });
  }

  close() {
    this.#ending.abort();
  }
}
