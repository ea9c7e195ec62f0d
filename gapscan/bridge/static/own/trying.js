/** Asks again and again what a list would have, as it is written: the newest text alone is answered. */

const QUIET_MS = 250; // of typing

export class Trying {
  #ask;
  #show;
  #timer = 0;
  #running = null;

  /** @param {(text: string, signal: AbortSignal) => Promise<*>} ask @param {(result: {answer?: *, error?: Error}) => void} show */
  constructor(ask, show) {
    this.#ask = ask;
    this.#show = show;
  }

  /** Ask, when nothing else is asked for a moment. @param {string} text @param {number} [wait] milliseconds */
  ask(text, wait = QUIET_MS) {
    this.end();
    this.#timer = setTimeout(() => this.#run(text), wait);
  }

  async #run(text) {
    const running = (this.#running = new AbortController());
    let result;
    try {
      result = { answer: await this.#ask(text, running.signal) };
    } catch (error) {
      result = { error };
    }
    if (running === this.#running && !running.signal.aborted) this.#show(result);
  }

  /** Nobody waits for an answer any more. */
  end() {
    clearTimeout(this.#timer);
    this.#running?.abort();
    this.#running = null;
  }
}
