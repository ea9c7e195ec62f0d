/** Growing waits between attempts, each one drawn at random so that clients of a dead server do not return at once. */

const FIRST_MS = 250;
const LIMIT_MS = 15_000;

export class Backoff {
  #random;
  #attempts = 0;

  /** @param {() => number} [random]  as Math.random */
  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Milliseconds to wait before the next attempt: between half of a doubling limit and all of it. */
  next() {
    const limit = Math.min(LIMIT_MS, FIRST_MS * 2 ** this.#attempts);
    this.#attempts = Math.min(this.#attempts + 1, 16);
    return limit * (0.5 + 0.5 * this.#random());
  }

  reset() {
    this.#attempts = 0;
  }
}
