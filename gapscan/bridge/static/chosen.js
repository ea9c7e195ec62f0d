/** Which columns a list shows: those chosen for it, else those chosen for all lists, else its usual ones. */

import { defaultsFor } from "./defaults.js";
import { keep, settings } from "./settings.js";

export class Chosen {
  #list;
  #width;

  /** @param {string} list @param {"wide"|"narrow"} width  of the page */
  constructor(list, width) {
    this.#list = list;
    this.#width = width;
  }

  get #key() {
    return `${this.#list}.${this.#width}`;
  }

  get ids() {
    return settings.columns[this.#key] ?? settings[this.#width] ?? defaultsFor(this.#list, this.#width);
  }

  /** Choose for this list. @param {string[]} ids */
  choose(ids) {
    keep({ columns: { ...settings.columns, [this.#key]: ids } });
  }

  /** Let all lists show what this one does. */
  spread() {
    keep({ [this.#width]: this.ids, columns: this.#others() });
  }

  /** Forget what was chosen, for this list and for all. */
  reset() {
    const { [this.#key]: _, ...columns } = settings.columns;
    keep({ [this.#width]: null, columns });
  }

  /** What was chosen for the other width of page. */
  #others() {
    return Object.fromEntries(Object.entries(settings.columns).filter(([key]) => !key.endsWith(`.${this.#width}`)));
  }
}
