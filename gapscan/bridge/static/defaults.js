/** Which columns a list shows until somebody chooses: those that its definition asks for, the most wanted first. */

import { columnsFor } from "./fields.js";
import { USUAL_COLUMNS } from "./rowfields.js";

/** The ids of a list's columns.
 * @param {{columns: ?string[], sort: string[]}} definition
 * @param {?function} fits  (columns) => boolean: whether there is room for them; null where there always is
 * @returns {string[]} */
export function defaultsFor({ columns, sort }, fits) {
  const wanted = columns?.length ? columns : USUAL_COLUMNS;
  const all = ["name", "spark", "price", ...wanted.filter((id) => id !== "name"), "price_age"];
  if (!fits || fits(columnsFor(all, sort))) return all;
  const few = ["price"];
  for (const id of wanted) {
    if (!fits(columnsFor([...few, id], sort))) break;
    few.push(id);
  }
  return few;
}
