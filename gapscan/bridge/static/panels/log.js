/** A panel with the in-and-out log: of one list, or of all that the page shows; each entry leads to its moment. */

import { clock, title } from "../format.js";
import { followMoment, momentLink } from "../moments.js";
import { Moves } from "../moves.js";
import { keyed, make } from "../patch.js";

const SHOWN = 300;
const EVERY_MS = 1000; // between two looks at which lists the page shows
const ALL = "";

class LogPanel {
  #context;
  #choice;
  #items;
  #empty;
  #moves = new Map(); // list -> Moves
  #drawn = true; // nothing has come since
  #lookedAt = -Infinity;

  constructor(context) {
    this.#context = context;
    this.#choice = make("select", "");
    this.#choice.setAttribute("aria-label", "List");
    this.#empty = make("p", "quiet", "Entries and exits will show here.");
    this.#items = make("ol", "log");
    context.element.replaceChildren(make("div", "log-tools", this.#choice), this.#empty, this.#items);
    this.#choice.addEventListener("change", () => this.#choose(this.#choice.value));
    this.#items.addEventListener("click", (event) => this.#act(event));
    this.defined();
  }

  /** The list that is chosen; "" for all of the page, as of one that there is no more. */
  get list() {
    const { list } = this.#context.state;
    return this.#context.lists.has(list) ? list : ALL;
  }

  /** The lists are others. */
  defined() {
    const options = [ALL, ...this.#context.lists.keys()].map((name) => {
      const option = make("option", "", name === ALL ? "All lists of the page" : title(name));
      option.value = name;
      return option;
    });
    this.#choice.replaceChildren(...options);
    this.#choice.value = this.list;
    this.#follow();
  }

  #choose(list) {
    this.#items.replaceChildren(); // entries are said in other words
    this.#context.keep({ ...this.#context.state, list });
    this.#follow();
  }

  /** @param {number} now performance.now() */
  tick(now) {
    if (!this.#drawn && !document.hidden) this.#draw();
    if (now - this.#lookedAt < EVERY_MS) return;
    this.#lookedAt = now;
    this.#follow();
  }

  /** Have the moves of the lists that it is about, and of no others. */
  #follow() {
    const { lists, connection, title: name } = this.#context;
    const wanted = new Set(this.list === ALL ? [...lists.keys()].filter((each) => connection.follows(each)) : [this.list]);
    const changed = wanted.size !== this.#moves.size || [...wanted].some((each) => !this.#moves.has(each));
    name(this.list === ALL ? "In and out" : `In and out of ${title(this.list)}`);
    if (!changed) return;
    for (const [each, moves] of this.#moves) if (!wanted.has(each)) this.#drop(each, moves);
    for (const each of wanted) if (!this.#moves.has(each)) this.#add(each);
    this.#drawn = false;
  }

  #add(list) {
    const moves = new Moves(this.#context.connection, list);
    moves.addEventListener("change", () => (this.#drawn = false));
    this.#moves.set(list, moves);
  }

  #drop(list, moves) {
    moves.close();
    this.#moves.delete(list);
  }

  #draw() {
    this.#drawn = true;
    const moves = [...this.#moves.values()].flatMap((each) => each.newest(SHOWN));
    const shown = moves.sort((a, b) => a.time - b.time).slice(-SHOWN).reverse();
    this.#empty.hidden = shown.length > 0;
    keyed(this.#items, shown, keyOf, (move) => itemOf(move, this.list === ALL));
  }

  #act(event) {
    followMoment(event, this.#context.alerts.open); // the address leads on to the moment
    const { symbol } = event.target.closest("li")?.dataset ?? {};
    if (symbol) this.#context.choose(symbol);
  }

  focus() {
    this.#choice.focus({ preventScroll: true });
  }

  close() {
    for (const [list, moves] of this.#moves) this.#drop(list, moves);
  }
}

/** @param {import("../moves.js").Move} move @param {boolean} named  its list is said */
function itemOf({ list, symbol, time, action, rank }, named) {
  const came = action === "enter";
  const where = named ? `${title(list)} ` : "";
  const text = make("span", "note", `${where}${came ? `in #${rank}` : "out"}`);
  const link = momentLink(list, time, make("span", "time", clock(time)), make("b", "symbol", symbol), text);
  const item = make("li", came ? "in" : "out", link);
  item.dataset.symbol = symbol;
  return item;
}

function keyOf({ action, list, symbol, time }) {
  return `${action} ${list} ${symbol} ${time}`;
}

export const logPanel = Object.freeze({ title: "In and out", open: (context) => new LogPanel(context) });
