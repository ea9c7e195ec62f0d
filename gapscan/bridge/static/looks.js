/** How a user wants the columns of a list to look: their order and their widths. Pure. */

/** @typedef {{order?: string[], widths?: Record<string, number>}} Look  ids in order; rem by id */

const [NARROWEST, WIDEST] = [1.5, 40]; // rem

/** A width that a column may have. @param {number} width rem */
export function allowed(width) {
  return Math.round(Math.min(WIDEST, Math.max(NARROWEST, width)) * 100) / 100;
}

/** What of a kept value are looks, by the keys of lists. @param {*} value @returns {Record<string, Look>} */
export function looksIn(value) {
  const entries = Object.entries(isObject(value) ? value : {}).filter(([, look]) => isObject(look));
  return Object.fromEntries(entries.map(([key, look]) => [key, lookIn(look)]));
}

function lookIn({ order, widths }) {
  const known = Array.isArray(order) && order.every((id) => typeof id === "string") ? { order } : {};
  const good = Object.entries(isObject(widths) ? widths : {}).filter(([, width]) => Number.isFinite(width));
  return { ...known, widths: Object.fromEntries(good.map(([id, width]) => [id, allowed(width)])) };
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Columns in a wanted order; one that the order does not name follows the one that it followed before.
 * @param {{id: string}[]} columns @param {string[]} [order] @param {readonly string[]} [fixed] those that stay first */
export function arranged(columns, order = [], fixed = []) {
  const places = new Map(order.map((id, index) => [id, index]));
  let last = -1;
  const keyed = columns.map((column, index) => {
    last = fixed.includes(column.id) ? -2 : (places.get(column.id) ?? last);
    return { column, index, key: last };
  });
  return order.length ? keyed.sort((a, b) => a.key - b.key || a.index - b.index).map(({ column }) => column) : columns;
}

/** The ids with `id` where `to` stands. @param {string[]} ids */
export function moved(ids, id, to) {
  const others = ids.filter((each) => each !== id);
  others.splice(ids.indexOf(to), 0, id);
  return others;
}
