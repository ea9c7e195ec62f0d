/** Completes words of an expression as it is typed: a list below the field, chosen by arrows and Enter or by pointer. */

import { make } from "../patch.js";
import { meant, wordAt } from "./words.js";

const STEPS = { __proto__: null, ArrowDown: 1, ArrowUp: -1 };

export class Completion {
  #input;
  #list;
  #words;
  #found = [];
  #begun = null;
  #at = 0;

  /** @param {HTMLInputElement|HTMLTextAreaElement} input @param {HTMLElement} list  an empty list box below it
   * @param {readonly import("./words.js").Word[]} words */
  constructor(input, list, words) {
    this.#input = input;
    this.#list = list;
    this.#words = words;
    input.setAttribute("aria-autocomplete", "list");
    input.setAttribute("aria-controls", list.id);
    input.addEventListener("input", () => this.#look(1));
    input.addEventListener("keydown", (event) => this.#key(event));
    input.addEventListener("blur", () => this.#hide());
    list.addEventListener("pointerdown", (event) => {
      event.preventDefault(); // the field keeps the focus
      const option = event.target.closest("[role=option]");
      if (option) this.#take(this.#found[[...list.children].indexOf(option)]);
    });
  }

  /** Offer what may be meant, if so many letters are there. */
  #look(least) {
    const { value, selectionStart: caret } = this.#input;
    this.#begun = wordAt(value, caret) ?? (least ? null : { word: "", from: caret });
    this.#found = this.#begun && this.#begun.word.length >= least ? meant(this.#begun.word, this.#words) : [];
    if (!this.#found.length || this.#found.some(({ word }) => word === this.#begun.word)) this.#hide();
    else this.#show();
  }

  #show() {
    this.#list.replaceChildren(...this.#found.map(({ word, hint }, index) => {
      const option = make("li", "", make("b", "", word), make("span", "quiet", hint));
      option.id = `${this.#list.id}-${index}`;
      option.setAttribute("role", "option");
      return option;
    }));
    this.#list.hidden = false;
    this.#mark(0);
  }

  #mark(at) {
    this.#at = (at + this.#found.length) % this.#found.length;
    [...this.#list.children].forEach((option, index) => option.setAttribute("aria-selected", String(index === this.#at)));
    this.#input.setAttribute("aria-activedescendant", this.#list.children[this.#at].id);
    this.#list.children[this.#at].scrollIntoView({ block: "nearest" });
  }

  #hide() {
    this.#list.hidden = true;
    this.#list.replaceChildren();
    this.#input.removeAttribute("aria-activedescendant");
  }

  #key(event) {
    if (event.key === " " && event.ctrlKey) {
      event.preventDefault();
      this.#look(0);
      return;
    }
    if (this.#list.hidden) return;
    const acts = { Enter: () => this.#take(this.#found[this.#at]), Tab: () => this.#take(this.#found[this.#at]), Escape: () => this.#hide() };
    const act = STEPS[event.key] ? () => this.#mark(this.#at + STEPS[event.key]) : !event.shiftKey && acts[event.key];
    if (!act) return;
    event.preventDefault();
    event.stopPropagation(); // it is not the dialog's
    act();
  }

  #take({ word, after }) {
    const input = this.#input;
    const { from } = this.#begun;
    input.setRangeText(word + after, from, input.selectionStart, "end");
    this.#hide();
    input.dispatchEvent(new Event("input", { bubbles: true }));
    input.focus();
  }
}
