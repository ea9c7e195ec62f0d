/** When the page draws: all of it together, so that many changing lists cost one frame; and what data alone changes, not
 * too often. */

const SPACING_MS = 80; // at least between two drawings of what comes by itself; what a user does is drawn at once

export class Frames {
  #due = new Set();
  #frame = 0;
  #timer = 0;
  #drawnAt = -Infinity;
  #asked = false; // whether a user did something that is not drawn yet
  #after;

  /** @param {() => void} [after]  called after each drawing, in the same frame */
  constructor(after = () => {}) {
    this.#after = after;
  }

  /** What a user did: draw with the next frame. A drawing that is due already is not done twice.
   * @param {() => void} draw */
  now(draw) {
    this.#asked = true;
    this.#next(draw);
  }

  /** Draw at once what a user did, if it is not drawn yet. */
  settle() {
    if (!this.#asked) return;
    cancelAnimationFrame(this.#frame);
    this.#draw();
  }

  #next(draw) {
    this.#due.add(draw);
    this.#frame ||= requestAnimationFrame(() => this.#draw());
  }

  /** Draw soon: at once, if nothing was drawn just now. @param {() => void} draw */
  soon(draw) {
    const wait = this.#drawnAt + SPACING_MS - performance.now();
    if (wait <= 0 || this.#frame) this.#next(draw);
    else {
      this.#due.add(draw);
      this.#timer ||= setTimeout(() => (this.#frame ||= requestAnimationFrame(() => this.#draw())), wait);
    }
  }

  /** @param {() => void} draw  what asked for it is no more */
  cancel(draw) {
    this.#due.delete(draw);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
    this.#asked = false;
    this.#drawnAt = performance.now();
    const due = [...this.#due];
    this.#due.clear();
    for (const draw of due) draw();
    this.#after();
  }
}
