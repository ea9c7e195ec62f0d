/** The symbol that each colour group has chosen, here and in other windows of this page. */

const CHANNEL = "gapscan.symbols";
const LONGEST = 32; // letters of a symbol
const LONGEST_NAME = 120;

/** The groups by their numbers; a panel of group 0 follows nobody. */
export const GROUPS = Object.freeze(["none", "blue", "orange", "green", "purple"]);

export class Symbols extends EventTarget {
  #chosen = new Map();
  #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);

  constructor() {
    super();
    this.#channel?.addEventListener("message", ({ data }) => this.#heard(data));
  }

  /** @param {number} group @returns {{symbol: string, name: string}} */
  of(group) {
    return this.#chosen.get(group) ?? { symbol: "", name: "" };
  }

  /** Choose a symbol for a group: an event `chosen` with {group, symbol, name} says so, in every window. */
  choose(group, symbol, name = "") {
    if (symbol === this.of(group).symbol) return;
    this.#take(group, symbol, name);
    this.#channel?.postMessage({ group, symbol, name });
  }

  /** Another window chose; of which version of this page, nobody knows. */
  #heard({ group, symbol, name } = {}) {
    const known = Number.isInteger(group) && group > 0 && group < GROUPS.length;
    if (!known || typeof symbol !== "string" || symbol.length > LONGEST) return;
    this.#take(group, symbol, typeof name === "string" ? name.slice(0, LONGEST_NAME) : "");
  }

  #take(group, symbol, name) {
    this.#chosen.set(group, { symbol, name });
    this.dispatchEvent(new CustomEvent("chosen", { detail: { group, symbol, name } }));
  }
}
