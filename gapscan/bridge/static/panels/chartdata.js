/** What a chart is drawn from: a symbol's minute bars, put together with what came after them. Pure; times are epoch ms. */

const MINUTE_MS = 60_000;

/** @typedef {{start: number, open: number, high: number, low: number, close: number, volume: number}} Bar */

/** The bars of an answer of the bridge, oldest first; those without prices are left out. @returns {Bar[]} */
export function barsOf({ start, open, high, low, close, volume }) {
  const bars = start.map((at, index) => {
    const [o, h, l, c] = [open, high, low, close].map((column) => column[index]);
    return { start: at, open: o, high: h, low: l, close: c, volume: volume[index] ?? 0 };
  });
  return bars.filter((bar) => [bar.open, bar.high, bar.low, bar.close].every(Number.isFinite));
}

/** The bars with a price that was seen later: it is in its minute's bar, or begins one. Older prices change nothing.
 * @param {Bar[]} bars @param {number} time @param {number} price @returns {Bar[]} */
export function withPrice(bars, time, price) {
  const start = time - (time % MINUTE_MS);
  const last = bars.at(-1);
  if (!last || start < last.start || !Number.isFinite(price)) return bars;
  if (start > last.start) return [...bars, { start, open: price, high: price, low: price, close: price, volume: 0 }];
  const bar = { ...last, close: price, high: Math.max(last.high, price), low: Math.min(last.low, price) };
  return [...bars.slice(0, -1), bar];
}

/** The bars of `fresh`, and those of `live` that are newer than all of them. */
export function continued(fresh, live) {
  const newest = fresh.at(-1)?.start ?? -Infinity;
  return [...fresh, ...live.filter(({ start }) => start > newest)];
}

/** The average price of the day so far, by volume, at each bar; of each bar (high + low + close) / 3 counts.
 * @param {Bar[]} bars @returns {{start: number, value: number}[]} those before anything traded are left out */
export function averages(bars) {
  let [value, volume] = [0, 0];
  return bars.flatMap((bar) => {
    value += ((bar.high + bar.low + bar.close) / 3) * bar.volume;
    volume += bar.volume;
    return volume > 0 ? [{ start: bar.start, value: value / volume }] : [];
  });
}

/** The highest and the lowest price before the open; null without any. @param {Bar[]} bars @param {number} opens */
export function premarket(bars, opens) {
  const before = bars.filter(({ start }) => start < opens);
  if (!before.length) return null;
  return { high: Math.max(...before.map(({ high }) => high)), low: Math.min(...before.map(({ low }) => low)) };
}

const TEXTS = 2; // of a mark; how many more there are is counted

/** Marks on the bars in which something happened; of several in one bar, one mark.
 * @param {Bar[]} bars @param {{time: number, text: string, kind: string}[]} happened
 * @returns {{start: number, text: string, kind: string}[]} by time */
export function marksOn(bars, happened) {
  const starts = new Set(bars.map(({ start }) => start));
  const marks = new Map();
  for (const { time, text, kind } of happened) {
    const start = time - (time % MINUTE_MS);
    if (!starts.has(start)) continue;
    const before = marks.get(start) ?? { start, kind, texts: [] };
    marks.set(start, { ...before, texts: [...before.texts, text] });
  }
  const ordered = [...marks.values()].sort((a, b) => a.start - b.start);
  return ordered.map(({ texts, ...mark }) => ({ ...mark, text: together(texts) }));
}

function together(texts) {
  const more = texts.length - TEXTS;
  return texts.slice(0, TEXTS).join(", ") + (more > 0 ? ` +${more}` : "");
}
