/**
 * A connection to the bridge that mends itself, and exact copies of the lists that were asked for.
 *
 *     const connection = new Connection("wss://scanner.example/ws");
 *     connection.addEventListener("change", ({ detail }) => draw(detail.list, connection.view(detail.list)));
 *     connection.subscribe("gappers_up");
 *     connection.start();
 *
 * After a break it connects again (back-off with jitter) and resumes every list from the sequence it has. A hole, a
 * wrong checksum or another epoch makes it ask for the list again. It works without a page.
 *
 * Events (CustomEvent, values in `detail`):
 *   change     {list, changes}   a list moved on; see listview.js for `changes`
 *   heartbeat  {lists}           once a second: what the server knows of each subscribed list
 *   lists      [definition...]   the lists that may be subscribed to; again whenever the set changes
 *   aggregate  {symbol, data}    a cell update, if asked for with `aggregates(true)`
 *   phase      {phase, ...}      see `phase`
 *   fault      {code, message}   an error message of the server, or a list that had to be fetched again
 */

import { Backoff } from "./backoff.js";
import { DeltaError, Fit } from "./listview.js";
import { Subscription } from "./subscription.js";

/** Where a connection stands. */
export const Phase = Object.freeze({
  IDLE: "idle", // not started, or stopped
  CONNECTING: "connecting",
  OPEN: "open",
  WAITING: "waiting", // until the next attempt, at `retryAt`
  OFFLINE: "offline", // the browser has no network
  TOKEN: "token needed", // the server wants a token: set `token` and call `start`
  REFUSED: "refused", // the server will not have this client: see `closed`
});

const HELLO_MS = 5000; // a server that says nothing for so long after the connect is given up
const SILENT_BEATS = 5; // so many heartbeats missed, and the link is taken for dead
const RESYNC_MS = 1000; // at most one resync of a list in this time
const UNAUTHORIZED = 4502;
const HEALTHY_MS = 10_000; // a link that lived so long starts the back-off anew

export class Connection extends EventTarget {
  #url;
  #socket = null;
  #timer = 0;
  #watch = 0;
  #backoff;
  #wanted = new Set();
  #subscriptions = new Map();
  #aggregates = false;
  #openedAt = 0;

