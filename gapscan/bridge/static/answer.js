/** Builds what the panel shows of a `why` message. */

import { distance, lineOf, standing } from "./conditions.js";
import { title } from "./format.js";
import { headlines } from "./news.js";
import { make } from "./patch.js";

const MARKS = { pass: ["✓", "passes"], stay: ["~", "passes for a row that is in"], fail: ["✗", "fails"], closed: ["·", "closed"] };

function markOf(mark) {
  const [sign, words] = MARKS[mark];
  const element = make("span", `verdict ${mark}`, sign);
  element.setAttribute("role", "img");
  element.setAttribute("aria-label", words);
  return element;
}

/** A text whose numbers do not break over lines. */
function unbroken(text) {
  const parts = text.split(/(\S*\d\S*)/).filter(Boolean);
  return parts.map((part) => (/\d/.test(part) ? make("span", "number", part) : part));
}

function conditionRow(condition) {
  const line = lineOf(condition);
  const label = make("th", `depth${Math.min(condition.depth, 3)}`, markOf(line.mark), ` ${line.label}`);
  label.scope = "row";
  label.title = condition.text;
  const row = make("tr", line.mark, label);
  if (condition.kind !== "test") label.colSpan = 3;
  else row.append(make("td", "value", ...unbroken(line.value)), make("td", "must", ...unbroken(line.must)));
  row.append(make("td", "since", line.since));
  return row;
}

function conditionTable(caption, conditions) {
  const table = make("table", "conditions");
  const heads = [caption, "Value", "Must be", "Since"].map((text, index) => {
    const cell = make("th", ["", "value", "must", "since"][index], text);
    cell.scope = "col";
    return cell;
  });
  table.append(make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...conditions.map(conditionRow)));
  return table;
}

function standingLine(found, gate) {
  const { text, mark } = standing(found, gate);
  return make("p", `standing ${mark}`, markOf(mark), ` ${text.charAt(0).toUpperCase()}${text.slice(1)}`);
}

/** How a symbol stands to one list. @param {object} why @param {string} list @returns {DocumentFragment} */
export function oneList(why, list) {
  const found = why.lists.find((each) => each.list === list);
  if (!found) return notice("No ranker ranks this list.");
  const content = document.createDocumentFragment();
  content.append(standingLine(found, why.gate), make("p", "quiet", distance(found)), ...headlines(why));
  content.append(conditionTable(title(list), found.conditions), conditionTable("Every list", why.gate));
  return content;
}

/** How a symbol stands to each list; a list opens to show its conditions.
 * @param {object} why @param {Element[]} [news]  what is shown of them @returns {DocumentFragment} */
export function allLists(why, news = headlines(why)) {
  const content = document.createDocumentFragment();
  const inside = why.lists.filter(({ rank }) => rank !== null).length;
  content.append(make("p", "standing", `In ${inside} of ${why.lists.length} lists`), ...news);
  content.append(...why.lists.map((found) => listDetails(found, why.gate)));
  content.append(conditionTable("Every list", why.gate));
  return content;
}

function listDetails(found, gate) {
  const { text, mark } = standing(found, gate);
  const summary = make("summary", mark, markOf(mark), make("span", "list", title(found.list)), make("span", "quiet", text));
  const details = make("details", "", summary, make("p", "quiet", distance(found)), conditionTable("Condition", found.conditions));
  details.dataset.key = found.list;
  return details;
}

/** A symbol that nobody knows, and those that may have been meant. @param {object} why */
export function unknownSymbol(why) {
  const content = notice(`There is no symbol ${why.symbol}.`);
  const meant = why.nearest.map((symbol) => {
    const button = make("button", "meant", symbol);
    button.type = "button";
    button.dataset.symbol = symbol;
    return button;
  });
  if (meant.length) content.append(make("p", "quiet", "Did you mean "), make("p", "", ...meant));
  return content;
}

/** @param {string} text @returns {DocumentFragment} */
export function notice(text) {
  const content = document.createDocumentFragment();
  content.append(make("p", "quiet", text));
  return content;
}
