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
 *   change     {list, changes, anew}  a list moved on; see listview.js for `changes`; `anew`: it is of another epoch
 *   heartbeat  {lists}           once a second: what the server knows of each subscribed list
 *   lists      [definition...]   the lists that may be subscribed to; again whenever the set changes
 *   aggregate  {symbol, data}    a cell update, if asked for with `aggregates(true)`
 *   overview   {list: {size, state}}  how all lists stand, if asked for with `overview(true)`
 *   why        {symbol, ...}     the answer to `ask`
 *   past       {type, list, ...} what the server says of lists' past, asked for with `say`
 *   phase      {phase, ...}      see `phase`
 *   fault      {code, message}   an error message of the server, or a list that had to be fetched again
 */

import { Attempts } from "./attempts.js";
import { Copies } from "./copies.js";
import { Errands } from "./errands.js";
import { onPageLife } from "./pagelife.js";
import { Phase } from "./phase.js";
import { Socket } from "./socket.js";

export { Phase };

const HELLO_MS = 5000; // a server that says nothing for so long after the connect is given up
const SILENT_BEATS = 5; // so many heartbeats missed, and the link is taken for dead
const UNAUTHORIZED = 4502;

const PAST = ["past", "play", "timeline", "past_snapshot", "past_delta"];

export class Connection extends EventTarget {
  #url;
  #socket = null;
  #attempts;
  #copies;
  #errands = new Errands();
  #suspended = false;

  /** @param {string} url  ws:// or wss://
   * @param {{token?: ?string, random?: () => number}} [options] */
  constructor(url, { token = null, random = Math.random } = {}) {
    super();
    this.#url = url;
    this.#attempts = new Attempts(url, random);
    this.token = token;
    this.phase = Phase.IDLE;
    /** The server's greeting: version, simulated, heartbeat, window, auth. */
    this.hello = null;
    this.simulated = false;
    /** performance.now() of the last message and of the last heartbeat. */
    this.heardAt = 0;
    this.beatAt = 0;
    /** How the last socket ended: {code, reason}. */
    this.closed = null;
    this.counts = { connects: 0, snapshots: 0, deltas: 0, resyncs: 0, mismatches: 0, unreadable: 0, errors: 0 };
    this.#copies = new Copies(
      this.counts,
      (message) => this.#send(message),
      (type, detail) => this.#emit(type, detail),
    );
    onPageLife({
      offline: () => this.#offline(),
      online: () => this.phase === Phase.OFFLINE && this.#connect(),
      left: () => this.#suspend(),
      back: () => this.#suspended && this.#connect(),
      shown: () => this.#shown(),
    });
  }

  /** Why no connection comes about, where the server says so; "" else. */
  get refusal() {
    return this.#attempts.refusal;
  }

  /** performance.now() of the next attempt, while one is waited for. */
  get retryAt() {
    return this.#attempts.nextAt;
  }

  /** Connect, and stay connected until `stop`. Also after REFUSED and TOKEN. */
  start() {
    if (this.#socket) return;
    this.#attempts.begin();
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
    this.say(this.#errands.aggregates(on));
  }

  /** Ask to be told how all lists stand, or no longer. @param {boolean} on */
  overview(on) {
    this.say(this.#errands.overview(on));
  }

  /** Ask for alerts: the last ones, then each as it comes. */
  alerts() {
    this.say(this.#errands.alerts());
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

  /** Whether there is to be a link. */
  get #wanted() {
    return [Phase.CONNECTING, Phase.OPEN, Phase.WAITING].includes(this.phase);
  }

  #suspend() {
    if (!this.#wanted) return;
    this.#suspended = true;
    this.#drop();
    this.#enter(Phase.CONNECTING);
  }

  /** A hidden page's timers hardly run: what they should have done is done when it is shown. */
  #shown() {
    if (this.phase === Phase.WAITING) this.#connect();
    else this.#socket?.look();
  }

  #connect() {
    this.#suspended = false;
    this.#drop();
    this.counts.connects += 1;
    this.#socket = new Socket(this.#url, {
      message: (message, heardAt) => this.#receive(message, heardAt),
      unreadable: () => (this.counts.unreadable += 1), // the sequence check finds what it may have hidden
      ended: (how) => this.#ended(how),
      patience: () => this.#patience(),
    });
    this.#enter(Phase.CONNECTING);
  }

  /** Forget the socket, if there is one. */
  #drop() {
    this.#attempts.over();
    this.#socket?.close();
    this.#socket = null;
  }

  #enter(phase) {
    this.phase = phase;
    this.#emit("phase", { phase, closed: this.closed, retryAt: this.retryAt });
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  #send(message) {
    this.#socket?.send(message);
  }

  #offline() {
    if (!this.#wanted) return;
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
    this.#attempts.next(
      () => this.#connect(),
      () => this.phase === Phase.WAITING && this.#enter(Phase.WAITING),
    );
    this.#enter(Phase.WAITING);
  }

  /** How long nothing may be heard. A client of no list gets no heartbeats. */
  #patience() {
    if (this.phase !== Phase.OPEN) return HELLO_MS;
    return this.#copies.following ? SILENT_BEATS * this.hello.heartbeat * 1000 : Infinity;
  }

  #receive(message, heardAt) {
    this.heardAt = heardAt;
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
      case "overview":
        return this.#emit("overview", message.lists);
      case "alerts":
        this.#errands.alerted(message);
        return this.#emit("alerts", message);
      case "aggregate":
      case "why":
        return this.#emit(message.type, message);
      case "error":
        return this.#error(message);
      default: // of the past, or of a later version
        return PAST.includes(message?.type) && this.#emit("past", message);
    }
  }

  #greeted(hello) {
    this.hello = hello;
    this.#attempts.greeted();
    this.simulated = hello.simulated === true;
    if (hello.auth) {
      if (!this.token) {
        this.#drop();
        this.#enter(Phase.TOKEN);
        return;
      }
      this.#send({ action: "auth", token: this.token });
    }
    this.beatAt = this.heardAt;
    const lists = this.#copies.restart();
    if (lists.length) this.#send({ action: "subscribe", lists });
    for (const message of this.#errands.again()) this.#send(message);
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
    if (message.list) this.#copies.fault(message);
    this.#emit("fault", message);
  }
}
