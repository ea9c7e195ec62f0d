/** A panel with who nearly is in a list: what each lacks, and how far it is; asked for again and again. */

import { lineOf } from "../conditions.js";
import { price, title } from "../format.js";
import { make, patch } from "../patch.js";
import { Asking } from "./asking.js";

class NearPanel {
  #context;
  #choice;
  #table;
  #note;
  #asking;

  constructor(context) {
    this.#context = context;
    const { element } = context;
    this.#choice = make("select", "");
    this.#choice.setAttribute("aria-label", "List");
    this.#note = make("p", "quiet");
    this.#note.setAttribute("role", "status");
    this.#table = make("table", "near");
    element.replaceChildren(make("div", "near-tools", this.#choice), this.#note, this.#table);
    this.#choice.addEventListener("change", () => this.#choose(this.#choice.value));
    this.#table.addEventListener("click", ({ target }) => this.#point(target.closest("tr")?.dataset));
    this.defined();
    this.#asking = new Asking(context, () => this.list && `api/lists/${this.list}/near`, (near, fault) => this.#show(near, fault));
  }

  /** The list that is asked about; of a layout that names none that there is, the first. */
  get list() {
    const { list } = this.#context.state;
    return this.#context.lists.has(list) ? list : (this.#context.lists.keys().next().value ?? "");
  }

  /** The lists are others. */
  defined() {
    const options = [...this.#context.lists.keys()].map((name) => {
      const option = make("option", "", title(name));
      option.value = name;
      return option;
    });
    this.#choice.replaceChildren(...options);
    this.#choice.value = this.list;
    this.#name();
  }

  #name() {
    this.#context.title(this.list ? `Near ${title(this.list)}` : "Near misses");
  }

  #choose(list) {
    this.#context.keep({ ...this.#context.state, list });
    this.#table.replaceChildren();
    this.#name();
    this.#asking.now();
  }

  /** @param {?{symbols: object[]}} near  null: `fault` says why there is no answer */
  #show(near, fault) {
    const nobody = near?.symbols.length === 0 ? "Nobody lacks just one condition by a tenth or less." : "";
    this.#note.textContent = near ? nobody : fault;
    if (near) patch(this.#table, make("table", "near", make("tbody", "", ...near.symbols.map(row))));
  }

  #point(dataset) {
    if (dataset?.symbol) this.#context.choose(dataset.symbol);
  }

  focus() {
    this.#choice.focus({ preventScroll: true });
  }

  close() {}
}

function row({ symbol, condition, distance, price: last }) {
  const line = lineOf({ ...condition, since: null, at_least: false });
  const cells = [symbol, price(last), line.label, line.value, line.must, `${distance.toFixed(1)} %`];
  const element = make("tr", "", ...cells.map((text, index) => make(index ? "td" : "th", "", text)));
  element.dataset.symbol = element.dataset.key = symbol;
  return element;
}

export const nearPanel = Object.freeze({ title: "Near misses", open: (context) => new NearPanel(context) });
