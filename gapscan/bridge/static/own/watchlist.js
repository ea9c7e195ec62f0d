/** A watchlist is an own list whose condition names its symbols. Pure. */

const WHERE = /^symbol in \(([^()]*)\)$/;
const SYMBOL = /^"([^"\\]+)"$/;

/** The symbols of a watchlist's condition; null when it is another one. Takes the same time for each letter, whatever is
 * written: it is asked of every list of the file. @param {*} where */
export function symbolsOf(where) {
  const inside = typeof where === "string" ? WHERE.exec(where.trim())?.[1] : undefined;
  if (inside === undefined) return null;
  const parts = inside.split(",").map((part) => part.trim());
  if (parts.at(-1) === "") parts.pop(); // after the last comma, or in empty brackets
  const symbols = parts.map((part) => SYMBOL.exec(part)?.[1]);
  return symbols.includes(undefined) ? null : symbols;
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

/** The table of a watchlist with more symbols: what else it says stays.
 * @param {Record<string, *>} table @param {string[]} symbols */
export function grown(table, symbols) {
  const { where, limit } = watching([...new Set([...(symbolsOf(table.where) ?? []), ...symbols])]);
  return { ...table, where, limit: Math.max(limit, table.limit ?? 0) };
}
