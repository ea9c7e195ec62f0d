/** Short sounds, made of tones: one for each alert, to be told apart without looking. */

const SOFT = 0.0001;

/** By their names in the settings: frequencies in Hz, one after the other, each for so many seconds. */
export const TONES = Object.freeze({
  __proto__: null,
  bell: { tones: [1318.5, 1046.5], each: 0.16 },
  rise: { tones: [523.3, 659.3, 784], each: 0.09 },
  fall: { tones: [784, 659.3, 523.3], each: 0.09 },
  low: { tones: [196, 196], each: 0.18 },
});
export const SILENT = "none";
export const USUAL = "bell";

export class Player {
  #context = null;

  /** Browsers let a page sound only after a gesture: call this from one. */
  wake() {
    if (typeof AudioContext === "undefined") return;
    this.#context ??= new AudioContext();
    if (this.#context.state === "suspended") this.#context.resume().catch(() => {});
  }

  /** @param {string} name of TONES; another one is not heard */
  play(name) {
    const sound = TONES[name];
    if (!sound || this.#context?.state !== "running") return;
    sound.tones.forEach((hertz, index) => this.#tone(hertz, this.#context.currentTime + index * sound.each, sound.each));
  }

  #tone(hertz, begin, seconds) {
    const [tone, volume] = [this.#context.createOscillator(), this.#context.createGain()];
    tone.frequency.setValueAtTime(hertz, begin);
    volume.gain.setValueAtTime(SOFT, begin);
    volume.gain.exponentialRampToValueAtTime(0.12, begin + 0.01);
    volume.gain.exponentialRampToValueAtTime(SOFT, begin + seconds);
    tone.connect(volume).connect(this.#context.destination);
    tone.start(begin);
    tone.stop(begin + seconds + 0.02);
  }
}
