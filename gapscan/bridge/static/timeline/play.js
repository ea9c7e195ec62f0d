/**
 * A list's past as the bridge plays it: a copy of what stood there, and where in the day it is.
 *
 * Of those moments that are asked for faster than they come, the last one counts. After a break of the connection the
 * play goes on where it was. Events: `change` (rows or time are others), `refused` ({message}), `ended`.
 */

import { DeltaError, Fit, ListView } from "../listview.js";

let number = 0;

/** An id that no other play of this page has. */
function freshId() {
  number += 1;
  return `p${number}`;
}

export class Play extends EventTarget {
  #connection;
  #asked = null; // what was asked at the start: {list, wish}; null: nothing is played
  #id = "";
  #name = ""; // the bridge's for this play; "" until it is known
  #waits = ""; // the id of what was asked last and is not answered
  #wanted = {}; // to be asked next
  #left = new Set(); // ids of plays that were given up before their names were known
  #toldAt = 0;
  /** The play's copy. */
  view = new ListView();
  /** How it stands, as the bridge said last; null before. */
  told = null;

  /** @param {import("../connection.js").Connection} connection @param {AbortSignal} signal */
  constructor(connection, signal) {
    super();
    this.#connection = connection;
    connection.addEventListener("past", ({ detail }) => this.#hear(detail), { signal });
    connection.addEventListener("fault", ({ detail }) => this.#refused(detail), { signal });
    connection.addEventListener("phase", ({ detail }) => detail.phase === "open" && this.#again(), { signal });
    signal.addEventListener("abort", () => this.end());
  }

  /** Whether a past is shown, or about to be. */
  get active() {
    return this.#asked !== null;
  }

  /** The play's market time, epoch ms; 0 before it is known. */
  get time() {
    if (!this.told) return 0;
    const gone = this.told.state === "playing" ? Math.min(performance.now() - this.#toldAt, 2000) : 0;
    return this.told.time + Math.round(gone * this.told.speed);
  }

  /** As it was asked for last. */
  speed = 0;

  /** Begin. @param {string} list @param {object} wish  {limit, fields} @param {number|string} time @param {number} speed */
  open(list, wish, time, speed = 0) {
    this.end();
    this.#asked = { list, wish };
    this.#begin(time, speed);
  }

  #begin(time, speed) {
    const { list, wish } = this.#asked;
    this.view = new ListView();
    this.#name = "";
    this.#id = this.#waits = freshId();
    this.#wanted = {};
    this.speed = speed;
    if (this.#connection.say({ action: "play", list, ...wish, time, speed, id: this.#id })) return;
    this.#wanted = { time, speed }; // when there is a link
  }

  /** The link is there again: nothing is left of what was played on the one before. */
  #again() {
    this.#left.clear();
    if (this.#asked) this.#begin(this.#wanted.time ?? this.time, this.speed);
  }

  /** @param {number|string} time  epoch ms, or as people write it */
  go(time) {
    this.#ask({ time });
  }

  /** @param {number} speed  0: a pause */
  pace(speed) {
    this.speed = speed;
    this.#ask({ speed });
  }

  #ask(what) {
    if (!this.#asked) return;
    Object.assign(this.#wanted, what);
    if (this.#waits || !this.#name) return;
    this.#waits = freshId();
    const said = this.#connection.say({ action: "play", list: this.#name, ...this.#wanted, id: this.#waits });
    if (said) this.#wanted = {};
  }

  /** Back to now. */
  end() {
    if (!this.#asked) return;
    if (this.#name) this.#connection.say({ action: "unsubscribe", lists: [this.#name] });
    else this.#left.add(this.#id);
    this.#asked = this.told = null;
    this.#id = this.#name = this.#waits = "";
    this.#wanted = {};
    this.dispatchEvent(new Event("ended"));
  }

  #hear(message) {
    if (message.type === "play") this.#stand(message);
    else if (message.list !== this.#name) return;
    else if (message.type === "past_snapshot") this.#load(message);
    else if (message.type === "past_delta") this.#take(message);
  }

  #stand(message) {
    if (this.#left.delete(message.id)) {
      this.#connection.say({ action: "unsubscribe", lists: [message.list] });
      return;
    }
    if (message.id === this.#id && !this.#name) this.#name = message.list;
    if (message.list !== this.#name) return;
    this.told = message;
    this.#toldAt = performance.now();
    if (message.id === this.#waits && this.view.loaded) this.#answered();
    this.#changed();
  }

  #answered() {
    this.#waits = "";
    if (Object.keys(this.#wanted).length) this.#ask({});
  }

  #load(snapshot) {
    try {
      this.view.load(snapshot);
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      this.#resync();
      return;
    }
    if (this.#waits === this.#id) this.#answered(); // the first: what says how it stands came before
    this.#changed();
  }

  #take(delta) {
    const { fit } = this.view.take(delta);
    if (fit === Fit.APPLIED) this.#changed();
    else if (fit !== Fit.OLD) this.#resync();
  }

  #resync() {
    this.#connection.say({ action: "resync", list: this.#name });
  }

  /** Rows are shown with the time that they are of: not before both are there. */
  #changed() {
    if (!this.#waits && this.view.loaded && this.told) this.dispatchEvent(new Event("change"));
  }

  #refused({ code, list, message }) {
    if (!this.#asked || code === "resync" || code === "rate_limited") return; // a question's, of the same list
    const begun = this.#name !== "";
    if (list !== (begun ? this.#name : this.#asked.list)) return;
    this.#waits = "";
    if (!begun) {
      this.#id = "";
      this.end();
      this.#left.clear();
    }
    this.dispatchEvent(new CustomEvent("refused", { detail: { message } }));
    if (begun) this.#changed();
  }
}
