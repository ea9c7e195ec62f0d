/** The layouts that everybody has. */

const list = (id, name, more = {}) => ({ id, kind: "list", group: 1, state: { list: name, ...more } });
const panel = (id, kind) => ({ id, kind, group: 1, state: {} });
const row = (sizes, ...parts) => ({ split: "row", sizes, parts });
const column = (sizes, ...parts) => ({ split: "column", sizes, parts });

/** By their names. @type {Readonly<Record<string, import("./tree.js").Node>>} */
export const SHIPPED = Object.freeze({
  __proto__: null,
  "One list": list(1, ""),
  Open: row(
    [3, 3, 4],
    column([3, 2], list(1, "gappers_up"), list(2, "gappers_down")),
    column([3, 2], list(3, "low_float"), panel(4, "halts")),
    column([2, 3], panel(5, "chart"), panel(6, "symbol")),
  ),
  Momentum: row(
    [3, 3, 4],
    column([1, 1], list(1, "momentum_up"), list(2, "momentum_down")),
    column([2, 2, 1], list(3, "premarket_high_break"), list(4, "new_highs"), panel(5, "halts")),
    column([4, 3, 2], panel(6, "chart"), panel(7, "symbol"), panel(8, "log")),
  ),
  Phone: column([3, 2], list(1, "", { limit: 30 }), panel(2, "symbol")),
});
