/** Where a list panel has its rows from: the live copy of its list, or a past one that is shown in its place. */

import { healthOf } from "../health.js";

export class ListSource {
  #connection;
  #kept;
  #first = new Set(); // symbols of the first rows, as of the last change
  #whole = true; // the page had all rows then
  /** A past list, {rows, asOf, epoch, sequence, word, text}; null: the live one. */
  past = null;
  list = "";

  /** @param {import("../connection.js").Connection} connection @param {import("./liststate.js").ListState} kept */
  constructor(connection, kept) {
    this.#connection = connection;
    this.#kept = kept;
  }

  /** Have another list. @param {string} list */
  open(list) {
    Object.assign(this, { list, past: null });
    this.#look();
  }

  #look() {
    const { view, held } = this.#connection.about(this.list);
    const { limit } = this.#kept;
    this.#first = new Set(limit ? view.rows.slice(0, limit).map(({ symbol }) => symbol) : []);
    this.#whole = !held.limit;
  }

  /** What a change did to the rows that are shown; to be asked once for each. The page may have more rows than a panel
   * shows: for a pinned one, or for another panel. And when it begins to have them, or ends, none of them has moved.
   * @param {import("../listview.js").Changes} changes @returns {import("../listview.js").Changes} */
  news(changes) {
    const [first, whole] = [this.#first, this.#whole];
    this.#look();
    const { pinned } = this.#kept.marks;
    const all = !this.#kept.limit;
    const told = (symbols) => (whole && this.#whole ? symbols.filter((symbol) => all || pinned.has(symbol)) : []);
    const beyond = (some, others) => [...some].filter((symbol) => !others.has(symbol) && !pinned.has(symbol));
    const added = [...told(changes.added), ...beyond(this.#first, first)];
    return { ...changes, added, removed: [...told(changes.removed), ...beyond(first, this.#first)] };
  }

  /** The rows that are shown, and their position. */
  get view() {
    return this.past ? { ...this.past, loaded: true } : this.live;
  }

  /** All rows that are there, those beyond the panel's limit too where the page has them. */
  get rows() {
    return (this.past ?? this.copy).rows;
  }

  /** So many of them are shown; 0: all. */
  get limit() {
    return this.past ? 0 : this.#kept.limit;
  }

  /** The live copy with all rows that are there. */
  get copy() {
    return this.#connection.view(this.list);
  }

  /** The live copy, or its first rows. */
  get live() {
    const view = this.copy;
    const { limit } = this.#kept;
    if (!limit || view.rows.length <= limit) return view;
    const { epoch, sequence, asOf, loaded } = view;
    return { epoch, sequence, asOf, loaded, rows: view.rows.slice(0, limit) };
  }

  /** What is known of what is shown; see Subscription. */
  get about() {
    const about = this.#connection.about(this.list);
    if (!this.past) return about;
    return { ...about, view: this.view, asOf: this.past.asOf, movedAt: 0, resyncing: false };
  }

  /** Whether the copy has all that a heartbeat speaks of. @param {?object} beat */
  upTo(beat) {
    const view = this.copy;
    return Boolean(beat) && view.loaded && beat.sequence <= view.sequence;
  }

  /** @param {number} now performance.now() @returns {import("../health.js").Health} */
  health(now) {
    if (this.past) return { level: "calm", word: this.past.word, text: this.past.text };
    return healthOf(this.#connection, this.about, now);
  }
}
