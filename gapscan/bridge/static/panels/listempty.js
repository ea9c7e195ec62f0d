/** What a list panel says beside its rows: that there are none, how many it hides, and the offer to say why a symbol that
 * is searched for is not there. */

import { emptyBecause } from "../hours.js";
import { symbolMissing } from "../order.js";

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export class Emptiness {
  #empty;
  #offer;
  #hidden;

  /** @param {{empty: HTMLElement, offer: HTMLElement, hidden: HTMLElement}} parts
   * @param {(symbol: string, name: string) => void} explain  say why a symbol is not there */
  constructor({ empty, offer, hidden }, explain) {
    this.#empty = empty;
    this.#offer = offer;
    this.#hidden = hidden;
    offer.addEventListener("click", () => explain(offer.dataset.symbol, ""));
  }

  /** @param {import("./list.js").ListPanel} panel  that has just drawn */
  show(panel) {
    const some = panel.shown.rows.some((row) => !row.absent);
    const text = some || !panel.view.loaded ? "" : reason(panel);
    this.#empty.hidden = text === "";
    write(this.#empty, text);
    this.#count(panel);
    this.#make(panel.view.loaded ? symbolMissing(panel.view.rows, panel.order.search) : "");
  }

  /** How many rows are hidden, on the button that leads to them. */
  #count({ shown, marks }) {
    const others = marks.excluded.size - shown.hidden;
    this.#hidden.hidden = marks.excluded.size === 0;
    write(this.#hidden, [`${shown.hidden} hidden`, others && `${others} away`].filter(Boolean).join(", "));
  }

  /** Take the offer, if it is made. */
  answer() {
    if (!this.#offer.hidden) this.#offer.click();
  }

  #make(symbol) {
    this.#offer.hidden = symbol === "";
    this.#offer.dataset.symbol = symbol;
    write(this.#offer, symbol && `Why is ${symbol} not here?`);
  }
}

function reason({ order, shown, view, live, about, definition }) {
  if (order.search && view.rows.length) return `Nothing${shown.hidden ? " that is not hidden" : ""} matches the search.`;
  if (shown.hidden) return "All rows are hidden.";
  return live ? emptyBecause(about.beat?.state, definition.sessions) : "Nothing was in the list.";
}
