/** The attempts to get a link: when the next one is made, and why they fail, where the server says so. */

import { Backoff } from "./backoff.js";
import { diagnosis } from "./diagnosis.js";

const HEALTHY_MS = 10_000; // a link that lived so long starts the back-off anew

export class Attempts {
  #url;
  #backoff;
  #timer = 0;
  #failures = 0; // in a row that got no greeting
  #greetedAt = Infinity;
  refusal = "";
  /** performance.now() of the next one. */
  nextAt = 0;

  /** @param {string} url @param {() => number} random */
  constructor(url, random) {
    this.#url = url;
    this.#backoff = new Backoff(random);
  }

  /** Somebody wants a link: the first attempts come soon after each other. */
  begin() {
    this.#backoff.reset();
  }

  /** There is a link. */
  greeted() {
    this.#greetedAt = performance.now();
    this.#failures = 0;
    this.refusal = "";
  }

  /** The link has ended, or the attempt; none is waited for. */
  over() {
    clearTimeout(this.#timer);
    if (performance.now() - this.#greetedAt > HEALTHY_MS) this.#backoff.reset();
    this.#greetedAt = Infinity;
  }

  /** Make one in a while. @param {() => void} attempt @param {() => void} refused  `refusal` is known, or another */
  next(attempt, refused) {
    this.#failures += 1;
    if (this.#failures > 1) this.#ask(refused);
    const wait = this.#backoff.next();
    this.nextAt = performance.now() + wait;
    this.#timer = setTimeout(attempt, wait);
  }

  /** Two attempts got no greeting: a browser does not tell a page why, but the server may. */
  async #ask(refused) {
    const refusal = await diagnosis(this.#url);
    if (!this.#failures) return; // there was one meanwhile
    this.refusal = refusal;
    refused();
  }
}
