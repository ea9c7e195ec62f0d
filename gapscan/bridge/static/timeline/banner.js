/** Says, where nobody can overlook it, that a panel shows what is past. */

import { clock } from "../format.js";
import { make } from "../patch.js";
import { day } from "./times.js";

export class Banner {
  #panel;
  #text = make("span", "past-text", "");
  #note = make("span", "past-note", "");
  #element;

  /** @param {HTMLElement} element  in the panel @param {() => void} live  back to what is now */
  constructor(element, live) {
    this.#panel = element.closest(".panel");
    const back = make("button", "past-back", "Back to live");
    back.type = "button";
    back.addEventListener("click", live);
    this.#element = make("div", "past-banner", make("strong", "", "PAST"), this.#text, this.#note, back);
    this.#element.setAttribute("role", "status");
    this.#element.hidden = true;
    element.parentElement.parentElement.prepend(this.#element);
  }

  /** @param {number} time @param {string} name  of the list @param {boolean} waiting  for more to be recorded */
  show(time, name, waiting) {
    const text = `${name} as it stood at ${clock(time)}, ${day(time)}, New York`;
    if (this.#text.textContent !== text) this.#text.textContent = text;
    if (waiting) this.say("the tape ends here; more comes as it is recorded");
    this.#element.hidden = false;
    this.#panel?.classList.add("past");
  }

  /** @param {string} note  "" is none */
  say(note) {
    if (this.#note.textContent !== note) this.#note.textContent = note;
  }

  hide() {
    this.#element.hidden = true;
    this.say("");
    this.#panel?.classList.remove("past");
  }

  remove() {
    this.hide();
    this.#element.remove();
  }
}
