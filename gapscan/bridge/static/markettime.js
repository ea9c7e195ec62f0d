/** The market's time, as the heartbeats of the followed lists say it: for what may be of another day than today.
 *
 * Event `day`: market time is of another day of New York than it was said to be before. */

import { stamp } from "./timeline/times.js";

const dayOf = (time) => stamp(time).slice(0, 10);

export class MarketTime extends EventTarget {
  /** Epoch ms; 0 before anything was heard. */
  now = 0;

  /** @param {import("./connection.js").Connection} connection */
  constructor(connection) {
    super();
    connection.addEventListener("heartbeat", ({ detail }) => this.#heard(Object.values(detail.lists)));
  }

  /** A market that begins anew may be of an earlier day. */
  #heard(lists) {
    const before = this.now;
    this.now = Math.max(0, ...lists.map(({ as_of: asOf }) => asOf)) || before;
    if (this.now && (!before || dayOf(before) !== dayOf(this.now))) this.dispatchEvent(new Event("day"));
  }
}
