/** What a connection knows of one list that it follows, or followed. */

import { ListView } from "./listview.js";

/** The copy of one list, and what is known of it. */
export class Subscription {
  constructor() {
    this.view = new ListView();
    /** What is wanted of the list, {limit, fields}, and of what the copy is; the same object when it is that. */
    this.wish = {};
    this.held = this.wish;
    /** The list's part of the last heartbeat: {epoch, sequence, as_of, state}. */
    this.beat = null;
    /** Newest market time heard of this list, and the time (performance.now()) at which it last moved. */
    this.asOf = 0;
    this.movedAt = 0;
    /** The copy is known to be incomplete, and is asked for again; `afresh`: as a whole. */
    this.resyncing = false;
    this.afresh = false;
    /** Until when the answer to what was asked last is waited for, and when that last was a resync. */
    this.awaitedUntil = -Infinity;
    this.resyncedAt = -Infinity;
    this.unknown = false;
    /** What the server said when it could not send the newest rows; "" while it can. */
    this.fault = "";
  }

  /** The copy is as the server has it, or the server does not know of it: nothing is waited for. */
  settle() {
    Object.assign(this, { resyncing: false, afresh: false, awaitedUntil: -Infinity });
  }

  /** The list is of another epoch, so perhaps of another day, whose market time may be an earlier one. */
  beginAnew() {
    Object.assign(this, { asOf: 0, movedAt: 0 });
  }

  /** Market time was heard of; it counts only if it moved on. */
  hear(asOf, now) {
    if (asOf <= this.asOf) return;
    this.asOf = asOf;
    this.movedAt = now;
  }
}
