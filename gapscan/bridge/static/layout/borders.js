/** The lines between panels: dragged with the pointer, or moved with the arrow keys. */

import { make } from "../patch.js";

const KEY_STEP = 0.02; // of the split, with each press of an arrow key

export class Borders {
  #element;
  #onMove;
  #lines = [];

  /** @param {HTMLElement} element  the workspace
   * @param {(path: number[], index: number, share: number) => void} onMove  by so much of the split */
  constructor(element, onMove) {
    this.#element = element;
    this.#onMove = onMove;
  }

  /** @param {object[]} borders  as `places` gives them; a line that was there before keeps its element */
  show(borders) {
    while (this.#lines.length > borders.length) this.#lines.pop().element.remove();
    borders.forEach((border, index) => {
      this.#lines[index] ??= this.#line();
      this.#lines[index].border = border;
      this.#put(this.#lines[index]);
    });
  }

  #line() {
    const element = make("div", "border");
    element.tabIndex = 0;
    element.setAttribute("role", "separator");
    element.setAttribute("aria-label", "Border between panels: arrow keys move it");
    const line = { element, border: null };
    element.addEventListener("pointerdown", (event) => this.#drag(line, event));
    element.addEventListener("keydown", (event) => this.#key(line, event));
    this.#element.append(element);
    return line;
  }

  #put({ element, border: { box, row, at } }) {
    const share = (value) => `${(value * 100).toFixed(3)}%`;
    element.setAttribute("aria-orientation", row ? "vertical" : "horizontal");
    element.setAttribute("aria-valuenow", String(Math.round(at * 100)));
    element.classList.toggle("upright", row);
    const { style } = element;
    style.left = share(box.left + (row ? box.width * at : 0));
    style.top = share(box.top + (row ? 0 : box.height * at));
    style.width = row ? "" : share(box.width);
    style.height = row ? share(box.height) : "";
  }

  /** CSS pixels of the split along which a line moves. */
  #length({ box, row }) {
    return row ? this.#element.clientWidth * box.width : this.#element.clientHeight * box.height;
  }

  #drag(line, event) {
    event.preventDefault();
    const { element } = line;
    element.setPointerCapture(event.pointerId);
    let last = line.border.row ? event.clientX : event.clientY;
    const move = ({ clientX, clientY }) => {
      const here = line.border.row ? clientX : clientY;
      const { path, index } = line.border;
      this.#onMove(path, index, (here - last) / this.#length(line.border));
      last = here;
    };
    const ending = new AbortController();
    element.addEventListener("pointermove", move, { signal: ending.signal });
    for (const type of ["pointerup", "pointercancel", "lostpointercapture"]) {
      element.addEventListener(type, () => ending.abort(), { signal: ending.signal });
    }
  }

  #key(line, event) {
    const { row, path, index } = line.border;
    const steps = row ? { ArrowLeft: -1, ArrowRight: 1 } : { ArrowUp: -1, ArrowDown: 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    event.stopPropagation();
    this.#onMove(path, index, steps[event.key] * KEY_STEP);
  }
}
