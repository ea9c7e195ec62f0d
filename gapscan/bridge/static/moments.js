/** Links to a list as it stood at a time: the panel that shows the list, or is to show it, goes there. */

import { make } from "./patch.js";
import { stamp } from "./timeline/times.js";

const SECOND = 1000;

/** The first second after which what happened at `time` has happened: that is the moment of it. */
export function momentOf(time) {
  return Math.ceil(time / SECOND) * SECOND;
}

/** @param {string} list @param {number} time epoch ms @param {...(string|Node)} children @returns {HTMLAnchorElement} */
export function momentLink(list, time, ...children) {
  const link = make("a", "moment", ...children);
  link.href = `#${list}@${stamp(momentOf(time))}`;
  link.title = "The list at this moment";
  link.dataset.list = list;
  return link;
}

/** Where a click was on a link to a moment, have a panel that shows its list; the address then leads on.
 * @param {Event} event @param {(list: string) => void} open */
export function followMoment({ target }, open) {
  const list = target.closest("a.moment")?.dataset.list;
  if (list) open(list);
}
