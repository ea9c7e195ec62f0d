/**
 * A list straight from NATS, exact, over a connection of @nats-io/nats-core (in browsers: `wsconnect`).
 *
 *     import { wsconnect } from "@nats-io/nats-core";
 *     import { follow } from "gapscan/nats";
 *
 *     const nc = await wsconnect({ servers: "wss://nats.example.org", user: "reader", pass, inboxPrefix: "_INBOX_reader" });
 *     for await (const { view, state } of follow(nc, "gappers_up")) draw(view.rows, state);
 *
 * It is section 8 of gapscan's docs/protocol.md: a snapshot, then deltas; what is missed is fetched by sequence. It needs
 * no JetStream library and makes no consumer.
 */

import { Fit, ListView } from "./listview.js";

const BATCH = 1000; // more missing deltas than these: the snapshot is shorter
const QUEUE = 10_000; // messages that wait; those beyond are holes, which are filled
const ANSWER_MS = 2000;
const SILENT_MS = 3000; // without a heartbeat the list is stale
const RETRY_MS = 250;
const IN_A_ROW = 3; // so many heartbeats that are behind, and none between that is not, are right: the list went back

/** Nobody publishes the list. */
export class UnknownListError extends Error {}

/** Follow a list: its copy after each change of rows or state, for as long as the loop runs and `nc` is not closed.
 *
 * Throws UnknownListError when nobody publishes the list at the beginning.
 * @param {import("@nats-io/nats-core").NatsConnection} nc
 * @param {string} list
 * @param {{signal?: AbortSignal, prefix?: string}} [options]  the signal's abort ends the loop; a set that does not go
 *   by the usual names has a prefix of its own */
export async function* follow(nc, list, { signal, prefix = "gapscan" } = {}) {
  const follower = new Follower(nc, list, prefix);
  const stop = () => follower.close();
  signal?.addEventListener("abort", stop, { once: true });
  nc.closed().then(stop, stop);
  try {
    if (!signal?.aborted) yield* follower.views();
  } finally {
    signal?.removeEventListener("abort", stop);
    follower.close();
  }
}

class Follower {
  #nc;
  #list;
  #bucket;
  #stream;
  #view = new ListView();
  #need = "snapshot"; // what must be fetched: "", "fill" or "snapshot"
  #state = "stale";
  #simulated = false;
  #queue = [];
  #wake = () => {};
  #subscriptions;
  #closed = false;
  #beatAt = -Infinity;
  #asOf = 0; // of the heartbeats of this epoch
  #behind = 0;
  #changes = 0; // of the copy

