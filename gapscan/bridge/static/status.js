/** Says how the list stands: the word beside its title, the notice above it, and the line below. */

import { clock, span } from "./format.js";

const byId = (id) => document.getElementById(id);

function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

function plural(count, noun) {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

export class Status {
  #parts = Object.fromEntries(
    ["status", "status-word", "notice", "simulated", "held", "count", "lateness", "age", "asof", "sequence", "verified"].map((id) => [id, byId(id)]),
  );

  /** @param {import("./health.js").Health} health */
  health({ level, word, text }) {
    const { status, notice } = this.#parts;
    write(this.#parts["status-word"], word);
    if (status.className !== `status ${level}`) status.className = `status ${level}`;
    write(notice, text);
    if (notice.className !== level) notice.className = level;
    show(notice, text !== "");
  }

  /** @param {string} text */
  lateness(text) {
    write(this.#parts.lateness, text);
  }

  simulated(on) {
    show(this.#parts.simulated, on);
  }

  /** @param {{view: object, asOf: number, movedAt: number, resyncing: boolean}} about
   * @param {boolean} connected @param {number} now performance.now() */
  list({ view, asOf, movedAt, resyncing }, connected, now) {
    const { age, asof, sequence, verified } = this.#parts;
    write(age, movedAt ? `data age ${span(now - movedAt)}` : "");
    write(asof, asOf ? `${clock(asOf)} New York` : "");
    write(sequence, view.loaded ? `sequence ${view.sequence}` : "");
    const proved = view.loaded && !resyncing;
    const word = proved ? (connected ? "✓ verified" : "verified then") : "not verified";
    write(verified, view.loaded ? word : "");
    const side = proved ? (connected ? "yes" : "") : "no";
    if (verified.className !== side) verified.className = side;
  }

  /** @param {import("./order.js").Shown} shown @param {boolean} held */
  order(shown, held) {
    const { size, count } = shown;
    write(this.#parts.count, count === size || held ? plural(size, "row") : `${count} of ${plural(size, "row")}`);
    show(this.#parts.held, held);
    if (!held) return;
    const news = [shown.waiting.length && `+${shown.waiting.length} waiting`, shown.left.size && `${shown.left.size} left`];
    write(this.#parts.held, ["Order held", ...news.filter(Boolean)].join(" · "));
  }
}

/** Say something for a moment. */
export function toast(text) {
  const element = byId("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => (element.hidden = true), 1800);
}
