/** A panel with one list: takes what changed, and draws it once per animation frame. */

import { saveList } from "../csv.js";
import { title } from "../format.js";
import { Head, nextSort } from "../head.js";
import { Hold } from "../hold.js";
import { Order } from "../order.js";
import { filled } from "../patch.js";
import { settings } from "../settings.js";
import { Table } from "../table.js";
import { TIGHT } from "../tracks.js";
import { Traffic } from "../traffic.js";
import { NARROW } from "../width.js";
import { ListColumns } from "./listcolumns.js";
import { Emptiness } from "./listempty.js";
import { ListPicking } from "./listpicking.js";
import { ListSource } from "./listsource.js";
import { ListState, noteOf } from "./liststate.js";
import { UNDER } from "./under.js";

const UNKNOWN = Object.freeze({ name: "", description: "", sort: [], sessions: [] });

export class ListPanel {
  #context;
  #parts;
  #kept;
  #traffic = new Traffic();
  #drawing = () => this.#draw();
  #fresh = true; // what comes now was there before this page looked: no entry, no sound
  #columns;
  #empty;
  #shown = null;
  #ticked = 0;
  #source;
  #under;
  #picking;

  /** @param {object} context  see kinds.js, and `page`: what lists have with the page around them */
  constructor(context) {
    this.#context = context;
    this.#parts = filled(context.element, "list-template", context.id);
    this.#kept = new ListState(context);
    this.#source = new ListSource(context.connection, this.#kept);
    this.#columns = new ListColumns(context.page, this.#kept, this.#parts, () => this.setColumns());
    this.#empty = new Emptiness(this.#parts, context.page.explain);
    this.list = "";
    this.definition = UNKNOWN;
    this.order = new Order(this.marks);
    this.marks.changed = () => this.#marked();
    this.table = new Table(this.#parts.body, context.page.trends, (symbol) => context.id(`row-${symbol}`));
    this.head = new Head(this.#parts.head, (id) => this.sort(nextSort(this.order.sort, id)));
    this.hold = new Hold(this.#parts.body, () => settings.hold, () => this.#applyHold());
    this.#picking = new ListPicking(this, context, this.#parts);
    this.#listen(context);
    this.#under = UNDER.map((open) => this.#openUnder(open));
    this.open(this.#kept.list || ([...context.lists.keys()][0] ?? ""));
    this.head.showSort((this.order.sort = this.#kept.sort));
  }

  #listen({ signal, connection }) {
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    for (const width of [NARROW, TIGHT]) on(width, "change", () => this.setColumns());
    on(connection, "change", ({ detail }) => detail.list === this.list && this.#changed(detail));
    on(connection, "heartbeat", ({ detail }) => this.#beat(detail.lists[this.list]));
  }

  /** The symbols that are pinned and hidden here. @returns {import("./marks.js").Marks} */
  get marks() {
    return this.#kept.marks;
  }

  #openUnder(open) {
    const element = this.#parts.under.appendChild(document.createElement("div"));
    const { signal, connection, ask, page } = this.#context;
    return open({ element, signal, connection, ask, page, panel: this });
  }

  /** The rows that are shown, and their position. */
  get view() {
    return this.#source.view;
  }

  /** What is known of them; see Subscription. */
  get about() {
    return this.#source.about;
  }

  /** Whether what is shown is the list as it is now. */
  get live() {
    return this.#source.past === null;
  }

  /** @param {number} now performance.now() @returns {import("../health.js").Health} */
  health(now) {
    return this.#source.health(now);
  }

  /** Show a past list, {rows, asOf, epoch, sequence, word, text}, or the live one. @param {?object} past */
  showPast(past) {
    this.#source.past = past;
    this.#traffic.changed({ whole: true, added: [], moved: [] }, false);
    this.redraw();
    this.#context.page.changed();
  }

  /** Show another list, or the same by a new definition. @param {string} name */
  open(name) {
    const definition = this.#context.lists.get(name) ?? { ...UNKNOWN, name };
    const same = JSON.stringify(definition) === JSON.stringify(this.definition);
    this.definition = definition;
    if (name !== this.list) this.#change(name);
    if (!same) this.setColumns();
    this.#context.title(title(name) || "List");
    this.#parts.grid.setAttribute("aria-label", title(name) || "List");
    this.#context.page.changed();
  }

  #change(list) {
    this.list = list;
    this.#source.open(list);
    this.#fresh = true;
    this.#shown = null;
    this.#traffic.clear();
    this.order.sort = null;
    this.hold.release();
    this.#parts.scroll.scrollTop = 0;
    this.#kept.choose(list);
    for (const part of this.#under) part.listed?.(list);
  }

  /** The definitions are others. */
  defined() {
    if (this.#context.lists.has(this.list)) this.open(this.list);
  }

  /** Which columns of the list are chosen, on this width of page. */
  get chosen() {
    return this.#columns.chosen;
  }

  /** What is wanted of the list, {limit, fields}. */
  get wish() {
    return this.#columns.wish;
  }

  setColumns() {
    this.#columns.choose(this.definition);
    this.head.setColumns(this.#columns.shown, this.definition.sort);
    this.head.showSort(this.order.sort);
    this.table.setColumns(this.#columns.shown);
    this.#context.page.wished();
    this.redraw();
  }

  /** In another room other columns may fit. */
  resize() {
    if (this.#columns.outgrown) this.setColumns();
  }

  #changed({ changes, anew }) {
    if (anew) this.table.beganAnew(this.#source.copy.asOf);
    this.#traffic.changed(changes, !document.hidden);
    const heard = this.marks.heard(this.#source.news(changes));
    if (!this.#fresh) {
      this.#traffic.note(heard, this.#source.copy);
      if (heard.added.length) this.#context.page.chime.ring(this.list);
    }
    if (this.live) this.#context.page.frames.soon(this.#drawing);
  }

  /** A heartbeat: when the list is up to date, entries are news from then on. */
  #beat(beat) {
    if (this.#source.upTo(beat)) this.#fresh = false;
    if (this.#shown) this.#empty.show(this);
  }

  /** Draw with the next frame. */
  redraw() {
    this.#context.page.frames.now(this.#drawing);
  }

  #draw() {
    const { since, entries } = this.#traffic.drain();
    this.#shown = this.#arranged();
    if (this.hold.on) this.#holdStill();
    this.table.draw(this.#shown, since, this.about.asOf, this.live);
    this.#empty.show(this);
    this.#context.note(noteOf(this));
    this.#context.page.drawn(this, entries);
  }

  #arranged() {
    this.order.limit = this.#source.limit;
    return this.order.show(this.#source.rows);
  }

  /** As last drawn. @returns {?import("../order.js").Shown} */
  get shown() {
    return this.#shown;
  }

  /** Who came and who left since the list is shown, oldest first. */
  get log() {
    return this.#traffic.log;
  }

  /** Write what time alone changes. @param {number} now performance.now() */
  tick(now) {
    const health = this.health(now);
    const old = health.level === "bad" || health.level === "warn";
    if (this.#parts.grid.classList.contains("old") !== old) this.#parts.grid.classList.toggle("old", old);
    this.#context.status(health);
    const { asOf } = this.about;
    if (asOf === this.#ticked) return;
    this.#ticked = asOf;
    this.table.tick(asOf);
  }

  /** @param {?import("../order.js").Sort} sort */
  sort(sort) {
    this.order.sort = sort;
    this.#kept.sort = sort;
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
      this.order.hold(this.#arranged().rows);
    }
    this.redraw();
  }

  #marked() {
    this.#context.page.wished();
    this.#rearrange();
  }

  #applyHold() {
    if (this.hold.on) this.#holdStill();
    else this.order.release();
    this.#context.page.changed();
    this.redraw();
  }

  /** Keep the rows where they stand, once there are some. */
  #holdStill() {
    if (!this.order.held && this.#shown?.rows.length) this.order.hold(this.#shown.rows);
  }

  focus() {
    this.#parts.grid.focus({ preventScroll: true });
  }

  /** The group's symbol is another: its row is marked, if it has one. @param {string} symbol */
  select(symbol) {
    return this.#picking.select(symbol);
  }

  /** Select the row `steps` below. */
  step(steps) {
    this.#picking.step(steps);
  }

  /** Take the offer to say why a symbol is not there, if it is made. */
  answerOffer() {
    this.#empty.answer();
  }

  nameOf(symbol) {
    return this.#source.rows.find((row) => row.symbol === symbol)?.name ?? "";
  }

  /** Save what is shown. Returns the name of the file. */
  export() {
    return saveList({ list: this.list, asOf: this.view.asOf, simulated: this.#context.connection.simulated }, this.#arranged(), this.#columns.shown);
  }

  /** For looking at it from outside. */
  describe() {
    return { list: this.list, wish: this.wish, shown: this.table.symbols(), news: !this.#fresh };
  }

  close() {
    this.hold.release();
    this.#context.page.frames.cancel(this.#drawing);
    for (const part of this.#under) part.close?.();
    this.table.clear();
  }
}

export const listPanel = Object.freeze({ title: "List", open: (context) => new ListPanel(context) });
