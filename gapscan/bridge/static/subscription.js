/** What a connection knows of one list that it follows, or followed. */

import { ListView } from "./listview.js";

/** The copy of one list, and what is known of it. */
export class Subscription {
  constructor() {
    this.view = new ListView();
    /** The list's part of the last heartbeat: {epoch, sequence, as_of, state}. */
    this.beat = null;
    /** Newest market time heard of this list, and the time (performance.now()) at which it last moved. */
    this.asOf = 0;
    this.movedAt = 0;
    /** The copy is known to be incomplete, and has been asked for again. */
    this.resyncing = false;
    this.askedAt = -Infinity;
    this.behind = 0;
    this.unknown = false;
    /** What the server said when it could not send the newest rows; "" while it can. */
    this.fault = "";
  }

  /** Market time was heard of; it counts only if it moved on. */
  hear(asOf, now) {
    if (asOf <= this.asOf) return;
    this.asOf = asOf;
    this.movedAt = now;
  }
}
