/** A short tone when symbols come into the list: one in a few seconds for all that come, and one for all tabs. */

const COOLDOWN_MS = 3000;
const OTHER_TABS_MS = 2000; // within which other tabs hear of the same symbols; less than COOLDOWN_MS

export class Chime {
  #context = null;
  #rungAt = -Infinity;
  #later = 0;

  constructor() {
    this.on = false;
    /** How often it rang. */
    this.rung = 0;
  }

  /** Switch it. Browsers let a page sound only after a gesture: call this from one. */
  set(on) {
    this.on = on;
    if (on) this.wake();
  }

  wake() {
    if (!this.on || typeof AudioContext === "undefined") return;
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /** Ring for symbols that came into a list; soon after, when it has just rung. @param {string} list */
  ring(list) {
    if (!this.on || this.#later) return;
    const wait = this.#rungAt + COOLDOWN_MS - performance.now();
    if (wait <= 0) this.#ringNow(list);
    else this.#later = setTimeout(() => this.#ringLate(list), wait);
  }

  #ringLate(list) {
    this.#later = 0;
    if (this.on) this.#ringNow(list);
  }

  #ringNow(list) {
    this.#rungAt = performance.now();
    alone(`gapscan.chime.${list}`, () => {
      this.rung += 1;
      if (this.#context?.state === "running") this.#play(this.#context);
    });
  }

  #play(context) {
    const [tone, volume] = [context.createOscillator(), context.createGain()];
    const begin = context.currentTime;
    tone.frequency.setValueAtTime(880, begin);
    tone.frequency.setValueAtTime(1174.7, begin + 0.07);
    volume.gain.setValueAtTime(0.0001, begin);
    volume.gain.exponentialRampToValueAtTime(0.12, begin + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.0001, begin + 0.22);
    tone.connect(volume).connect(context.destination);
    tone.start(begin);
    tone.stop(begin + 0.24);
  }
}

/** Do `action` unless another tab has done it just now, within `ms`. Without locks (a page that came by plain HTTP) each
 * tab does. @param {string} name @param {() => void} action @param {number} [ms] */
export function alone(name, action, ms = OTHER_TABS_MS) {
  if (!globalThis.navigator?.locks) {
    action();
    return;
  }
  navigator.locks.request(name, { ifAvailable: true }, (lock) => {
    if (!lock) return undefined;
    action();
    return new Promise((resolve) => {
      setTimeout(resolve, ms);
      addEventListener("pagehide", resolve, { once: true }); // a page in the back/forward cache would keep it
    });
  });
}
