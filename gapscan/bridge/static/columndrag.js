/** Columns are put in another order, or made wider, at their headings: with the pointer, or with Shift and arrow keys. */

import { rem } from "./tracks.js";

const NEAR_PX = 5; // a press that moves less is a click
const KEY_REM = 0.5;

export class ColumnDragging {
  #head;
  #onMove;
  #onWiden;

  /** @param {HTMLElement} head  the headings, each with its column's id in `dataset.column`
   * @param {(id: string, to: string) => void} onMove  the column is to stand where `to` stands
   * @param {(id: string, width: number) => void} onWiden  rem; 0: as wide as usual */
  constructor(head, onMove, onWiden) {
    this.#head = head;
    this.#onMove = onMove;
    this.#onWiden = onWiden;
    head.addEventListener("pointerdown", (event) => this.#press(event));
    head.addEventListener("dblclick", ({ target }) => target.classList.contains("grip") && this.#onWiden(cellOf(target).dataset.column, 0));
    head.addEventListener("keydown", (event) => this.#key(event));
  }

  #press(event) {
    const cell = cellOf(event.target);
    if (!cell || event.button !== 0) return;
    if (event.target.classList.contains("grip")) this.#widen(cell, event);
    else if (event.pointerType === "mouse") this.#drag(cell, event); // a finger scrolls
  }

  #widen(cell, event) {
    event.preventDefault();
    const [id, begin] = [cell.dataset.column, cell.getBoundingClientRect().width];
    this.#follow(event, ({ clientX }) => this.#onWiden(id, (begin + clientX - event.clientX) / rem()));
  }

  #drag(cell, event) {
    const id = cell.dataset.column;
    let target = null;
    const move = ({ clientX, clientY }) => {
      if (Math.abs(clientX - event.clientX) < NEAR_PX) return;
      cell.classList.add("dragged");
      const over = cellOf(document.elementFromPoint(clientX, clientY));
      target = over && over.parentElement === this.#head ? over.dataset.column : null;
      this.#mark(target === id ? null : target);
    };
    this.#follow(event, move, () => {
      if (cell.classList.contains("dragged")) addEventListener("click", stop, { capture: true, once: true });
      setTimeout(() => removeEventListener("click", stop, { capture: true }), 0); // no click comes of it, maybe
      cell.classList.remove("dragged");
      this.#mark(null);
      if (target && target !== id) this.#onMove(id, target);
    });
  }

  #mark(id) {
    for (const cell of this.#head.children) cell.classList.toggle("target", id !== null && cell.dataset.column === id);
  }

  /** Call `move` until the pointer is let go, then `end`. */
  #follow(event, move, end = () => {}) {
    const ending = new AbortController();
    const { signal } = ending;
    addEventListener("pointermove", move, { signal });
    for (const type of ["pointerup", "pointercancel"]) {
      addEventListener(type, () => {
        ending.abort();
        end();
      }, { signal });
    }
  }

  #key(event) {
    const cell = cellOf(event.target);
    if (!cell || !event.shiftKey || !event.key.startsWith("Arrow")) return;
    event.preventDefault();
    event.stopPropagation();
    const id = cell.dataset.column;
    const beside = { ArrowLeft: cell.previousElementSibling, ArrowRight: cell.nextElementSibling }[event.key];
    if (beside) this.#onMove(id, beside.dataset.column);
    const more = { ArrowUp: KEY_REM, ArrowDown: -KEY_REM }[event.key];
    if (more) this.#onWiden(id, cell.getBoundingClientRect().width / rem() + more);
    this.#head.querySelector(`[data-column="${CSS.escape(id)}"] button`)?.focus();
  }
}

function cellOf(target) {
  return target?.closest?.("[role=columnheader]") ?? null;
}

function stop(event) {
  event.stopPropagation();
  event.preventDefault();
}
