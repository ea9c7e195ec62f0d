/**
 * The alerts that this page knows, oldest first, and how many nobody has seen yet.
 *
 * Events: `changed`, whenever something is another; `news` with {alerts} in `detail`, those that came just now.
 */

export const KEPT = 300;
const KEY = "gapscan.alerts.seen"; // the id of the last alert that was seen, in whichever tab

function stored() {
  try {
    return localStorage.getItem(KEY) ?? "";
  } catch {
    return ""; // no storage
  }
}

export class AlertLog extends EventTarget {
  #items = [];
  #ids = new Set();
  #seen = stored();

  /** @param {import("../connection.js").Connection} connection */
  constructor(connection) {
    super();
    connection.addEventListener("alerts", ({ detail }) => this.#heard(detail));
    globalThis.addEventListener?.("storage", ({ key, newValue }) => key === KEY && this.#seenElsewhere(newValue));
  }

  /** @returns {{id: string, alert: object}[]} */
  get items() {
    return this.#items;
  }

  /** How many came after the last one that was seen. Of those that a first visit finds, none is news. */
  get unread() {
    return this.#items.length - 1 - this.#items.findLastIndex(({ id }) => id === this.#seen);
  }

  #heard({ alerts, first }) {
    const fresh = alerts.filter(({ id }) => !this.#ids.has(id)); // some come again over a reconnect
    const begins = this.#items.length === 0 && first;
    for (const { id } of fresh) this.#ids.add(id);
    this.#items = [...this.#items, ...fresh];
    for (const { id } of this.#items.slice(0, -KEPT)) this.#ids.delete(id);
    this.#items = this.#items.slice(-KEPT);
    if (begins && !this.#items.some(({ id }) => id === this.#seen)) this.#see();
    if (!fresh.length) return;
    this.#emit("changed");
    if (!first) this.#emit("news", { alerts: fresh.map(({ alert }) => alert), ids: fresh.map(({ id }) => id) });
  }

  #emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** All that there are have been seen: here, and in other tabs. */
  see() {
    if (!this.unread) return;
    this.#see();
    this.#emit("changed");
  }

  #see() {
    this.#seen = this.#items.at(-1)?.id ?? "";
    try {
      localStorage.setItem(KEY, this.#seen);
    } catch {
      // it lasts as long as the page
    }
  }

  #seenElsewhere(id) {
    this.#seen = id ?? "";
    this.#emit("changed");
  }
}
