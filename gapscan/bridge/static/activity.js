/** The log of who came into the list and who left, newest first. */

import { clock } from "./format.js";
import { momentOf } from "./moments.js";

export const KEPT = 120;

export class Activity {
  #element;
  #empty;

  /** @param {HTMLOListElement} element @param {HTMLElement} empty  shown while nothing has happened */
  constructor(element, empty) {
    this.#element = element;
    this.#empty = empty;
  }

  /** Show a log from its beginning. @param {import("./traffic.js").Entry[]} entries  oldest first */
  show(entries) {
    this.clear();
    for (const entry of entries) this.add(entry);
  }

  /** @param {import("./traffic.js").Entry} entry  time: market time */
  add({ side, symbol, note, time }) {
    const item = document.createElement("li");
    item.className = side;
    item.title = "Show the list as it stood then";
    item.addEventListener("click", () => this.#goTo(time));
    const parts = [
      ["time", clock(time)],
      ["symbol", symbol],
      ["note", side === "in" ? `in ${note}` : "out"],
    ];
    for (const [name, text] of parts) {
      const part = document.createElement("span");
      part.className = name;
      part.textContent = text;
      item.append(part);
    }
    this.#element.prepend(item);
    while (this.#element.childElementCount > KEPT) this.#element.lastElementChild.remove();
    this.#empty.hidden = true;
  }

  /** The timeline of the list goes there: just after it happened. */
  #goTo(time) {
    document.dispatchEvent(new CustomEvent("gapscan:moment", { detail: { time: momentOf(time) } }));
  }

  clear() {
    this.#element.replaceChildren();
    this.#empty.hidden = false;
  }
}
