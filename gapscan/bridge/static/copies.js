/** Exact copies of the lists that a connection follows: what comes is applied, what is missing is asked for. */

import { DeltaError, Fit } from "./listview.js";
import { Subscription } from "./subscription.js";

const RESYNC_MS = 1000; // at most one resync of a list in this time

export class Copies {
  #wanted = new Set();
  #subscriptions = new Map();
  #counts;
  #send;
  #emit;

  /** @param {object} counts  the connection's, counted up here
   * @param {(message: object) => void} send @param {(type: string, detail: object) => void} emit */
  constructor(counts, send, emit) {
    this.#counts = counts;
    this.#send = send;
    this.#emit = emit;
  }

  /** The copy of a list and what is known of it. @param {string} list */
  about(list) {
    if (!this.#subscriptions.has(list)) this.#subscriptions.set(list, new Subscription());
    return this.#subscriptions.get(list);
  }

  /** Whether any list is followed that the server has. */
  get following() {
    return [...this.#wanted].some((list) => !this.about(list).unknown);
  }

  /** Follow a list; false if it is followed already. */
  want(list) {
    if (this.#wanted.has(list)) return false;
    this.#wanted.add(list);
    Object.assign(this.about(list), { resyncing: false, unknown: false, beat: null, behind: 0 });
    return true;
  }

  /** Follow a list no longer; false if it was not followed. Its copy is kept. */
  unwant(list) {
    return this.#wanted.delete(list);
  }

  /** A new link: where to go on from, for each list. */
  restart() {
    const lists = [...this.#wanted].map((list) => this.cursor(list));
    for (const list of this.#wanted) Object.assign(this.about(list), { resyncing: false, beat: null, behind: 0 });
    return lists;
  }

  /** The server has these lists: where to go on from, for each that it did not have before. @param {string[]} names */
  back(names) {
    const back = names.filter((name) => this.#wanted.has(name) && this.about(name).unknown);
    for (const name of back) this.about(name).unknown = false;
    return back.map((name) => this.cursor(name));
  }

  /** Names a list and, when there is a copy, where to go on from. */
  cursor(list, afresh = false) {
    const { view } = this.about(list);
    return view.loaded && !afresh ? { list, epoch: view.epoch, last_sequence: view.sequence } : { list };
  }

  /** A whole list came. */
  snapshot(snapshot) {
    const about = this.#subscriptions.get(snapshot.list);
    if (!about || !this.#wanted.has(snapshot.list)) return;
    this.#counts.snapshots += 1;
    try {
      this.#moved(snapshot.list, about, about.view.load(snapshot));
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      this.#resync(snapshot.list, about, "snapshot", true);
    }
  }

  /** A change of a list came. */
  delta(delta) {
    const about = this.#subscriptions.get(delta.list);
    if (!about || !this.#wanted.has(delta.list)) return;
    this.#counts.deltas += 1;
    const { fit, changes } = about.view.take(delta);
    if (fit === Fit.APPLIED) this.#moved(delta.list, about, changes);
    else if (fit === Fit.OLD) this.#upToDate(delta, about);
    else this.#resync(delta.list, about, fit, fit !== Fit.HOLE);
  }

  #moved(list, about, changes) {
    about.resyncing = false;
    about.hear(about.view.asOf, performance.now());
    this.#emit("change", { list, changes });
  }

  /** A delta to where the copy is already: the answer to a resume when nothing was missed. */
  #upToDate(delta, about) {
    if (delta.sequence !== about.view.sequence) return;
    if (delta.checksum !== about.view.checksum) this.#resync(delta.list, about, Fit.MISMATCH, true);
    else about.resyncing = false;
  }

  /** Ask for what is missing, or (`afresh`) for all of the list. */
  #resync(list, about, why, afresh) {
    const now = performance.now();
    about.resyncing = true;
    if (why === Fit.MISMATCH) this.#counts.mismatches += 1;
    if (now - about.askedAt < RESYNC_MS) return; // a heartbeat finds that the list is still behind
    about.askedAt = now;
    this.#counts.resyncs += 1;
    this.#send({ action: "resync", ...this.cursor(list, afresh) });
    this.#emit("fault", { code: "resync", message: `${list}: ${why}`, list });
  }

  /** What the server last sent of each list. */
  beat(beats, now) {
    for (const [list, beat] of Object.entries(beats)) {
      const about = this.#subscriptions.get(list);
      if (about && this.#wanted.has(list)) this.#beatOf(list, about, beat, now);
    }
  }

  #beatOf(list, about, beat, now) {
    about.beat = beat;
    if (beat.state === "live") about.fault = "";
    about.hear(beat.as_of, now);
    const same = about.view.epoch === beat.epoch && about.view.sequence >= beat.sequence && !about.resyncing;
    about.behind = same ? 0 : about.behind + 1;
    // One heartbeat may overtake a delta that waits for its window; a second one means that it was lost.
    if (about.behind > 2) this.#resync(list, about, Fit.HOLE, about.view.epoch !== beat.epoch);
  }
}
