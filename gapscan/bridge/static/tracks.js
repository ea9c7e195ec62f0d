/** How wide the columns of a table are: each at least as wide as its values, what is left shared between them. */

import { NARROW } from "./width.js";

const NAME_REM = 9; // the least width of a column that takes what is left
const NAME_SHARE = 16; // of what is left; the others take half their width in rem
const UNSTRETCHED = new Set(["rank", "symbol", "spark"]);
const TIGHT_REM = { name: 5.8, symbol: 6.2, spark: 3.2, sector: 8 }; // so that the usual columns fit beside the tabs
const NARROW_REM = { rank: 2.2, symbol: 4.8, price: 4.8, gap_percent: 5.4 }; // no arrows, and a badge takes what is left
const PADDING_REM = 0.7;

/** The page leaves little room for a table that has it alone. */
export const TIGHT = matchMedia("(max-width: 1280px)");

/** Widths in rem that a user gave to columns, by their ids. @typedef {Record<string, number>} Widths */

export class Tracks {
  #own;
  #special;

  /** @param {boolean} tight  little room, as beside other panels @param {Widths} own */
  constructor(tight, own = {}) {
    this.#own = own;
    this.#special = NARROW.matches ? NARROW_REM : tight ? TIGHT_REM : {};
  }

  /** How wide a column is at least, in rem. @param {object} column */
  width(column) {
    return this.#own[column.id] ?? (this.#special[column.id] || column.width || NAME_REM);
  }

  /** How wide a table is at least, in rem. @param {object[]} columns */
  least(columns) {
    return columns.reduce((sum, column) => sum + this.width(column), PADDING_REM);
  }

  /** The columns for `grid-template-columns`. @param {object[]} columns */
  template(columns) {
    const filled = columns.some(({ width }) => width === 0);
    return columns.map((column) => this.#track(column, filled)).join(" ");
  }

  #track(column, filled) {
    const width = this.width(column);
    if (column.id in this.#own || (UNSTRETCHED.has(column.id) && filled)) return `${width}rem`;
    const share = column.width === 0 || (column.id === "symbol" && !filled) ? NAME_SHARE : column.width / 2;
    return `minmax(${width}rem, ${share}fr)`;
  }
}

/** CSS pixels of one rem. */
export function rem() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize);
}
