/** Which columns a list shows: those chosen for it, else those chosen for all lists, else its usual ones. */

import { defaultsFor } from "./defaults.js";
import { looksIn } from "./looks.js";
import { keep, settings } from "./settings.js";

/** Where choices, and how the columns look, are kept by the key of a list.
 * @typedef {{columns: Record<string, string[]>, looks: Record<string, import("./looks.js").Look>, keep: function,
 *   keepLooks: function}} Kept */

/** The choices that hold for the page, whatever panel shows the list. @type {Kept} */
export const OF_PAGE = {
  get columns() {
    return settings.columns;
  },
  get looks() {
    return looksIn(settings.looks);
  },
  keep: (columns) => keep({ columns }),
  keepLooks: (looks) => keep({ looks }),
};

export class Chosen {
  #definition;
  #width;
  #fits;
  #kept;

  /** @param {object} definition  the list's @param {"wide"|"narrow"} width  of the page
   * @param {?function} fits  where there is little room: whether columns fit @param {Kept} kept */
  constructor(definition, width, fits, kept = OF_PAGE) {
    this.#definition = definition;
    this.#width = width;
    this.#fits = fits;
    this.#kept = kept;
  }

  get #key() {
    return `${this.#definition.name}.${this.#width}`;
  }

  get ids() {
    const own = this.#kept.columns[this.#key] ?? settings.columns[this.#key] ?? settings[this.#width];
    return own ?? defaultsFor(this.#definition, this.#fits);
  }

  /** Choose for this list. @param {string[]} ids */
  choose(ids) {
    this.#kept.keep({ ...this.#kept.columns, [this.#key]: ids });
  }

  /** In which order, and how wide. @returns {import("./looks.js").Look} */
  get look() {
    return this.#kept.looks[this.#key] ?? {};
  }

  /** @param {import("./looks.js").Look} look  what of it is another */
  keepLook(look) {
    this.#kept.keepLooks({ ...this.#kept.looks, [this.#key]: { ...this.look, ...look } });
  }

  /** Let all lists show what this one does. */
  spread() {
    const ids = this.ids;
    this.#kept.keep(this.#others(this.#kept.columns));
    keep({ [this.#width]: ids, columns: this.#others(settings.columns) });
  }

  /** Forget what was chosen, for this list and for all. */
  reset() {
    this.#kept.keep(without(this.#kept.columns, this.#key));
    this.#kept.keepLooks(without(this.#kept.looks, this.#key));
    keep({ [this.#width]: null, columns: without(settings.columns, this.#key) });
  }

  /** What was chosen for the other width of page. */
  #others(columns) {
    return Object.fromEntries(Object.entries(columns).filter(([key]) => !key.endsWith(`.${this.#width}`)));
  }
}

function without(columns, key) {
  const { [key]: _, ...others } = columns;
  return others;
}
