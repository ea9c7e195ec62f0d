/** The rows on the page: one element per symbol, kept while the symbol is shown; moved only if the server moved it. */

import { staying } from "./order.js";
import { Places } from "./places.js";
import { RowView } from "./rowview.js";
import { TimedClasses } from "./timed.js";

/** What happened to the list since it was last drawn.
 * @typedef {object} Since
 * @property {Set<string>} placed   symbols that came or were reranked
 * @property {Set<string>} entered  symbols that came
 * @property {boolean} exact        rows that were not placed are in the order in which they are drawn */

export class Table {
  #places;
  #views = new Map(); // symbol -> RowView, of the rows on the page, in their order
  #shared;
  #selected = "";
  #plain = null;
  #drawn = 0; // market time of the list as it was when it was last drawn live

  /** @param {HTMLElement} body  takes the rows @param {object} trends  what the page saw of the prices
   * @param {(symbol: string) => string} id  of the element of a symbol's row */
  constructor(body, trends, id) {
    this.#places = new Places(body, () => this.#put(() => true));
    this.#shared = { columns: [], timed: new TimedClasses(), trends, id };
  }

  /** Show these columns from now on; the rows are made anew. */
  setColumns(columns) {
    this.#shared = { ...this.#shared, columns };
    this.clear();
  }

  clear() {
    for (const [symbol, view] of this.#views) {
      this.#shared.timed.forget(view.element);
      this.#shared.trends.leave(symbol);
    }
    this.#views.clear();
    this.#places.clear();
  }

  /** The list is of another epoch. If its market began anew, its prices go on from nothing that was seen.
   * @param {number} asOf  market time from which it goes on */
  beganAnew(asOf) {
    if (asOf < this.#drawn) this.#shared.trends.forget(this.#views.keys());
  }

  /** The symbols on the page, from top to bottom. */
  symbols() {
    return this.#places.rows.map((element) => element.dataset.symbol);
  }

  /** Bring the page to `shown`. @param {import("./order.js").Shown} shown @param {Since} since
   * @param {number} now  market time @param {boolean} live  it is the list as it is, not as it was */
  draw(shown, since, now, live) {
    const wasPlain = this.#plain;
    this.#shared.timed.sweep();
    if (live) this.#shared.trends.now = this.#drawn = now;
    this.#setPlain(shown.plain);
    const wanted = new Set(shown.rows.map((row) => row.symbol));
    for (const symbol of this.#views.keys()) if (!wanted.has(symbol)) this.#drop(symbol);
    const still = since.exact && wasPlain && shown.plain ? this.#unplaced(since.placed) : staying(this.#views.keys(), [...wanted]);
    for (const row of shown.rows) this.#update(row, shown, since, now, live);
    this.#views = new Map(shown.rows.map(({ symbol }) => [symbol, this.#views.get(symbol)]));
    this.#put((element) => still.has(element.dataset.symbol));
  }

  #setPlain(plain) {
    if (plain === this.#plain) return;
    this.#plain = plain;
    this.#places.toggle("plain", plain);
  }

  #drop(symbol) {
    const view = this.#views.get(symbol);
    this.#shared.trends.leave(symbol);
    this.#shared.timed.forget(view.element);
    view.element.remove();
    this.#views.delete(symbol);
    if (symbol === this.#selected) this.select("");
  }

  #unplaced(placed) {
    return new Set([...this.#views.keys()].filter((symbol) => !placed.has(symbol)));
  }

  #update(row, shown, since, now, live) {
    let view = this.#views.get(row.symbol);
    const came = !view || view.row.absent;
    if (!view) {
      view = new RowView(row, this.#shared);
      this.#views.set(row.symbol, view);
      this.#shared.trends.enter(row.symbol);
      if (row.symbol === this.#selected) view.select(true); // the rows were made anew
    }
    if (came && since.entered.has(row.symbol)) view.entered();
    view.update(row, now, live && !shown.left.has(row.symbol));
    const rank = shown.ranks.get(row.symbol) ?? 0;
    if (since.placed.has(row.symbol)) view.moved(rank);
    view.rank = rank;
    view.writeRank(shown.plain ? "" : rank ? String(rank) : "");
    view.mark("left", shown.left.has(row.symbol));
    view.mark("pinned", shown.pinned.has(row.symbol));
  }

  #put(stays) {
    this.#places.put([...this.#views.values()].map(({ element }) => element), stays);
  }

  /** Write what changes with market time alone. */
  tick(now) {
    for (const view of this.#views.values()) view.tick(now);
  }

  get selected() {
    return this.#selected;
  }

  /** Mark a row as the one that the keys are about; "" for none. Returns its element. */
  select(symbol) {
    this.#views.get(this.#selected)?.select(false);
    const view = this.#views.get(symbol);
    this.#selected = view ? symbol : "";
    view?.select(true);
    return view?.element ?? null;
  }

  /** The symbol `steps` below the selected one, within the page's rows. */
  neighbour(steps) {
    const symbols = [...this.#views.keys()];
    const at = symbols.indexOf(this.#selected);
    const to = at < 0 ? (steps > 0 ? 0 : symbols.length - 1) : at + steps;
    return symbols[Math.max(0, Math.min(symbols.length - 1, to))] ?? "";
  }
}
