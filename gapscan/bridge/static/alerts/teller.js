/**
 * Tells of alerts as they come: by a toast, a desktop notification, a sound, a voice. All are off until somebody asks for
 * them. Each tab shows its toast; what is heard, and what the desktop shows, is of one tab of all that are open.
 */

import { keep, settings } from "../settings.js";
import { alone } from "../sound.js";
import { toast } from "../status.js";
import { Player, USUAL } from "./tones.js";

const TOGETHER_MS = 1500; // what comes within is told as one
const ONE_TAB_MS = 5000; // within which other tabs hear of the same alerts
const SHOWN = 3; // alerts that are spelled out; the others are counted

/** What may be switched, by its setting. */
export const WAYS = Object.freeze({ alertToast: "Toast", alertDesktop: "Desktop", alertSound: "Sound", alertSpeech: "Speech" });

/** What an alert says, and that nobody knows when it came true, if so. @param {object} alert */
export const said = ({ text, missed }) => (missed ? `${text} (at an unknown time before)` : text);

/** A few alerts in words. @param {object[]} alerts */
export function words(alerts) {
  const shown = alerts.slice(0, SHOWN).map(said);
  const more = alerts.length - shown.length;
  return more ? [...shown, `and ${more} more`] : shown;
}

export class Teller {
  #waiting = [];
  #timer = 0;
  #toldAt = -Infinity;
  #player = new Player();
  #lead;
  /** What this tab told of by each way, in alerts. */
  counts = { alertToast: 0, alertDesktop: 0, alertSound: 0, alertSpeech: 0 };

  /** @param {import("./log.js").AlertLog} log @param {(alert: object) => void} lead  go to where an alert is about */
  constructor(log, lead) {
    this.#lead = lead;
    log.addEventListener("news", ({ detail }) => this.#heard(detail));
    for (const type of ["pointerdown", "keydown"]) {
      document.addEventListener(type, () => settings.alertSound && this.#player.wake());
    }
  }

  /** Switch a way, by a user's gesture. Returns what is to be said of it. @param {string} way of WAYS */
  async switch(way) {
    const on = !settings[way];
    if (on && way === "alertDesktop" && !(await allowed())) return "The browser does not allow notifications here";
    if (on && way === "alertSpeech" && typeof speechSynthesis === "undefined") return "The browser has no voice";
    keep({ [way]: on });
    if (on && way === "alertSound") this.#player.wake();
    return `${WAYS[way]} ${on ? "on" : "off"}`;
  }

  /** Let it be heard how an alert will sound. @param {string} tone */
  sample(tone) {
    this.#player.wake();
    this.#player.play(tone);
  }

  /** The first is told at once; of a storm, all that come meanwhile are told as one. */
  #heard({ alerts, ids }) {
    if (settings.alertMute) return;
    this.#waiting.push(...alerts.map((alert, index) => ({ alert, id: ids[index] })));
    this.#timer ||= setTimeout(() => this.#tell(), Math.max(0, this.#toldAt + TOGETHER_MS - performance.now()));
  }

  #tell() {
    this.#timer = 0;
    this.#toldAt = performance.now();
    const [told, first] = [this.#waiting.map(({ alert }) => alert), this.#waiting[0].id];
    this.#waiting = [];
    if (settings.alertMute) return;
    if (settings.alertToast && !document.hidden) this.#note("alertToast", told, () => toast(words(told).join(" · ")));
    if (settings.alertDesktop) this.#once("alertDesktop", first, told, () => this.#notify(told));
    if (settings.alertSound) this.#once("alertSound", first, told, () => this.#sound(told));
    if (settings.alertSpeech) this.#once("alertSpeech", first, told, () => this.#speak(told));
  }

  #note(way, told, act) {
    this.counts[way] += told.length;
    act();
  }

  /** In one tab only: whichever hears of it first. */
  #once(way, first, told, act) {
    alone(`gapscan.${way}.${first}`, () => this.#note(way, told, act), ONE_TAB_MS);
  }

  /** Each alert that is told of once, in its own sound. */
  #sound(told) {
    for (const tone of new Set(told.map(({ name }) => settings.alertSounds[name] ?? USUAL))) this.#player.play(tone);
  }

  #speak(told) {
    speechSynthesis.speak(new SpeechSynthesisUtterance(words(told).join(". ")));
  }

  #notify(told) {
    if (Notification.permission !== "granted") return;
    const label = told.some(({ simulated }) => simulated) ? "SIMULATED " : "";
    const title = label + (told.length === 1 ? told[0].name : `${told.length} alerts`);
    const notification = new Notification(title, { body: words(told).join("\n"), tag: `gapscan.${told[0].name}` });
    notification.onclick = () => {
      window.focus();
      this.#lead(told[0]);
    };
  }
}

async function allowed() {
  if (typeof Notification === "undefined") return false;
  return Notification.permission === "granted" || (await Notification.requestPermission()) === "granted";
}
