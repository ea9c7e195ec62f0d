/** One list on the page: takes what changed, and draws it once per animation frame. */

import { Activity, KEPT } from "./activity.js";
import { csv, download } from "./csv.js";
import { Chosen } from "./chosen.js";
import { columnsFor } from "./fields.js";
import { Head, nextSort } from "./head.js";
import { Hold } from "./hold.js";
import { emptyBecause } from "./hours.js";
import { Order, symbolMissing } from "./order.js";
import { settings } from "./settings.js";
import { Chime } from "./sound.js";
import { Table } from "./table.js";
import { Trends } from "./trend.js";
import { NARROW } from "./width.js";

const byId = (id) => document.getElementById(id);
const NAME_REM = 9; // the least width of a column that takes what is left
const NAME_SHARE = 16; // of what is left; the others take half their width in rem
const UNSTRETCHED = new Set(["rank", "symbol", "spark"]);
const TIGHT = matchMedia("(max-width: 1280px)");
const TIGHT_REM = { name: 5.8, symbol: 6.2, spark: 3.2, sector: 8 }; // so that the usual columns fit beside the tabs
const NARROW_REM = { rank: 2.2, symbol: 4.8, price: 4.8, gap_percent: 5.4 }; // no arrows, and a badge takes what is left
const PADDING_REM = 0.7;
const ALWAYS = ["name", "price", "halt", "split_today", "stale"]; // what rows, their marks and the search are made of

/** How wide a column is at least, in rem, on a page of this width. @returns {function} */
function widths() {
  const special = NARROW.matches ? NARROW_REM : TIGHT.matches ? TIGHT_REM : {};
  return (column) => special[column.id] || column.width || NAME_REM;
}

function leastWidth(columns) {
  const width = widths();
  return columns.reduce((sum, column) => sum + width(column), PADDING_REM);
}

function roomRem() {
  const { documentElement } = document;
  return documentElement.clientWidth / parseFloat(getComputedStyle(documentElement).fontSize);
}

function nothingSince() {
  return { placed: new Set(), entered: new Set(), exact: true, log: [] };
}

export class Page {
  #connection;
  #status;
  #since = nothingSince();
  #frame = 0;
  #fresh = true; // what comes now was there before this page looked: no entry, no sound
  #columns = [];
  #shown = null;
  #ticked = 0;

