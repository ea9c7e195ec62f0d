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
 *   overview   {list: {size, state}}  how all lists stand, if asked for with `overview(true)`
 *   why        {symbol, ...}     the answer to `ask`
 *   past       {type, list, ...} what the server says of lists' past, asked for with `say`
 *   phase      {phase, ...}      see `phase`
 *   fault      {code, message}   an error message of the server, or a list that had to be fetched again
 */

import { Backoff } from "./backoff.js";
import { Copies } from "./copies.js";
import { diagnosis } from "./diagnosis.js";

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
const UNAUTHORIZED = 4502;
const HEALTHY_MS = 10_000; // a link that lived so long starts the back-off anew

export class Connection extends EventTarget {
  #url;
  #socket = null;
  #timer = 0;
  #watch = 0;
  #backoff;
  #copies;
  #aggregates = false;
  #overview = false;
  #wantsAlerts = false;
  #alert = null; // the id of the last one that came
  #openedAt = 0;
  #failures = 0; // attempts in a row that got no greeting
  #suspended = false;

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
    /** Why no connection comes about, where the server says so; "" else. */
    this.refusal = "";
    this.counts = { connects: 0, snapshots: 0, deltas: 0, resyncs: 0, mismatches: 0, unreadable: 0, errors: 0 };
    this.#copies = new Copies(
      this.counts,
      (message) => this.#send(message),
      (type, detail) => this.#emit(type, detail),
    );
    globalThis.addEventListener?.("offline", () => this.#offline());
    globalThis.addEventListener?.("online", () => this.phase === Phase.OFFLINE && this.#connect());
    // A page that is left may come back with a socket of which nobody told it that it is dead.
    globalThis.addEventListener?.("pagehide", () => this.#suspend());
    globalThis.addEventListener?.("pageshow", () => this.#resume());
    globalThis.document?.addEventListener("visibilitychange", () => document.hidden || this.#shown());
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

  /** The copy of a list and what is known of it: {view, beat, asOf, movedAt, resyncing, unknown, fault}. */
  about(list) {
    return this.#copies.about(list);
  }

  /** Follow a list from now on; of its first rows or some fields only, with a wish. Another wish replaces the one before.
   * @param {string} list @param {{limit?: number, fields?: string[]}} [wish] */
  subscribe(list, wish = {}) {
    if (!this.#copies.want(list, wish)) return;
    if (this.phase === Phase.OPEN) this.#send({ action: "subscribe", lists: [this.#copies.request(list)] });
  }

  /** Whether a list is followed. @param {string} list */
  follows(list) {
    return this.#copies.wants(list);
  }

  /** Follow a list no longer. Its copy is kept, so that `subscribe` can resume it. @param {string} list */
  unsubscribe(list) {
    if (this.#copies.unwant(list) && this.phase === Phase.OPEN) this.#send({ action: "unsubscribe", lists: [list] });
  }

  /** Ask for cell updates of the listed symbols, or no longer. @param {boolean} on */
  aggregates(on) {
    this.#aggregates = on;
    if (this.phase === Phase.OPEN) this.#send({ action: "aggregates", on });
  }

  /** Ask to be told how all lists stand, or no longer. @param {boolean} on */
  overview(on) {
    this.#overview = on;
    if (this.phase === Phase.OPEN) this.#send({ action: "overview", on });
  }

  /** Ask for alerts: the last ones, then each as it comes. */
  alerts() {
    this.#wantsAlerts = true;
    this.say({ action: "alerts", on: true, after: this.#alert });
  }

  /** Ask why a symbol is in a list, or not; false while there is no link. @param {string} symbol @param {?string} list */
  ask(symbol, list = null) {
    return this.say({ action: "why", symbol, list });
  }

  /** Send an action of the protocol; false while there is no link. @param {{action: string}} message */
  say(message) {
    if (this.phase === Phase.OPEN) this.#send(message);
    return this.phase === Phase.OPEN;
  }

  #suspend() {
    if (![Phase.CONNECTING, Phase.OPEN, Phase.WAITING].includes(this.phase)) return;
    this.#suspended = true;
    this.#drop();
    this.#enter(Phase.CONNECTING);
  }

  #resume() {
    if (this.#suspended) this.#connect();
  }

  /** A hidden page's timers hardly run: what they should have done is done when it is shown. */
  #shown() {
    if (this.phase === Phase.WAITING) this.#connect();
    else if (this.#socket) this.#look();
  }

  #connect() {
    this.#suspended = false;
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
    this.#failures += 1;
    if (this.#failures > 1) this.#ask();
    const wait = this.#backoff.next();
    this.retryAt = performance.now() + wait;
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#enter(Phase.WAITING);
  }

  /** Two attempts got no greeting: a browser does not tell a page why, but the server may. */
  async #ask() {
    const refusal = await diagnosis(this.#url);
    if (this.phase !== Phase.WAITING) return;
    this.refusal = refusal;
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
    return this.#copies.following ? SILENT_BEATS * this.hello.heartbeat * 1000 : Infinity;
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
        return this.#copies.delta(message);
      case "snapshot":
        return this.#copies.snapshot(message);
      case "heartbeat":
        return this.#beat(message);
      case "hello":
        return this.#greeted(message);
      case "lists":
        return this.#defined(message.lists);
      case "aggregate":
        return this.#emit("aggregate", message);
      case "overview":
        return this.#emit("overview", message.lists);
      case "why":
        return this.#emit("why", message);
      case "past":
      case "play":
      case "timeline":
      case "past_snapshot":
      case "past_delta":
        return this.#emit("past", message);
      case "alerts":
        return this.#alerted(message);
      case "error":
        return this.#error(message);
      default: // of a later version
    }
  }

  /** Alerts: on a new link, those after the last one that came. */
  #alerted(message) {
    this.#alert = message.alerts.at(-1)?.id ?? this.#alert;
    this.#emit("alerts", message);
  }

  #greeted(hello) {
    this.hello = hello;
    this.#failures = 0;
    this.refusal = "";
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
    const lists = this.#copies.restart();
    if (lists.length) this.#send({ action: "subscribe", lists });
    if (this.#aggregates) this.#send({ action: "aggregates", on: true });
    if (this.#overview) this.#send({ action: "overview", on: true });
    if (this.#wantsAlerts) this.#send({ action: "alerts", on: true, after: this.#alert });
    this.#enter(Phase.OPEN);
  }

  #defined(lists) {
    const back = this.#copies.back(lists.map(({ name }) => name));
    if (back.length) this.#send({ action: "subscribe", lists: back });
    this.#emit("lists", lists);
  }

  #beat(heartbeat) {
    this.beatAt = this.heardAt;
    this.simulated = heartbeat.simulated === true;
    this.#copies.beat(heartbeat.lists, this.beatAt);
    this.#emit("heartbeat", heartbeat);
  }

  #error(message) {
    this.counts.errors += 1;
    if (message.code === "unknown_list" && message.list) this.about(message.list).unknown = true;
    if (message.code === "list_failed" && message.list) this.about(message.list).fault = message.message;
    this.#emit("fault", message);
  }
}
