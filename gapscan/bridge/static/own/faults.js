/** Shows under a field what is wrong in it: the place, what it is, and what may have been meant, which a button puts in. */

import { make } from "../patch.js";
import { partsOf } from "./form.js";
import { endAt, placeOf } from "./words.js";

const SHOWN = 30; // letters before the place
const MEANT = /^did you mean (\w+)\?$/;

/** Where in the field's text a fault is; null: nowhere in particular. */
function spanOf(text, { key, at, column }) {
  if (column === null) return null;
  const part = key === "sort" && at !== null ? partsOf(text)[at] : { text, from: 0 };
  if (!part) return null;
  const inner = text.slice(part.from, part.from + part.text.length + (text.slice(part.from).length - text.slice(part.from).trimStart().length));
  const from = part.from + placeOf(key === "sort" ? inner : part.text, column);
  return { from, to: endAt(text, from) };
}

function excerpt(text, { from, to }) {
  const begin = Math.max(0, from - SHOWN);
  const wrong = make("mark", "", text.slice(from, to) || " ");
  return make("code", "", (begin ? "…" : "") + text.slice(begin, from), wrong, text.slice(to, to + SHOWN));
}

function button(text, act) {
  const element = make("button", "", text);
  element.type = "button";
  element.addEventListener("click", act);
  return element;
}

function put(field, { from, to }, text) {
  field.setRangeText(text, from, to, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
  field.focus();
}

/** What stands under a field. @param {HTMLElement} place @param {?HTMLInputElement} field @param {object[]} faults of it */
export function showFaults(place, field, faults) {
  place.replaceChildren(...faults.map((fault) => line(field, fault)));
  if (!field) return;
  if (faults.length) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}

function line(field, fault) {
  const span = field && spanOf(field.value, fault);
  const word = MEANT.exec(fault.remedy)?.[1];
  const help = word && span ? button(`Put in ${word}`, () => put(field, span, word)) : fault.remedy && make("span", "quiet", fault.remedy);
  const parts = [span && excerpt(field.value, span), make("span", "", `${fault.message}.`), help].filter(Boolean);
  return make("p", "fault", ...parts.flatMap((part) => [part, " "]));
}
