/** Headlines of a symbol, each with its time and its page. */

import { make } from "./patch.js";

const WHEN = new Intl.DateTimeFormat("en-US", { timeZone: "America/New_York", weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

/** A page elsewhere, in a tab of its own that learns nothing of this one. */
function linked({ title, url }) {
  if (!/^https?:\/\//.test(url ?? "")) return title;
  const link = make("a", "", title);
  link.href = url;
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  return link;
}

/** @param {object} headline @returns {(string|Node)[]} */
export function newsItem(headline) {
  const by = headline.publisher ? ` · ${headline.publisher}` : "";
  return [linked(headline), make("span", "quiet", ` ${WHEN.format(headline.time)}${by}`)];
}

/** The newest one. @param {object} why @returns {Element[]}  nothing where there is no news */
export function headlines(why) {
  const newest = why.news?.[0];
  return newest ? [make("p", "news", ...newsItem(newest))] : [];
}
