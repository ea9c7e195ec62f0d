/** What a symbol's sheet says beside why: its halt, its news, when it was in lists today, its alerts. Built, not kept. */

import { said } from "../alerts/teller.js";
import { clockOn, price, span, title } from "../format.js";
import { haltText } from "../halts.js";
import { momentLink } from "../moments.js";
import { newsItem } from "../news.js";
import { make } from "../patch.js";

const ALERTS = 20;
const STAYS = 60;
const WORDS = { __proto__: null, fell_behind: "a condition failed", rank: "others ranked before it", idle: "no trade", closed: "the list closed", removed: "the list was removed" };

function section(name, ...children) {
  return make("section", "sheet-part", make("h4", "", name), ...children);
}

/** @param {?object} halt @param {boolean} unread  it cannot be read @param {number} now  market time
 * @returns {Element[]}  nothing without one */
export function haltLines(halt, unread, now) {
  if (unread) return [make("p", "quiet", "Whether trading is halted cannot be read now.")];
  return halt ? [make("p", `halt-line ${halt.status}`, haltText(halt, now))] : [];
}

/** @param {?object[]} news  newest first; null when they could not be read */
export function newsSection(news) {
  if (news === null) return [section("News", make("p", "quiet", "The news cannot be read now."))];
  return news.length ? [section("News", make("ul", "headlines", ...news.map((each) => make("li", "", ...newsItem(each)))))] : [];
}

/** When it was in which lists. @param {object[]} stays  oldest first @param {number} now  market time */
export function staysSection(stays, now) {
  if (!stays.length) return [];
  const rows = stays.slice(-STAYS).reverse().map((stay) => stayRow(stay, now));
  const heads = ["In lists today", "in", "out", "rank", "price", "left because"].map((text) => {
    const cell = make("th", "", text);
    cell.scope = "col";
    return cell;
  });
  const table = make("table", "stays", make("thead", "", make("tr", "", ...heads)), make("tbody", "", ...rows));
  return [make("section", "sheet-part", table)];
}

function stayRow(stay, now) {
  const { list, entered, left, rank_in: rankIn, rank_out: rankOut, price_in: priceIn, price_out: priceOut, reason } = stay;
  const doubt = stay.uncertain ? "≈ " : "";
  const name = make("th", "", title(list));
  name.scope = "row";
  const lasted = entered && left ? ` ${span(left - entered)}` : "";
  const because = WORDS[reason] ?? reason ?? "";
  const cells = [
    entered ? momentLink(list, entered, doubt + clockOn(entered, now)) : stay.unrecorded ? "not on the tape" : "from the start",
    left ? make("span", "", momentLink(list, left, doubt + clockOn(left, now)), make("span", "quiet", lasted), make("span", "because quiet", because)) : "is in",
    pair(rankIn && `#${rankIn}`, rankOut && `#${rankOut}`),
    pair(priceIn && price(priceIn), priceOut && price(priceOut)),
    because,
  ];
  const row = make("tr", left ? "" : "in", name, ...cells.map((cell) => make("td", "", cell)));
  row.dataset.key = `${list} ${entered ?? left ?? ""}`;
  return row;
}

function pair(first, second) {
  return [first, second].filter(Boolean).join(" → ");
}

/** @param {{id: string, alert: object}[]} items  of all symbols, oldest first @param {string} symbol @param {number} now  market time */
export function alertsSection(items, symbol, now) {
  const own = items.filter(({ alert }) => alert.symbol === symbol).slice(-ALERTS).reverse();
  return own.length ? [section("Alerts", make("ul", "headlines", ...own.map((item) => alertItem(item, now))))] : [];
}

function alertItem({ id, alert }, now) {
  const when = momentLink(alert.list, alert.as_of, clockOn(alert.as_of, now));
  const item = make("li", "", when, make("span", "quiet", ` ${title(alert.name)} `), said(alert));
  item.dataset.key = id;
  return item;
}
