/** What a list panel says when it shows no row, and the offer to say why a symbol that is searched for is not there. */

import { emptyBecause } from "../hours.js";
import { symbolMissing } from "../order.js";

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Emptiness {
  #empty;
  #offer;

  /** @param {{empty: HTMLElement, offer: HTMLElement}} parts */
  constructor({ empty, offer }) {
    this.#empty = empty;
    this.#offer = offer;
  }

  /** @param {import("./list.js").ListPanel} panel  that has just drawn */
  show(panel) {
    const text = panel.shown.rows.length || !panel.view.loaded ? "" : reason(panel);
    this.#empty.hidden = text === "";
    write(this.#empty, text);
    this.#make(panel.view.loaded ? symbolMissing(panel.view.rows, panel.order.search) : "");
  }

  #make(symbol) {
    this.#offer.hidden = symbol === "";
    this.#offer.dataset.symbol = symbol;
    write(this.#offer, symbol && `Why is ${symbol} not here?`);
  }
}

function reason({ order, view, live, about, definition }) {
  if (order.search && view.rows.length) return "Nothing matches the search.";
  return live ? emptyBecause(about.beat?.state, definition.sessions) : "Nothing was in the list.";
}
