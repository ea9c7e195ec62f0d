/** A watchlist is an own list whose condition names its symbols. Pure. */

const WHERE = /^\s*symbol in \(\s*((?:"[^"\\]+"\s*,?\s*)*)\)\s*$/;

/** The symbols of a watchlist's condition; null when it is another one. @param {*} where */
export function symbolsOf(where) {
  const inside = typeof where === "string" ? WHERE.exec(where)?.[1] : undefined;
  return inside === undefined ? null : [...inside.matchAll(/"([^"\\]+)"/g)].map(([, symbol]) => symbol);
}

/** The condition of a watchlist. @param {string[]} symbols */
export function whereOf(symbols) {
  return `symbol in (${symbols.map((symbol) => `"${symbol}",`).join(" ")})`;
}

/** The symbols that somebody typed or pasted, each once; those in small letters are meant large. @param {string} text */
export function symbolsIn(text) {
  const words = text.split(/[\s,;]+/).map((word) => word.replaceAll(/["'\\$]/g, "")).filter(Boolean);
  return [...new Set(words.map((word) => (word === word.toLowerCase() ? word.toUpperCase() : word)))];
}

/** A watchlist as a table: whoever is on it stays, whatever it costs or however quiet it is. @param {string[]} symbols */
export function watching(symbols) {
  return { where: whereOf(symbols), sort: ["-change_percent", "symbol"], limit: Math.max(1, symbols.length), gate: "none", idle: "stay", settle: 0 };
}
