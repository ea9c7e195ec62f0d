/** One row on the page: an element per symbol, of which only what changed is written. */

import { VIEW_BOX } from "./trend.js";

const TICK_MS = 600;
const ARROW_MS = 6000;
const NEW_MS = 8000;
const SVG = "http://www.w3.org/2000/svg";

/** The column whose cell flashes when the price moves: the first of these that is shown. */
const FLASHING = ["price", "change_percent", "gap_percent"];

const HALTS = { __proto__: null, halted: "HALT", resumed: "RESUMED" };

function make(tag, className, role = null) {
  const element = document.createElement(tag);
  element.className = className;
  if (role) element.setAttribute("role", role);
  return element;
}

/** Set a class, touching the element only if that changes something. */
function toggle(element, name, on) {
  if (element.classList.contains(name) !== on) element.classList.toggle(name, on);
}

function write(node, text) {
  if (node.data !== text) node.data = text;
}

export class RowView {
  #cells = new Map(); // column id -> {element, text}
  #ranked = null; // {arrow, text}
  #badges = null;
  #path = null;
  #drawn = -1; // the version of the line that is drawn
  #columns;
  #timed;
  #trends;

  /** @param {object} row
   * @param {{columns: object[], timed: object, trends: object, id: function}} shared  with all rows of the table */
  constructor(row, { columns, timed, trends, id }) {
    this.row = null;
    this.symbol = row.symbol;
    /** The server's rank when it was last shown; 0 before that. */
    this.rank = 0;
    this.#columns = columns;
    this.#timed = timed;
    this.#trends = trends;
    this.element = make("div", "row", "row");
    this.element.id = id(row.symbol);
    this.element.dataset.symbol = row.symbol;
    for (const column of columns) this.element.append(this.#cell(column));
  }

  #cell(column) {
    const element = make("span", `cell ${column.id} ${column.align}`, "gridcell");
    if (column.id === "symbol") element.draggable = true;
    if (column.id === "rank") this.#rankCell(element);
    else if (column.id === "spark") this.#sparkCell(element);
    else {
      const text = document.createTextNode("");
      element.append(text);
      this.#cells.set(column.id, { element, text });
      if (column.id === "symbol") element.append(" ", (this.#badges = make("span", "badges")));
    }
    return element;
  }

  #rankCell(element) {
    const arrow = make("i", "move");
    const text = document.createTextNode("");
    const number = make("span", "n");
    number.append(text);
    element.append(arrow, number);
    this.#ranked = { arrow, text };
  }

  #sparkCell(element) {
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("viewBox", VIEW_BOX);
    svg.setAttribute("aria-hidden", "true");
    this.#path = document.createElementNS(SVG, "path");
    svg.append(this.#path);
    element.append(svg);
  }

  /** Show `row`. Nothing is written if it is the row that is shown.
   * @param {number} now  market time @param {boolean} news  its price is one of now, which the line goes on to */
  update(row, now, news) {
    const before = this.row;
    if (row === before) return;
    this.row = row;
    for (const column of this.#columns) {
      if (column.text && (!before || column.fields.some((field) => row[field] !== before[field]))) this.#show(column, now);
    }
    this.#mark();
    if (news) this.#trends.note(row);
    this.#draw();
    if (before) this.#flash(before.price, row.price);
  }

  #show(column, now) {
    const { element, text } = this.#cells.get(column.id);
    write(text, column.text(this.row, now));
    if (!column.sign) return;
    const value = this.row[column.id] ?? 0;
    toggle(element, "up", value > 0);
    toggle(element, "down", value < 0);
  }

  /** What a row is known for beside its numbers. */
  #mark() {
    toggle(this.element, "stale", this.row.stale === true);
    toggle(this.element, "halted", this.row.halt === "halted");
    toggle(this.element, "resumed", this.row.halt === "resumed");
    toggle(this.element, "absent", this.row.absent === true);
    const badges = [this.row.absent && "not in the list", HALTS[this.row.halt], this.row.split_today && "SPLIT"].filter(Boolean).join(" ");
    if (this.#badges.textContent !== badges) this.#badges.textContent = badges;
  }

  #draw() {
    const version = this.#trends.version(this.symbol);
    if (!this.#path || version === this.#drawn) return;
    this.#drawn = version;
    const path = this.#trends.path(this.symbol);
    if (path !== (this.#path.getAttribute("d") ?? "")) this.#path.setAttribute("d", path);
    const side = ["down", "flat", "up"][this.#trends.direction(this.symbol) + 1];
    if (this.#path.getAttribute("class") !== side) this.#path.setAttribute("class", side);
  }

  #flash(before, after) {
    if (typeof before !== "number" || typeof after !== "number" || before === after) return;
    const cell = FLASHING.map((id) => this.#cells.get(id)).find(Boolean)?.element;
    if (!cell) return;
    const [side, other] = after > before ? ["tick-up", "tick-down"] : ["tick-down", "tick-up"];
    this.#timed.clear(cell, other);
    this.#timed.set(cell, side, TICK_MS);
  }

  /** Write what changes with market time alone. */
  tick(now) {
    for (const column of this.#columns) {
      if (column.ticks) write(this.#cells.get(column.id).text, column.text(this.row, now));
    }
  }

  /** The server moved it to `rank`: say from where. */
  moved(rank) {
    const steps = this.rank - rank;
    if (!this.rank || !steps) return;
    const { arrow } = this.#ranked;
    arrow.textContent = (steps > 0 ? "▲" : "▼") + Math.abs(steps);
    this.#timed.clear(arrow, steps > 0 ? "down" : "up");
    this.#timed.set(arrow, steps > 0 ? "up" : "down", ARROW_MS, () => (arrow.textContent = ""));
  }

  /** It came into the list just now. */
  entered() {
    this.#timed.set(this.element, "new", NEW_MS);
  }

  /** The rank as text, for orders in which it is not the position; "" where it is. */
  writeRank(text) {
    write(this.#ranked.text, text);
  }

  /** How it stands in the table: "left", "pinned". */
  mark(name, on) {
    toggle(this.element, name, on);
  }

  select(on) {
    toggle(this.element, "selected", on);
    if (on) this.element.setAttribute("aria-selected", "true");
    else this.element.removeAttribute("aria-selected");
  }
}
