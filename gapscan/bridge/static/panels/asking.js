/** Asks the bridge the same thing again and again, one request at a time, while the page is seen. */

const EVERY_MS = 2000;

export class Asking {
  #context;
  #path;
  #said;
  #waiting = false; // for the answer to a request

  /** @param {{ask: function, signal: AbortSignal}} context  the panel's; with the signal it ends
   * @param {() => string} path  what is asked for now; "" for nothing
   * @param {(answer: ?object, fault: string) => void} said  without an answer, `fault` says why there is none */
  constructor(context, path, said) {
    this.#context = context;
    this.#path = path;
    this.#said = said;
    const { signal } = context;
    document.addEventListener("visibilitychange", () => this.now(), { signal });
    const timer = setInterval(() => this.now(), EVERY_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
    this.now();
  }

  /** Ask at once. What is under way is waited for first; if that is about something else by then, it is not told. */
  async now() {
    const path = this.#path();
    if (!path || document.hidden || this.#waiting) return;
    this.#waiting = true;
    const [answer, fault] = await this.#answer(path);
    this.#waiting = false;
    if (this.#context.signal.aborted) return;
    if (path === this.#path()) this.#said(answer, fault);
    else this.now();
  }

  async #answer(path) {
    try {
      const response = await this.#context.ask(path, { signal: this.#context.signal });
      const answer = await response.json();
      return response.ok ? [answer, ""] : [null, answer.detail ?? answer.title ?? ""];
    } catch {
      return [null, "The server does not answer"];
    }
  }
}
