/** Exact copies of the lists that a connection follows: what comes is applied, what is missing is asked for. */

import { DeltaError, Fit } from "./listview.js";
import { Subscription } from "./subscription.js";

const RESYNC_MS = 1000; // at most one resync of a list in this time
const ANSWER_MS = 3000; // what was asked for is not asked for again in this time, unless it was answered

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

  /** Follow a list, or what `wish` says of it; false if that is followed already.
   * @param {string} list @param {{limit?: number, fields?: string[]}} wish */
  want(list, wish = {}) {
    const about = this.about(list);
    const same = JSON.stringify(wish) === JSON.stringify(about.wish);
    const wanted = this.#wanted.has(list);
    if (wanted && same) return false;
    this.#wanted.add(list);
    if (!same) about.wish = wish;
    about.settle();
    Object.assign(about, { unknown: false, beat: wanted ? about.beat : null });
    return true;
  }

  /** Whether a list is followed. */
  wants(list) {
    return this.#wanted.has(list);
  }

  /** Follow a list no longer; false if it was not followed. Its copy is kept. */
  unwant(list) {
    return this.#wanted.delete(list);
  }

  /** A new link: where to go on from, for each list. */
  restart() {
    return [...this.#wanted].map((list) => {
      this.about(list).settle();
      this.about(list).beat = null;
      return this.request(list);
    });
  }

  /** The server has these lists: where to go on from, for each that it did not have before. @param {string[]} names */
  back(names) {
    const back = names.filter((name) => this.#wanted.has(name) && this.about(name).unknown);
    for (const name of back) this.about(name).unknown = false;
    return back.map((name) => this.request(name));
  }

  /** What asks for a list: its name and, when there is a copy, where to go on from. It is to be sent. */
  request(list, afresh = false) {
    const about = this.about(list);
    const { view, wish } = about;
    about.awaitedUntil = performance.now() + ANSWER_MS;
    const from = view.loaded && !afresh && about.held === wish;
    return { list, ...wish, ...(from ? { epoch: view.epoch, last_sequence: view.sequence } : {}) };
  }

  /** A whole list came. */
  snapshot(snapshot) {
    const about = this.#subscriptions.get(snapshot.list);
    if (!about || !this.#wanted.has(snapshot.list)) return;
    this.#counts.snapshots += 1;
    const before = about.view.epoch;
    try {
      const changes = about.view.load(snapshot);
      const anew = snapshot.epoch !== before;
      if (anew) about.beginAnew();
      about.held = about.wish;
      this.#moved(snapshot.list, about, changes, anew);
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      this.#refused(snapshot.list, about, "snapshot");
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
    else if (fit === Fit.MISMATCH) this.#refused(delta.list, about, fit);
    else this.#resync(delta.list, about, fit, fit === Fit.OTHER_EPOCH);
  }

  /** The server says that it has no such list, or cannot send it. */
  fault({ code, list, message }) {
    if (code === "unknown_list") this.about(list).unknown = true;
    if (code === "list_failed") this.about(list).fault = message;
  }

  #moved(list, about, changes, anew = false) {
    about.settle();
    about.hear(about.view.asOf, performance.now());
    this.#emit("change", { list, changes, anew });
  }

  /** A delta to where the copy is already: the answer to a resume when nothing was missed. */
  #upToDate(delta, about) {
    if (delta.sequence !== about.view.sequence) return;
    if (delta.checksum !== about.view.checksum) this.#refused(delta.list, about, Fit.MISMATCH);
    else about.settle();
  }

  /** What leads on from the copy is wrong, so it was the answer, if one was waited for. */
  #refused(list, about, why) {
    about.awaitedUntil = -Infinity;
    if (why === Fit.MISMATCH) this.#counts.mismatches += 1;
    this.#resync(list, about, why, true);
  }

  /** Ask for what is missing, or (`afresh`) for all of the list. What may not be asked for yet, a heartbeat asks for:
   * until the answer comes, whatever was sent before it lacks the same. */
  #resync(list, about, why, afresh) {
    const now = performance.now();
    about.resyncing = true;
    about.afresh ||= afresh;
    if (now < about.awaitedUntil || now - about.resyncedAt < RESYNC_MS) return;
    about.resyncedAt = now;
    this.#counts.resyncs += 1;
    this.#send({ action: "resync", ...this.request(list, about.afresh) });
    this.#emit("fault", { code: "resync", message: `${list}: ${why}`, list });
  }

  /** What the server last sent of each list. */
  beat(beats, now) {
    for (const [list, beat] of Object.entries(beats)) {
      const about = this.#subscriptions.get(list);
      if (about && this.#wanted.has(list)) this.#beatOf(list, about, beat, now);
    }
  }

  /** A heartbeat comes after all that it speaks of: a copy that has less has lost something. */
  #beatOf(list, about, beat, now) {
    about.beat = beat;
    if (beat.state === "live" || beat.delayed) about.fault = "";
    about.hear(beat.as_of, now);
    const { view } = about;
    if (view.epoch !== beat.epoch) this.#resync(list, about, Fit.OTHER_EPOCH, true);
    else if (view.sequence < beat.sequence || about.resyncing) this.#resync(list, about, Fit.HOLE, false);
  }
}
