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
  #lines = new Map(); // symbol -> {prices: number[], at: market time of the last point}, the oldest point first
  #left = new Map(); // symbol -> market time at which it was not shown any more, the oldest first

  clear() {
    this.#lines.clear();
    this.#left.clear();
  }

  /** A row is shown no more. @param {string} symbol @param {number} now market time */
  leave(symbol, now) {
    this.#left.delete(symbol);
    this.#left.set(symbol, now);
    for (const [other, at] of this.#left) {
      if (at >= now - LEFT_MS) break;
      this.#left.delete(other);
      this.#lines.delete(other);
    }
  }

  /** Take note of a row's price. Returns whether its line is worth drawing again. */
  note(row) {
    const { symbol, price, price_time: time } = row;
    this.#left.delete(symbol);
    if (typeof price !== "number") return false;
    const line = this.#lines.get(symbol);
    if (!line) return this.#begin(symbol, price, time ?? 0);
    if (line.prices.at(-1) === price || (time ?? Infinity) < line.at) return false; // older: a past list is shown
    const longer = (time ?? Infinity) - line.at >= SPACING_MS;
    if (longer) this.#extend(symbol, line, price, time ?? line.at);
    else line.prices[line.prices.length - 1] = price;
    return longer;
  }

  #begin(symbol, price, at) {
    for (const [other, line] of this.#lines) {
      if (this.#lines.size < SYMBOLS && line.at >= at - UNMOVED_MS) break;
      this.#lines.delete(other);
    }
    this.#lines.set(symbol, { prices: [price], at });
    return false;
  }

  #extend(symbol, line, price, at) {
    this.#lines.delete(symbol);
    this.#lines.set(symbol, line);
    line.prices.push(price);
    line.at = at;
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
