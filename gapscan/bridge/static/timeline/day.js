/** A list's day on the tape: from when to when it is recorded, who came and went, and where nothing is known. */

const REFRESH_MS = 15_000;
const AGAIN_MS = 700;

/** Somebody came or went. @typedef {{symbol: string, time: number, action: "enter"|"leave", rank: number}} Move */

export class Day extends EventTarget {
  #connection;
  #list = "";
  #again = 0;
  begin = 0;
  end = 0;
  simulated = false;
  /** @type {Move[]} oldest first */
  moves = [];
  /** @type {{begin: number, end: number, reason: string}[]} */
  gaps = [];

  /** @param {import("../connection.js").Connection} connection @param {AbortSignal} signal */
  constructor(connection, signal) {
    super();
    this.#connection = connection;
    connection.addEventListener("past", ({ detail }) => this.#hear(detail), { signal });
    connection.addEventListener("phase", ({ detail }) => detail.phase === "open" && this.refresh(), { signal });
    connection.addEventListener("fault", ({ detail }) => this.#fault(detail), { signal });
    const timer = setInterval(() => document.hidden || this.refresh(), REFRESH_MS);
    signal.addEventListener("abort", () => [clearInterval(timer), clearTimeout(this.#again)]);
  }

  /** Of a page with many lists, too much may be asked at once: then once more, at a moment of one's own. */
  #fault({ code, list }) {
    if (code !== "rate_limited" || list !== this.#list) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.refresh(), AGAIN_MS * (1 + Math.random()));
  }

  /** @param {string} list */
  follow(list) {
    this.#list = list;
    this.#forget();
    this.refresh();
  }

  #forget() {
    Object.assign(this, { begin: 0, end: 0, moves: [], gaps: [] });
    this.dispatchEvent(new Event("change"));
  }

  get known() {
    return this.end > this.begin;
  }

  /** Ask for what came since. */
  refresh() {
    if (this.#list) this.#connection.say({ action: "timeline", list: this.#list, since: this.moves.at(-1)?.time ?? 0 });
  }

  #hear(message) {
    if (message.type !== "timeline" || message.list !== this.#list) return;
    const { since, begin, end, moves, gaps, simulated } = message;
    if (since && (begin > this.end || end < this.end || simulated !== this.simulated)) {
      this.#forget(); // another day, or another market's
      this.refresh();
      return;
    }
    if (since !== (this.moves.at(-1)?.time ?? 0)) return; // asked for before what is here came
    Object.assign(this, { begin, end, gaps, simulated, moves: since ? [...this.moves, ...moves] : moves });
    this.dispatchEvent(new Event("change"));
  }

  /** The next time after `time` at which somebody came or went, or the one before it; null without one.
   * @param {number} time @param {1|-1} direction */
  nextMove(time, direction) {
    const seconds = this.moves.map((move) => Math.ceil(move.time / 1000) * 1000);
    const found = direction > 0 ? seconds.find((each) => each > time) : seconds.findLast((each) => each < time);
    return found ?? null;
  }
}
