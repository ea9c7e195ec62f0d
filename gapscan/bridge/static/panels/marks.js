/** The symbols that a panel keeps on top and those that it hides, whatever list it shows. They are kept in its layout. */

const LONGEST = 32; // letters of a symbol
/** How many may be pinned. */
export const MOST_PINNED = 30;
/** How many may be hidden. */
export const MOST_HIDDEN = 200;

/** What of a kept value are symbols, each once. @param {*} value @param {number} most @returns {Set<string>} */
function symbolsIn(value, most) {
  const given = Array.isArray(value) ? value : [];
  return new Set(given.filter((symbol) => typeof symbol === "string" && symbol && symbol.length <= LONGEST).slice(0, most));
}

export class Marks {
  #context;
  /** Called when others are marked. */
  changed = () => {};

  /** @param {object} context  the panel's */
  constructor(context) {
    this.#context = context;
    const { pinned, excluded } = context.state;
    /** In the order in which they stand. @type {Set<string>} */
    this.pinned = symbolsIn(pinned, MOST_PINNED);
    /** @type {Set<string>} */
    this.excluded = symbolsIn(Array.isArray(excluded) ? excluded.filter((symbol) => !this.pinned.has(symbol)) : [], MOST_HIDDEN);
  }

  /** Keep a symbol on top; false when no more may be. */
  pin(symbol) {
    return this.#add(symbol, this.pinned, this.excluded, MOST_PINNED);
  }

  /** Hide a symbol; false when no more may be. */
  exclude(symbol) {
    return this.#add(symbol, this.excluded, this.pinned, MOST_HIDDEN);
  }

  #add(symbol, to, from, most) {
    if (!symbol || symbol.length > LONGEST || (!to.has(symbol) && to.size >= most)) return false;
    from.delete(symbol);
    to.add(symbol);
    this.#keep();
    return true;
  }

  /** Neither pinned nor hidden any more. */
  free(...symbols) {
    for (const symbol of symbols) {
      this.pinned.delete(symbol);
      this.excluded.delete(symbol);
    }
    this.#keep();
  }

  #keep() {
    const { pinned: _, excluded: __, ...others } = this.#context.state;
    const marked = { pinned: [...this.pinned], excluded: [...this.excluded] };
    this.#context.keep({ ...others, ...Object.fromEntries(Object.entries(marked).filter(([, symbols]) => symbols.length)) });
    this.changed();
  }

  /** What of a change is news: who is hidden comes and goes unheard. @param {import("../listview.js").Changes} changes */
  heard(changes) {
    if (!this.excluded.size) return changes;
    const seen = (symbols) => symbols.filter((symbol) => !this.excluded.has(symbol));
    return { ...changes, added: seen(changes.added), removed: seen(changes.removed) };
  }
}
