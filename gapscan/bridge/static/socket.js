/** One WebSocket: messages as JSON, and an end also when nothing comes, though it is open. */

const LOOK_MS = 500;

export class Socket {
  #socket;
  #watch;
  #acts;
  #heardAt = performance.now();

  /** @param {string} url
   * @param {{message: function, unreadable: function, ended: function, patience: function}} acts  `message` gets what was
   *   said and the performance.now() of it, `ended` {code, reason}; for `patience()` ms nothing may be heard */
  constructor(url, acts) {
    this.#acts = acts;
    this.#socket = new WebSocket(url);
    this.#socket.onmessage = ({ data }) => this.#receive(data);
    this.#socket.onclose = (how) => this.#end(how);
    this.#watch = setInterval(() => this.look(), LOOK_MS);
  }

  /** @param {object} message */
  send(message) {
    this.#socket.send(JSON.stringify(message));
  }

  /** Give it up if nothing was heard for too long. */
  look() {
    if (performance.now() - this.#heardAt > this.#acts.patience()) this.#end({ code: 1006, reason: "nothing was heard" });
  }

  #receive(data) {
    let message;
    try {
      message = JSON.parse(data);
    } catch {
      this.#acts.unreadable();
      return;
    }
    this.#heardAt = performance.now();
    this.#acts.message(message, this.#heardAt);
  }

  #end({ code, reason }) {
    this.close();
    this.#acts.ended({ code, reason });
  }

  /** Nothing of it is heard any more, its end neither. */
  close() {
    clearInterval(this.#watch);
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
  }
}
