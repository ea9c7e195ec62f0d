/** What this page saw of each price, as small lines. Nothing is fetched: a line begins when its symbol is first seen. */

const POINTS = 60;
const SPACING_MS = 2000; // of market time between two points, so that a line spans about two minutes
const SYMBOLS = 3000; // so many are remembered; those whose last point is the oldest are forgotten
const UNMOVED_MS = 900_000; // of market time without a new price, after which a line is forgotten: it would hide the pause
const LEFT_MS = 120_000; // of market time for which the line of a symbol that left is kept: it may come back
const LEAST = 16; // a line of fewer points does not fill the width
const WIDTH = 72;
const HEIGHT = 16;

/** Size of the drawing, in the units of its path. */
export const VIEW_BOX = `0 0 ${WIDTH} ${HEIGHT}`;

export class Trends {
  #lines = new Map(); // symbol -> {prices: number[], at: market time of the last point, version}, the oldest point first
  #rows = new Map(); // symbol -> how many rows show it
  #left = new Map(); // symbol -> market time at which the last of them was gone, the oldest first
  #versions = 0;
  #now = 0;

  /** Market time: the newest of the tables, of which one may show a list that rests. */
  get now() {
    return this.#now;
  }

  set now(now) {
    this.#now = Math.max(this.#now, now);
  }

  /** The market began anew for these symbols, perhaps at an earlier time. Who left may come back from there too. */
  forget(symbols) {
    for (const symbol of [...symbols, ...this.#left.keys()]) this.#lines.delete(symbol);
    this.#left.clear();
    this.#now = 0;
  }

  /** A row shows the symbol. */
  enter(symbol) {
    this.#rows.set(symbol, (this.#rows.get(symbol) ?? 0) + 1);
    if (this.#now - this.#left.get(symbol) > LEFT_MS) this.#lines.delete(symbol);
    this.#left.delete(symbol);
  }

  /** A row that showed the symbol is gone. */
  leave(symbol) {
    const rows = this.#rows.get(symbol) - 1;
    if (rows > 0) this.#rows.set(symbol, rows);
    else this.#gone(symbol);
  }

  #gone(symbol) {
    this.#rows.delete(symbol);
    this.#left.set(symbol, this.#now);
    for (const [other, at] of this.#left) {
      if (at >= this.#now - LEFT_MS) break;
      this.#left.delete(other);
      this.#lines.delete(other);
    }
  }

  /** Take note of a row's price; not of one from before the pause that ends a line, as a list that rests has them. */
  note({ symbol, price, price_time: time }) {
    if (typeof price !== "number" || this.#now - (time ?? this.#now) > UNMOVED_MS) return;
    const line = this.#lines.get(symbol);
    const since = line && (time ?? line.at + SPACING_MS) - line.at;
    if (!line || Math.abs(since) > UNMOVED_MS) this.#begin(symbol, price, time ?? 0);
    else if (line.prices.at(-1) === price || since < 0) return; // older: a list that is behind another shows it too
    else if (since >= SPACING_MS) this.#extend(symbol, line, price, time ?? line.at);
    else line.prices[line.prices.length - 1] = price;
  }

  /** Names how a symbol's line is: another one, and it is worth drawing again. */
  version(symbol) {
    return this.#lines.get(symbol)?.version ?? 0;
  }

  #begin(symbol, price, at) {
    for (const [other, line] of this.#lines) {
      if (this.#lines.size < SYMBOLS && line.at >= at - UNMOVED_MS) break;
      this.#lines.delete(other);
    }
    this.#lines.delete(symbol); // it is to be the newest
    this.#lines.set(symbol, { prices: [price], at, version: (this.#versions += 1) });
  }

  #extend(symbol, line, price, at) {
    this.#lines.delete(symbol);
    this.#lines.set(symbol, line);
    line.prices.push(price);
    Object.assign(line, { at, version: (this.#versions += 1) });
    if (line.prices.length > POINTS) line.prices.shift();
  }

  /** The line of a symbol as an SVG path; "" while there is only one point. Its end is where its price is. */
  path(symbol) {
    const prices = this.#lines.get(symbol)?.prices ?? [];
    if (prices.length < 2) return "";
    const [low, high] = [Math.min(...prices), Math.max(...prices)];
    const across = (WIDTH - 2) / (Math.max(LEAST, prices.length) - 1);
    const down = (HEIGHT - 4) / (high - low || 1);
    const left = WIDTH - 1 - across * (prices.length - 1);
    return prices
      .map((price, index) => `${index ? "L" : "M"}${tenths(left + across * index)} ${tenths(HEIGHT - 2 - (price - low) * down)}`)
      .join("");
  }

  /** 1, 0 or -1: where the line went. */
  direction(symbol) {
    const prices = this.#lines.get(symbol)?.prices ?? [];
    return prices.length < 2 ? 0 : Math.sign(prices.at(-1) - prices[0]);
  }
}

function tenths(value) {
  return Math.round(value * 10) / 10;
}