  /** @param {import("./connection.js").Connection} connection @param {import("./status.js").Status} status */
  constructor(connection, status) {
    this.#connection = connection;
    this.#status = status;
    this.list = "";
    this.definition = { name: "", description: "", sort: [], sessions: [] };
    this.order = new Order();
    this.chime = new Chime();
    this.table = new Table(byId("body"), new Trends());
    this.head = new Head(byId("head"), (id) => this.sort(nextSort(this.order.sort, id)));
    this.activity = new Activity(byId("activity"), byId("activity-empty"));
    this.hold = new Hold(byId("body"), () => settings.hold, () => this.#applyHold());
    for (const width of [NARROW, TIGHT]) width.addEventListener("change", () => this.setColumns());
    addEventListener("resize", () => this.#refit());
  }

  get view() {
    return this.#connection.view(this.list);
  }

  /** Show another list, or the same by a new definition. @param {object} definition */
  open(definition) {
    const same = JSON.stringify(definition) === JSON.stringify(this.definition);
    this.definition = definition;
    if (definition.name !== this.list) this.#change(definition.name);
    if (!same) this.setColumns();
  }

  #change(list) {
    this.list = list;
    this.#fresh = true;
    this.#since = nothingSince();
    this.order.sort = null;
    this.hold.release();
    this.activity.clear();
    byId("scroll").scrollTop = 0;
  }

  /** Which columns of the list are chosen, on this width of page. */
  get chosen() {
    return new Chosen(this.definition, NARROW.matches ? (columns) => leastWidth(columns) <= roomRem() : null);
  }

  /** What the page wants of its list. A phone's link is thin: it gets the fields that it shows. */
  get wish() {
    if (!NARROW.matches) return {};
    const fields = new Set([...ALWAYS, ...this.#columns.flatMap((column) => column.fields)]);
    return { fields: [...fields].filter((field) => field !== "symbol").sort() };
  }

  setColumns() {
    this.#columns = columnsFor(this.chosen.ids, this.definition.sort);
    this.#measure();
    this.head.setColumns(this.#columns, this.definition.sort);
    this.head.showSort(this.order.sort);
    this.table.setColumns(this.#columns);
    if (this.#connection.follows(this.list)) this.#connection.subscribe(this.list, this.wish);
    this.redraw();
  }

  /** On a narrow page, others may fit now. */
  #refit() {
    if (!NARROW.matches) return;
    const fitting = columnsFor(this.chosen.ids, this.definition.sort);
    if (fitting.map(({ id }) => id).join() !== this.#columns.map(({ id }) => id).join()) this.setColumns();
  }

  #measure() {
    const filled = this.#columns.some(({ width }) => width === 0);
    const width = widths();
    const share = (column) => (column.width === 0 || (column.id === "symbol" && !filled) ? NAME_SHARE : column.width / 2);
    const track = (column) => (UNSTRETCHED.has(column.id) && filled ? `${width(column)}rem` : `minmax(${width(column)}rem, ${share(column)}fr)`);
    const least = leastWidth(this.#columns);
    const { style } = byId("grid");
    style.setProperty("--columns", this.#columns.map(track).join(" "));
    style.setProperty("--least", `${least.toFixed(1)}rem`);
  }

  /** Take in what a message did to the list. @param {import("./listview.js").Changes} changes */
  changed(changes) {
    const since = this.#since;
    if (changes.whole || document.hidden) Object.assign(since, { exact: false, placed: new Set() });
    else for (const symbol of [...changes.added, ...changes.moved]) since.placed.add(symbol);
    if (!this.#fresh) this.#noteTraffic(changes);
    this.redraw();
  }

  #noteTraffic({ added, removed }) {
    const since = this.#since;
    const ranks = new Map(added.length ? this.view.rows.map((row, index) => [row.symbol, index + 1]) : []);
    for (const symbol of added) since.entered.add(symbol);
    since.log.push(...removed.map((symbol) => ["out", symbol, "", this.view.asOf]));
    since.log.push(...added.map((symbol) => ["in", symbol, `#${ranks.get(symbol)}`, this.view.asOf]));
    since.log.splice(0, since.log.length - KEPT);
    if (added.length) this.chime.ring(this.list);
  }

  /** A heartbeat: the list is up to date, and entries are news from now on. */
  beat(beat) {
    if (beat && this.view.loaded && beat.sequence <= this.view.sequence) this.#fresh = false;
    if (this.#shown) this.#showEmpty();
  }

  /** Draw with the next frame. */
  redraw() {
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.#frame = 0;
    const since = this.#since;
    this.#since = nothingSince();
    const { view } = this;
    this.#shown = this.order.show(view.rows);
    this.table.draw(this.#shown, since, this.#connection.about(this.list).asOf);
    for (const [side, symbol, note, time] of since.log) this.activity.add(side, symbol, note, time);
    this.#status.order(this.#shown, view.rows.length, this.order.held);
    this.#showEmpty();
    const detail = { list: this.list, epoch: view.epoch, sequence: view.sequence };
    document.dispatchEvent(new CustomEvent("gapscan:shown", { detail }));
  }

  #showEmpty() {
    const empty = byId("empty");
    const text = this.#shown.rows.length || !this.view.loaded ? "" : this.#emptyText();
    empty.hidden = text === "";
    if (empty.textContent !== text) empty.textContent = text;
    this.#offer(symbolMissing(this.view.rows, this.order.search));
  }

  #emptyText() {
    if (this.order.search && this.view.rows.length) return "Nothing matches the search.";
    return emptyBecause(this.#connection.about(this.list).beat?.state, this.definition.sessions);
  }

  /** Offer to say why a symbol is not there. */
  #offer(symbol) {
    const offer = byId("offer");
    offer.hidden = symbol === "" || !this.view.loaded;
    const text = symbol && `Why is ${symbol} not here?`;
    offer.dataset.symbol = symbol;
    if (offer.textContent !== text) offer.textContent = text;
  }

  /** Write what changes with market time alone. @param {number} now market time */
  tick(now) {
    if (now === this.#ticked) return;
    this.#ticked = now;
    this.table.tick(now);
  }

  /** @param {?import("./order.js").Sort} sort */
  sort(sort) {
    this.order.sort = sort;
    this.head.showSort(sort);
    this.#rearrange();
  }

  search(text) {
    this.order.search = text;
    this.#rearrange();
  }

  /** The user asks for another order: it is given at once, and held from there if it was held before. */
  #rearrange() {
    if (this.order.held) {
      this.order.release();
      this.order.hold(this.order.show(this.view.rows).rows);
    }
    this.redraw();
  }

  #applyHold() {
    const { on } = this.hold;
    if (on && !this.order.held) this.order.hold(this.#shown?.rows ?? []);
    if (!on) this.order.release();
    byId("hold").setAttribute("aria-pressed", String(on));
    this.redraw();
  }

  /** Save what is shown. Returns the name of the file. */
  export() {
    const at = new Date(this.view.asOf || Date.now()).toISOString().slice(0, 19).replaceAll(":", "");
    const name = `gapscan-${this.list}-${at}${this.#connection.simulated ? "-SIMULATED" : ""}.csv`;
    const { rows, ranks } = this.order.show(this.view.rows);
    download(name, csv(rows, ranks, this.#columns));
    return name;
  }
}
