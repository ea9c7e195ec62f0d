/** Whether the order of the rows is held: by key, or while the pointer moves over the rows. */

/** A pointer that lies still for so long was left there, and holds nothing any more. */
const IDLE_MS = 20_000;

export class Hold {
  #byKey = false;
  #byPointer = false;
  #timer = 0;
  #changed;

  /** @param {HTMLElement} rows @param {() => boolean} wanted  whether the pointer may hold
   * @param {() => void} changed */
  constructor(rows, wanted, changed) {
    this.#changed = changed;
    rows.addEventListener("pointermove", (event) => event.pointerType === "mouse" && wanted() && this.#touch());
    rows.addEventListener("pointerleave", () => this.#pointer(false));
  }

  get on() {
    return this.#byKey || this.#byPointer;
  }

  get byKey() {
    return this.#byKey;
  }

  toggle() {
    this.#byKey = !this.#byKey;
    if (!this.#byKey) this.#byPointer = false;
    this.#changed();
  }

  /** Hold nothing. */
  release() {
    clearTimeout(this.#timer);
    this.#byKey = this.#byPointer = false;
    this.#changed();
  }

  #touch() {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#pointer(false), IDLE_MS);
    this.#pointer(true);
  }

  #pointer(on) {
    if (!on) clearTimeout(this.#timer);
    if (on === this.#byPointer) return;
    this.#byPointer = on;
    this.#changed();
  }
}