  /** @param {string} url  ws:// or wss://
   * @param {{token?: ?string, random?: () => number}} [options] */
  constructor(url, { token = null, random = Math.random } = {}) {
    super();
    this.#url = url;
    this.#backoff = new Backoff(random);
    this.token = token;
    this.phase = Phase.IDLE;
    /** The server's greeting: version, simulated, heartbeat, window, auth. */
    this.hello = null;
    this.simulated = false;
    /** performance.now() of the last message and of the last heartbeat. */
    this.heardAt = 0;
    this.beatAt = 0;
    this.retryAt = 0;
    /** How the last socket ended: {code, reason}. */
    this.closed = null;
    this.counts = { connects: 0, snapshots: 0, deltas: 0, resyncs: 0, mismatches: 0, unreadable: 0, errors: 0 };
    globalThis.addEventListener?.("offline", () => this.#offline());
    globalThis.addEventListener?.("online", () => this.phase === Phase.OFFLINE && this.#connect());
  }

  /** Connect, and stay connected until `stop`. Also after REFUSED and TOKEN. */
  start() {
    if (this.#socket) return;
    this.#backoff.reset();
    if (globalThis.navigator?.onLine === false) this.#enter(Phase.OFFLINE);
    else this.#connect();
  }

  /** Close, and stay closed. The copies are kept, and `start` resumes them. */
  stop() {
    this.#drop();
    this.#enter(Phase.IDLE);
  }

  /** The copy of a list; empty until its snapshot came. @param {string} list */
  view(list) {
    return this.about(list).view;
  }

  /** The copy of a list and what is known of it: {view, beat, asOf, movedAt, resyncing, unknown}. */
  about(list) {
    if (!this.#subscriptions.has(list)) this.#subscriptions.set(list, new Subscription());
    return this.#subscriptions.get(list);
  }

  /** Follow a list from now on. @param {string} list */
  subscribe(list) {
    if (this.#wanted.has(list)) return;
    this.#wanted.add(list);
    Object.assign(this.about(list), { resyncing: false, unknown: false, beat: null, behind: 0 });
    if (this.phase === Phase.OPEN) this.#send({ action: "subscribe", lists: [this.#cursor(list)] });
  }

  /** Follow a list no longer. Its copy is kept, so that `subscribe` can resume it. @param {string} list */
  unsubscribe(list) {
    if (this.#wanted.delete(list) && this.phase === Phase.OPEN) this.#send({ action: "unsubscribe", lists: [list] });
  }

  /** Ask for cell updates of the listed symbols, or no longer. @param {boolean} on */
  aggregates(on) {
    this.#aggregates = on;
    if (this.phase === Phase.OPEN) this.#send({ action: "aggregates", on });
  }

  #connect() {
    this.#drop();
    this.counts.connects += 1;
    const socket = (this.#socket = new WebSocket(this.#url));
    socket.onmessage = (event) => socket === this.#socket && this.#receive(event.data);
    socket.onclose = (event) => socket === this.#socket && this.#ended(event);
    this.heardAt = performance.now();
    this.#enter(Phase.CONNECTING);
    this.#watch = setInterval(() => this.#look(), 500);
  }

  /** Forget the socket, if there is one. */
  #drop() {
    clearTimeout(this.#timer);
    clearInterval(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #enter(phase) {
    this.phase = phase;
    this.#emit("phase", { phase, closed: this.closed, retryAt: this.retryAt });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #send(message) {
    this.#socket?.send(JSON.stringify(message));
  }

  #offline() {
    if (![Phase.CONNECTING, Phase.OPEN, Phase.WAITING].includes(this.phase)) return;
    this.#drop();
    this.#enter(Phase.OFFLINE);
  }

  #ended({ code, reason }) {
    this.closed = { code, reason };
    this.#drop();
    if (code === UNAUTHORIZED) this.#enter(Phase.TOKEN);
    else if (code >= 4500 && code < 5000) this.#enter(Phase.REFUSED);
    else this.#retry();
  }

  #retry() {
    const wait = this.#backoff.next();
    this.retryAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#enter(Phase.WAITING);
  }

  /** Give up a link on which nothing comes, though its socket is open. */
  #look() {
    const now = performance.now();
    if (this.phase === Phase.OPEN && now - this.#openedAt > HEALTHY_MS) this.#backoff.reset();
    if (now - this.heardAt > this.#patience()) this.#ended({ code: 1006, reason: "nothing was heard" });
  }

  /** How long nothing may be heard. A client of no list gets no heartbeats. */
  #patience() {
    if (this.phase !== Phase.OPEN) return HELLO_MS;
    const listening = [...this.#wanted].some((list) => !this.about(list).unknown);
    return listening ? SILENT_BEATS * this.hello.heartbeat * 1000 : Infinity;
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      this.counts.unreadable += 1; // the sequence check finds what it may have hidden
      return;
    }
    this.heardAt = performance.now();
    this.#dispatch(message);
  }

  #dispatch(message) {
    switch (message?.type) {
      case "delta":
        return this.#delta(message);
      case "snapshot":
        return this.#snapshot(message);
      case "heartbeat":
        return this.#beat(message);
      case "hello":
        return this.#greeted(message);
      case "lists":
        return this.#defined(message.lists);
      case "aggregate":
        return this.#emit("aggregate", message);
      case "error":
        return this.#error(message);
      default: // of a later version
    }
  }

  #greeted(hello) {
    this.hello = hello;
    this.simulated = hello.simulated === true;
    if (hello.auth) {
      if (!this.token) {
        this.#drop();
        this.#enter(Phase.TOKEN);
        return;
      }
      this.#send({ action: "auth", token: this.token });
    }
    this.#openedAt = this.beatAt = this.heardAt;
    if (this.#wanted.size) this.#send({ action: "subscribe", lists: [...this.#wanted].map((list) => this.#cursor(list)) });
    if (this.#aggregates) this.#send({ action: "aggregates", on: true });
    for (const list of this.#wanted) Object.assign(this.about(list), { resyncing: false, beat: null, behind: 0 });
    this.#enter(Phase.OPEN);
  }

  #defined(lists) {
    const back = lists.map(({ name }) => name).filter((name) => this.#wanted.has(name) && this.about(name).unknown);
    for (const name of back) this.about(name).unknown = false;
    if (back.length) this.#send({ action: "subscribe", lists: back.map((name) => this.#cursor(name)) });
    this.#emit("lists", lists);
  }

  /** Names a list and, when there is a copy, where to go on from. */
  #cursor(list, afresh = false) {
    const { view } = this.about(list);
    return view.loaded && !afresh ? { list, epoch: view.epoch, last_sequence: view.sequence } : { list };
  }

  #snapshot(snapshot) {
    const about = this.#subscriptions.get(snapshot.list);
    if (!about || !this.#wanted.has(snapshot.list)) return;
    this.counts.snapshots += 1;
    try {
      this.#moved(snapshot.list, about, about.view.load(snapshot));
    } catch (error) {
      if (!(error instanceof DeltaError)) throw error;
      this.#resync(snapshot.list, about, "snapshot", true);
    }
  }

  #delta(delta) {
    const about = this.#subscriptions.get(delta.list);
    if (!about || !this.#wanted.has(delta.list)) return;
    this.counts.deltas += 1;
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
    if (why === Fit.MISMATCH) this.counts.mismatches += 1;
    if (now - about.askedAt < RESYNC_MS) return; // a heartbeat finds that the list is still behind
    about.askedAt = now;
    this.counts.resyncs += 1;
    this.#send({ action: "resync", ...this.#cursor(list, afresh) });
    this.#emit("fault", { code: "resync", message: `${list}: ${why}`, list });
  }

  #beat(heartbeat) {
    this.beatAt = this.heardAt;
    this.simulated = heartbeat.simulated === true;
    for (const [list, beat] of Object.entries(heartbeat.lists)) {
      const about = this.#subscriptions.get(list);
      if (about && this.#wanted.has(list)) this.#beatOf(list, about, beat);
    }
    this.#emit("heartbeat", heartbeat);
  }

  #beatOf(list, about, beat) {
    about.beat = beat;
    about.hear(beat.as_of, this.beatAt);
    const same = about.view.epoch === beat.epoch && about.view.sequence >= beat.sequence && !about.resyncing;
    about.behind = same ? 0 : about.behind + 1;
    // One heartbeat may overtake a delta that waits for its window; a second one means that it was lost.
    if (about.behind > 2) this.#resync(list, about, Fit.HOLE, about.view.epoch !== beat.epoch);
  }

  #error(message) {
    this.counts.errors += 1;
    if (message.code === "unknown_list" && message.list) this.about(message.list).unknown = true;
    this.#emit("fault", message);
  }
}
