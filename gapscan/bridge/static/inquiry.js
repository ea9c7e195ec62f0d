/** Asks the server about one symbol again and again, one question at a time. */

const EVERY_MS = 2000;
const LOST_MS = 6000; // an answer may be left out when the connection is slow

export class Inquiry {
  #connection;
  #onAnswer;
  #onFault;
  #timer = 0;
  #waiting = false;
  #askedAt = 0;
  #asked = null;

  /** @param {import("./connection.js").Connection} connection
   * @param {(why: object) => void} onAnswer @param {(error: object) => void} onFault */
  constructor(connection, onAnswer, onFault) {
    this.#connection = connection;
    this.#onAnswer = onAnswer;
    this.#onFault = onFault;
    this.symbol = "";
    /** The list that is asked about; null: all. */
    this.list = null;
    connection.addEventListener("why", ({ detail }) => this.#answered(detail));
    connection.addEventListener("fault", ({ detail }) => detail.symbol && this.#refused(detail));
    connection.addEventListener("phase", () => (this.#waiting = false));
  }

  /** Ask about `symbol` from now on. @param {string} symbol @param {?string} list */
  begin(symbol, list) {
    Object.assign(this, { symbol, list });
    this.#timer ||= setInterval(() => this.#ask(), EVERY_MS);
    this.#ask();
  }

  end() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.symbol = "";
  }

  #ask() {
    const now = performance.now();
    if (document.hidden || (this.#waiting && now - this.#askedAt < LOST_MS)) return;
    this.#waiting = this.#connection.ask(this.symbol, this.list);
    this.#askedAt = now;
    this.#asked = { symbol: this.symbol, list: this.list };
  }

  #answered(why) {
    this.#waiting = false;
    if (!this.symbol) return;
    if (this.#isMeant(why)) this.#onAnswer(why);
    else this.#ask(); // the question changed while it was answered
  }

  #isMeant({ symbol }) {
    const { symbol: asked, list } = this.#asked ?? {};
    return asked === this.symbol && list === this.list && symbol.toUpperCase() === asked.toUpperCase();
  }

  #refused(error) {
    this.#waiting = false;
    if (this.symbol && error.symbol === this.symbol) this.#onFault(error);
  }
}
