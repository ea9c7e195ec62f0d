/** The columns of a list panel: which are shown, how wide they are, and which fields of a row they need. */

import { Chosen } from "../chosen.js";
import { ColumnDragging } from "../columndrag.js";
import { columnsFor, FIXED } from "../fields.js";
import { allowed, arranged, moved } from "../looks.js";
import { TIGHT, Tracks, rem } from "../tracks.js";
import { NARROW } from "../width.js";

const ALWAYS = ["name", "price", "halt", "split_today", "stale"]; // what rows, their marks and the search are made of

export class ListColumns {
  #page;
  #kept;
  #grid;
  #definition = { name: "", sort: [] };
  /** @type {import("../fields.js").Column[]} as shown */
  shown = [];

  /** @param {object} page  the panel's @param {import("./liststate.js").ListState} kept
   * @param {{grid: HTMLElement, head: HTMLElement}} parts  the table, in an element that scrolls it, and its headings
   * @param {() => void} changed  the columns stand in another order */
  constructor(page, kept, { grid, head }, changed) {
    this.#page = page;
    this.#kept = kept;
    this.#grid = grid;
    const move = (id, to) => this.#move(id, to) && changed();
    new ColumnDragging(head, move, (id, width) => this.#widen(id, width));
  }

  /** Put a column where another stands; the first ones stay. */
  #move(id, to) {
    if (FIXED.includes(id) || FIXED.includes(to)) return false;
    this.chosen.keepLook({ order: moved(this.shown.map((column) => column.id), id, to) });
    return true;
  }

  #widen(id, width) {
    const { [id]: _, ...others } = this.chosen.look.widths ?? {};
    this.chosen.keepLook({ widths: width ? { ...others, [id]: allowed(width) } : others });
    this.#measure();
  }

  /** Choose the columns anew. @param {object} definition  the list's */
  choose(definition) {
    this.#definition = definition;
    this.shown = this.#fitting;
    this.#measure();
  }

  #measure() {
    const { style } = this.#grid;
    style.setProperty("--columns", this.#tracks.template(this.shown));
    style.setProperty("--least", `${this.#tracks.least(this.shown).toFixed(1)}rem`);
  }

  get #fitting() {
    const { ids, look } = this.chosen;
    return arranged(columnsFor(ids, this.#definition.sort), look.order, FIXED);
  }

  /** Whether others should be shown, for the room is another. */
  get outgrown() {
    if (!this.shown.length || !this.#little) return false;
    return this.#fitting.map(({ id }) => id).join() !== this.shown.map(({ id }) => id).join();
  }

  /** Whether there may be too little room for the usual columns. */
  get #little() {
    return NARROW.matches || !this.#page.alone;
  }

  /** What is chosen for the list on this width of page. */
  get chosen() {
    const fits = (columns) => this.#tracks.least(columns) <= this.#room;
    const width = NARROW.matches ? "narrow" : "wide";
    return new Chosen(this.#definition, width, this.#little ? fits : null, this.#kept.columns);
  }

  get #look() {
    const width = NARROW.matches ? "narrow" : "wide";
    return new Chosen(this.#definition, width, null, this.#kept.columns).look;
  }

  get #tracks() {
    return new Tracks(TIGHT.matches || !this.#page.alone, this.#look.widths);
  }

  /** The width of the table, in rem. */
  get #room() {
    return (this.#page.alone ? document.documentElement : this.#grid.parentElement).clientWidth / rem();
  }

  /** What is wanted of the list: where there are many, or the link is thin, only what is shown. */
  get wish() {
    const { wishedLimit: limit } = this.#kept;
    const few = limit ? { limit } : {};
    if (!this.#little) return few;
    const fields = new Set([...ALWAYS, ...this.shown.flatMap((column) => column.fields)]);
    return { ...few, fields: [...fields].filter((field) => field !== "symbol").sort() };
  }
}
