/** Classes that an element bears for a while. A busy list has hundreds of them: they end when it is drawn anyway, and in a
 * quiet one by one timer for all. */

const SWEEP_MS = 300;

export class TimedClasses {
  #ends = new Map(); // element -> Map(class -> [end, after])
  #timer = 0;
  #sweptAt = -Infinity;

  /** Give `element` the class `name` for `ms`, from now on; `after` runs when it is taken away. */
  set(element, name, ms, after = null) {
    const ends = this.#ends.get(element) ?? new Map();
    this.#ends.set(element, ends);
    ends.set(name, [performance.now() + ms, after]);
    element.classList.add(name);
    this.#timer ||= setInterval(() => this.#look(), SWEEP_MS);
  }

  /** Take it away now. */
  clear(element, name) {
    if (this.#ends.get(element)?.delete(name)) element.classList.remove(name);
  }

  /** Forget an element that is shown no longer, and what is in it: it would be kept as a whole. */
  forget(element) {
    for (const other of this.#ends.keys()) if (element.contains(other)) this.#ends.delete(other);
  }

  /** Nothing was drawn for a while. */
  #look() {
    if (performance.now() - this.#sweptAt >= SWEEP_MS) this.sweep();
  }

  /** Take away those whose time is over. */
  sweep() {
    const now = (this.#sweptAt = performance.now());
    for (const [element, ends] of this.#ends) {
      for (const [name, [end, after]] of ends) {
        if (end > now) continue;
        ends.delete(name);
        element.classList.remove(name);
        after?.();
      }
      if (!ends.size) this.#ends.delete(element);
    }
    if (!this.#ends.size) {
      clearInterval(this.#timer);
      this.#timer = 0;
    }
  }
}
