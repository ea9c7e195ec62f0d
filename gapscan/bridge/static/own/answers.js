/** In words and rows: what a list would have now, and how often it would have fired. */

import { clock, percent } from "../format.js";
import { make } from "../patch.js";

const entered = (number) => `${number.toLocaleString("en-US")} ${number === 1 ? "entry" : "entries"}`;
const count = (number, noun) => `${number.toLocaleString("en-US")} ${noun}${number === 1 ? "" : "s"}`;

/** What a list would have now. @param {{warnings: string[], preview: object}} answer @returns {Node[]} */
export function previewed({ warnings, preview }) {
  const { passing, without_gate: free, size, symbols, open, session, night, as_of: asOf } = preview;
  const kept = free - passing;
  const rest = size - symbols.length;
  const words = [
    passing > size ? `${count(passing, "symbol")} now; the first ${size} would be in it.` : `${count(passing, "symbol")} now.`,
    kept && `The gate keeps ${count(kept, "other")} out.`,
    !open && `It would be closed in this session (${night ? "night" : session}).`,
  ];
  const names = symbols.map((symbol) => make("b", "", symbol)).flatMap((name) => [name, " "]);
  return [
    make("p", "", make("strong", "", words[0]), " ", words.slice(1).filter(Boolean).join(" "), " ", make("span", "quiet", asOf ? `${clock(asOf)} New York` : "No market data yet.")),
    names.length ? make("p", "symbols", ...names, rest > 0 ? make("span", "quiet", `and ${rest} more`) : "") : "",
    ...warnings.map((warning) => make("p", "warning", `${warning.charAt(0).toUpperCase()}${warning.slice(1)}.`)),
  ].filter(Boolean);
}

function returns(followed) {
  const rows = followed.map(({ after, mean, random, share_above_zero: above }) =>
    make("tr", "", ...[after, percent(mean), percent(random), typeof above === "number" ? `${Math.round(100 * above)} %` : "–"].map((text, index) => make(index ? "td" : "th", "", text))),
  );
  const head = make("tr", "", ...["after", "mean %", "random %", "above 0"].map((text) => make("th", "", text)));
  return make("table", "followed", make("thead", "", head), make("tbody", "", ...rows));
}

/** How often a list would have fired on the tape's newest day, where the bridge says it. @returns {Node[]} */
function ofToday(today) {
  if (!today) return [];
  if (today.fault) return [make("p", "quiet", `On the newest day: ${today.fault}.`)];
  const { day, entries, symbols, already_in: already, latest, notes } = today;
  const words = [`of ${count(symbols, "symbol")} that lists showed`, already && `${already} in it from the start`].filter(Boolean);
  const whom = latest.slice(0, 5).map(({ time, symbol }) => `${symbol} ${clock(time)}`).join(", ");
  const said = make("p", "", make("strong", "", `${entered(entries)} on ${day}`), ` (${words.join("; ")})`, whom && `: ${whom}`);
  return [said, ...notes.map((note) => make("p", "quiet", note))];
}

/** How often a list would have fired. @param {object} answer  of api/backtest @returns {Node[]} */
export function tried({ days, entries, entries_a_day: daily, followed, notes, faults, today }) {
  const lost = Object.keys(faults ?? {}).length;
  const words = days.length ? `${entered(entries)} on ${count(days.length, "day")} (${days.at(0)} to ${days.at(-1)}): ${daily} a day.` : "";
  return [
    ...ofToday(today),
    words && make("p", "", make("strong", "", words), lost ? ` ${count(lost, "day")} could not be read.` : ""),
    followed?.length && entries ? returns(followed) : "",
    ...(notes ?? []).map((note) => make("p", "quiet", note)),
  ].filter(Boolean);
}
