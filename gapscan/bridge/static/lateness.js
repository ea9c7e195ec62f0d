/** How late what is on the page is: what the server says, and what the page takes itself. No page, no clock. */

const KEPT = 61; // drawings, an odd number: their median is one of them

export class Lateness {
  #drawings = [];
  #heardAt = null;

  /** A change came. @param {number} now performance.now() */
  heard(now) {
    this.#heardAt ??= now;
  }

  /** What came is on the page. */
  painted(now) {
    if (this.#heardAt === null) return;
    this.#drawings.push(now - this.#heardAt);
    if (this.#drawings.length > KEPT) this.#drawings.shift();
    this.#heardAt = null;
  }

  /** Milliseconds from a message to the drawing of it: the median of the last. */
  get drawing() {
    return this.#drawings.toSorted((a, b) => a - b)[this.#drawings.length >> 1] ?? 0;
  }

  /** In words, or "" where the server says nothing of it.
   * @param {{behind?: number, ours?: number}} beat  milliseconds: to the feed, and from there until it is sent */
  text({ behind, ours } = {}) {
    if (behind === undefined || ours === undefined) return "";
    const own = ours + this.drawing;
    return `prices ${seconds(behind + own, 1)} behind the exchange; ${seconds(own, 2)} of it ours`;
  }
}

function seconds(ms, digits) {
  return `${(ms / 1000).toFixed(digits)} s`;
}

/** How long the market data are late, coarsely. @param {number} ms */
export function delay(ms) {
  const minutes = Math.round(ms / 60_000);
  return minutes === 1 ? "a minute" : `${minutes} minutes`;
}
