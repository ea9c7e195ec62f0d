/** Asks the server about one symbol again and again, one question at a time. Others may ask over the same connection. */

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
   * @param {(why: object) => void} onAnswer @param {(error: object) => void} onFault
   * @param {AbortSignal} [signal] ends it */
  constructor(connection, onAnswer, onFault, signal = undefined) {
    this.#connection = connection;
    this.#onAnswer = onAnswer;
    this.#onFault = onFault;
    this.symbol = "";
    /** The list that is asked about; null: all. */
    this.list = null;
    connection.addEventListener("why", ({ detail }) => this.#answered(detail), { signal });
    connection.addEventListener("fault", ({ detail }) => detail.symbol && this.#refused(detail), { signal });
    connection.addEventListener("phase", () => (this.#waiting = false), { signal });
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
    if (!this.symbol || !isAnswerTo(this.#asked, why)) return;
    this.#waiting = false;
    const { symbol, list } = this.#asked;
    if (symbol === this.symbol && list === this.list) this.#onAnswer(why);
    else this.#ask(); // the question changed while it was answered
  }

  #refused(error) {
    if (error.symbol !== this.#asked?.symbol || (error.list ?? null) !== this.#asked.list) return;
    this.#waiting = false;
    if (this.symbol && error.symbol === this.symbol) this.#onFault(error);
  }
}

/** Whether an answer is to a question: it says its symbol, and has the list that was asked for, or all of them. */
function isAnswerTo(question, { symbol, lists }) {
  if (symbol.toUpperCase() !== question?.symbol.toUpperCase()) return false;
  return question.list === null || lists.every(({ list }) => list === question.list);
}