  constructor(nc, list, prefix) {
    this.#nc = nc;
    this.#list = list;
    this.#bucket = `${prefix}-snapshots`;
    this.#stream = `${prefix.toUpperCase()}_LIST_${list}`;
    const callback = (error, message) => error || this.#put(message);
    // Before anything is read, so that nothing is missed between the two.
    this.#subscriptions = [`${prefix}.live.${list}`, `${prefix}.live.${list}.heartbeat`].map((subject) =>
      nc.subscribe(subject, { callback }),
    );
    this.#watchLink();
  }

  close() {
    if (this.#closed) return;
    this.#closed = true;
    for (const subscription of this.#subscriptions) {
      if (!this.#nc.isClosed()) subscription.unsubscribe();
    }
    this.#wake();
  }

  async #watchLink() {
    for await (const { type } of this.#nc.status()) {
      if (this.#closed) return;
      if (type === "reconnect") this.#needs("fill");
      if (type === "reconnect" || type === "disconnect") this.#put(null);
    }
  }

  #put(message) {
    if (this.#queue.length >= QUEUE) {
      this.#queue.length = 0;
      this.#needs("fill");
    }
    this.#queue.push(message);
    this.#wake();
  }

  #needs(what) {
    if (this.#need !== "snapshot") this.#need = what;
  }

  async *views() {
    let shown = null;
    while (!this.#closed) {
      if (this.#need) await this.#fetch();
      this.#judge();
      const now = this.#shot();
      if (this.#view.loaded && now.key !== shown) {
        shown = now.key;
        yield now.shot;
      }
      if (!this.#closed) this.#take(await this.#next(this.#need ? RETRY_MS : SILENT_MS));
    }
  }

  /** What there is to see now, and what it is known by. */
  #shot() {
    const { epoch, sequence, rows, asOf } = this.#view;
    const view = { list: this.#list, epoch, sequence, asOf: Math.max(asOf, this.#asOf), rows };
    const key = `${this.#changes}:${this.#state}:${this.#simulated}`;
    return { key, shot: { view, state: this.#state, simulated: this.#simulated } };
  }

  #judge() {
    if (performance.now() - this.#beatAt > SILENT_MS) this.#state = "stale";
  }

  /** The next message; null when none comes in time, or the link has changed. */
  async #next(milliseconds) {
    if (!this.#queue.length) {
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = () => {};
    }
    return this.#queue.shift() ?? null;
  }

  #take(message) {
    if (message === null) return;
    let content;
    try {
      content = message.json();
    } catch {
      return; // the sequence check finds what it hid
    }
    if (content?.type === "delta") this.#offer(content, sequenceOf(message));
    else if (content?.type === "heartbeat") this.#beat(content);
  }

  #beat(beat) {
    this.#beatAt = performance.now();
    if (this.#view.loaded && beat.epoch !== this.#view.epoch) {
      this.#needs("snapshot");
      return;
    }
    this.#simulated = beat.simulated === true;
    if (this.#view.loaded && beat.sequence > this.#view.sequence) this.#needs("fill");
    if (!this.#believes(beat)) return;
    this.#state = beat.delayed ? "delayed" : beat.state;
    if (this.#view.loaded && beat.sequence < this.#view.sequence) this.#needs("snapshot");
  }

  /** Heartbeats are not fenced: one of a ranker that stood still may come late, and is behind. */
  #believes({ sequence, as_of: asOf, state }) {
    const known = Math.max(this.#asOf, this.#view.asOf);
    this.#behind = sequence < this.#view.sequence || asOf < known ? this.#behind + 1 : 0;
    if (this.#behind > 0 && this.#behind < IN_A_ROW) return false;
    this.#behind = 0;
    this.#asOf = state === "stale" ? Math.max(known, asOf) : asOf; // a new leader may have no data yet
    return true;
  }

  /** Apply a delta if it is the next one; what is missing is fetched. */
  #offer(delta, sequence) {
    if (!this.#view.loaded) return Fit.HOLE;
    const { fit } = this.#view.take({ ...delta, sequence });
    if (fit === Fit.APPLIED) this.#changes += 1;
    if (fit === Fit.HOLE) this.#needs("fill");
    else if (fit === Fit.MISMATCH || fit === Fit.OTHER_EPOCH) this.#need = "snapshot";
    else if (fit === Fit.OLD && this.#isOtherPast(delta, sequence)) this.#need = "snapshot";
    return fit;
  }

  /** Another delta led to this sequence than the one that the copy has: NATS lost the newest ones in between. */
  #isOtherPast(delta, sequence) {
    return sequence === this.#view.sequence && (delta.as_of !== this.#view.asOf || delta.checksum !== this.#view.checksum);
  }

  /** What fails is tried again. */
  async #fetch() {
    try {
      if (this.#need === "snapshot") await this.#takeSnapshot();
      else this.#apply(await this.#stored(this.#view.sequence + 1));
    } catch (error) {
      if (error instanceof UnknownListError && !this.#view.loaded) throw error;
    }
  }

  async #takeSnapshot() {
    const key = `$KV.${this.#bucket}.${this.#list}`;
    const answer = await this.#nc.request(`$JS.API.DIRECT.GET.KV_${this.#bucket}.${key}`, "", { timeout: ANSWER_MS });
    if (answer.headers?.code === 404) throw new UnknownListError(`nobody publishes a list named ${this.#list}`);
    if (answer.headers?.code) throw new Error(answer.headers.description);
    const snapshot = answer.json();
    const deltas = await this.#stored(snapshot.sequence + 1);
    if (snapshot.epoch !== this.#view.epoch) this.#asOf = 0;
    this.#changes += 1;
    this.#view.load(snapshot); // and at once what came after it: the copy never shows older rows meanwhile
    this.#simulated = snapshot.simulated === true;
    this.#apply(deltas);
  }

  #apply(deltas) {
    this.#need = deltas.length === BATCH ? "snapshot" : "";
    for (const message of deltas) {
      const fit = this.#offer(message.json(), sequenceOf(message));
      if (fit !== Fit.APPLIED && fit !== Fit.OLD) {
        this.#need = "snapshot";
        return;
      }
    }
  }

  /** The stored deltas from a sequence on. */
  async #stored(sequence) {
    const request = JSON.stringify({ seq: sequence, batch: BATCH });
    const options = { strategy: "sentinel", maxWait: ANSWER_MS };
    const found = [];
    for await (const message of await this.#nc.requestMany(`$JS.API.DIRECT.GET.${this.#stream}`, request, options)) {
      const code = message.headers?.code;
      if (code === 204 || code === 404) return found; // that is all; or there is nothing newer
      if (code) throw new Error(message.headers.description);
      found.push(message);
    }
    throw new Error("the answer has no end"); // in time
  }
}

function sequenceOf(message) {
  return Number(message.headers?.get("Nats-Sequence"));
}
