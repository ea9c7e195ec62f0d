/** Where the rows of a table stand: those near what is seen of it in one part, all below them in another.
 *
 * The browser passes over the part that is far from sight, however much changes in it: it lays out and paints nothing of it
 * until somebody scrolls near. Were each row passed over by itself, every one that moves would have to be looked at again,
 * which costs a second frame with each drawing. */

import { rem } from "./tracks.js";

const STEP = 8; // rows that go from one part to the other together
const AHEAD = 1.5; // heights of the window below what is seen: what begins there, browsers do not pass over

export class Places {
  #near;
  #far;
  #scroll;
  #changed;
  #limit = Infinity; // of rows that stand near

  /** @param {HTMLElement} body  takes the rows @param {() => void} changed  they are to be put anew */
  constructor(body, changed) {
    this.#near = body;
    this.#far = body.cloneNode(false);
    this.#far.removeAttribute("id");
    this.#far.className = "body far";
    this.#far.hidden = true;
    body.after(this.#far);
    this.#scroll = body.closest(".scroll");
    this.#changed = changed;
    this.#scroll.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.#look()).observe(this.#scroll);
  }

  #look() {
    const height = parseFloat(getComputedStyle(this.#scroll).getPropertyValue("--row")) * rem();
    const near = (this.#scroll.scrollTop + this.#scroll.clientHeight + AHEAD * innerHeight) / height;
    const limit = (Math.ceil(near / STEP) + 1) * STEP;
    if (!(limit > 0) || limit === this.#limit) return;
    this.#limit = limit;
    this.#changed();
  }

  /** The elements of all rows, from top to bottom. */
  get rows() {
    return [...this.#near.children, ...this.#far.children];
  }

  /** Give both parts a class, or take it away. */
  toggle(name, on) {
    for (const part of [this.#near, this.#far]) part.classList.toggle(name, on);
  }

  clear() {
    for (const part of [this.#near, this.#far]) part.replaceChildren();
    this.#measure(0);
  }

  /** Put every row that does not stay before the one that follows it, from the end on.
   * @param {HTMLElement[]} elements  all rows @param {(element: HTMLElement) => boolean} stays  it stands right, among those
   *   of its part that do */
  put(elements, stays) {
    let next = null;
    for (let index = elements.length - 1; index >= 0; index -= 1) {
      const element = elements[index];
      const part = index < this.#limit ? this.#near : this.#far;
      if (next?.parentElement !== part) next = null;
      if (element.parentElement !== part || !stays(element)) part.insertBefore(element, next);
      next = element;
    }
    this.#measure(Math.max(0, elements.length - this.#limit));
  }

  /** The part is as high as its rows are, and goes on counting them, though the browser does not look into it. */
  #measure(rows) {
    const { style } = this.#far;
    const values = { "--rows": String(rows), "--before": String(rows ? this.#limit : 0) };
    for (const [name, value] of Object.entries(values)) if (style.getPropertyValue(name) !== value) style.setProperty(name, value);
    if (this.#far.hidden !== (rows === 0)) this.#far.hidden = rows === 0;
  }
}
