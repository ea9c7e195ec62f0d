/** What is kept of a list panel in its layout. A page of one list keeps its columns for all pages, in the settings. */

import { OF_PAGE } from "../chosen.js";
import { columnOf } from "../fields.js";
import { looksIn } from "../looks.js";
import { Marks } from "./marks.js";

const MOST_ROWS = 10_000;

export class ListState {
  #context;

  /** @param {object} context  the panel's */
  constructor(context) {
    this.#context = context;
    this.marks = new Marks(context);
  }

  #put(values) {
    this.#context.keep({ ...this.#context.state, ...values });
  }

  get list() {
    const { list } = this.#context.state;
    return typeof list === "string" ? list : "";
  }

  /** Another list, in the order in which the server has it. @param {string} list */
  choose(list) {
    if (list !== this.list) this.#put({ list, sort: null });
  }

  /** So many of the first rows are shown; 0: all. */
  get limit() {
    const { limit } = this.#context.state;
    return Number.isInteger(limit) && limit > 0 && limit <= MOST_ROWS ? limit : 0;
  }

  /** So many rows are asked for. A pinned symbol may stand anywhere: to know its rank, all are. */
  get wishedLimit() {
    return this.marks.pinned.size ? 0 : this.limit;
  }

  /** @returns {?import("../order.js").Sort} */
  get sort() {
    const { sort } = this.#context.state;
    if (this.#context.page.alone || typeof sort?.id !== "string" || !columnOf(sort.id)) return null;
    return { id: sort.id, descending: sort.descending === true };
  }

  set sort(sort) {
    this.#put({ sort });
  }

  /** @returns {import("../chosen.js").Kept} */
  get columns() {
    if (this.#context.page.alone) return OF_PAGE;
    const { columns, looks } = this.#context.state;
    return {
      columns: columnsIn(columns),
      looks: looksIn(looks),
      keep: (others) => this.#put({ columns: others }),
      keepLooks: (others) => this.#put({ looks: others }),
    };
  }
}

/** What of a kept value are columns: ids by the keys of lists. */
function columnsIn(value) {
  const entries = Object.entries(typeof value === "object" && value ? value : {});
  return Object.fromEntries(entries.filter(([, ids]) => Array.isArray(ids) && ids.every((id) => typeof id === "string")));
}

/** What is particular about how a list panel shows its list, for its heading. @param {import("./list.js").ListPanel} panel */
export function noteOf({ shown, order }) {
  const size = shown.count === shown.size ? String(shown.size) : `${shown.count} of ${shown.size}`;
  return [size, order.search && `“${order.search}”`, order.sort && "sorted", order.held && "held"].filter(Boolean).join(" · ");
}
