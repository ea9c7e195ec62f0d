/** Which lists the page follows, and what of them: what all panels together show of a list, and no more. */

/** What two panels wish of the same list. @param {{limit?: number, fields?: string[]}} one @param {object} other */
export function together(one, other) {
  const wish = {};
  if (one.limit && other.limit) wish.limit = Math.max(one.limit, other.limit);
  if (one.fields && other.fields) wish.fields = [...new Set([...one.fields, ...other.fields])].sort();
  return wish;
}

/** A wish for these fields too. @param {string[]} more */
export function withFields(wish, more) {
  return wish.fields && more.length ? { ...wish, fields: [...new Set([...wish.fields, ...more])].sort() } : wish;
}

export class Wishes {
  #connection;
  #followed = new Set();

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    this.#connection = connection;
  }

  /** @param {{list: string, wish: object}[]} panels */
  follow(panels) {
    const wanted = new Map();
    for (const { list, wish } of panels) {
      if (list) wanted.set(list, wanted.has(list) ? together(wanted.get(list), wish) : wish);
    }
    for (const list of this.#followed) if (!wanted.has(list)) this.#connection.unsubscribe(list);
    for (const [list, wish] of wanted) this.#connection.subscribe(list, wish);
    this.#followed = new Set(wanted.keys());
  }
}
