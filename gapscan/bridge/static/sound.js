/** A short tone when a symbol comes into the list; never more than one in a few seconds. */

const COOLDOWN_MS = 3000;

export class Chime {
  #context = null;
  #rungAt = -Infinity;

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

  /** @param {number} now  performance.now() */
  ring(now) {
    if (!this.on || now - this.#rungAt < COOLDOWN_MS) return;
    this.#rungAt = now;
    this.rung += 1;
    if (this.#context?.state === "running") this.#play(this.#context);
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
