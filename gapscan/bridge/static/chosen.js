/** Which columns a list shows: those chosen for it, else those chosen for all lists, else its usual ones. */

import { defaultsFor } from "./defaults.js";
import { keep, settings } from "./settings.js";

export class Chosen {
  #definition;
  #width;
  #fits;

  /** @param {object} definition  the list's @param {?function} fits  of a narrow page: whether columns fit */
  constructor(definition, fits) {
    this.#definition = definition;
    this.#width = fits ? "narrow" : "wide";
    this.#fits = fits;
  }

  get #key() {
    return `${this.#definition.name}.${this.#width}`;
  }

  get ids() {
    return settings.columns[this.#key] ?? settings[this.#width] ?? defaultsFor(this.#definition, this.#fits);
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
