/** Where a list panel has its rows from: the live copy of its list, or a past one that is shown in its place. */

import { healthOf } from "../health.js";

export class ListSource {
  #connection;
  #kept;
  /** A past list, {rows, asOf, epoch, sequence, word, text}; null: the live one. */
  past = null;
  list = "";

  /** @param {import("../connection.js").Connection} connection @param {import("./liststate.js").ListState} kept */
  constructor(connection, kept) {
    this.#connection = connection;
    this.#kept = kept;
  }

  /** The rows that are shown, and their position. */
  get view() {
    return this.past ? { ...this.past, loaded: true } : this.live;
  }

  /** All rows that are there, those beyond the panel's limit too where the page has them. */
  get rows() {
    return (this.past ?? this.#connection.view(this.list)).rows;
  }

  /** So many of them are shown; 0: all. */
  get limit() {
    return this.past ? 0 : this.#kept.limit;
  }

  /** The live copy, or its first rows. */
  get live() {
    const view = this.#connection.view(this.list);
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
    const view = this.#connection.view(this.list);
    return Boolean(beat) && view.loaded && beat.sequence <= view.sequence;
  }

  /** @param {number} now performance.now() @returns {import("../health.js").Health} */
  health(now) {
    if (this.past) return { level: "calm", word: this.past.word, text: this.past.text };
    return healthOf(this.#connection, this.about, now);
  }
}
