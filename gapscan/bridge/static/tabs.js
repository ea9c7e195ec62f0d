/** The lists, as tabs. */

import { title } from "./format.js";
import { make } from "./patch.js";

export class Tabs {
  #element;
  #onChoose;
  #names = [];
  #standing = {};

  /** @param {HTMLElement} element @param {(name: string) => void} onChoose */
  constructor(element, onChoose) {
    this.#element = element;
    this.#onChoose = onChoose;
    element.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (button) onChoose(button.dataset.list);
    });
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  get names() {
    return this.#names;
  }

  /** @param {{name: string, description: string}[]} lists @param {string} chosen */
  show(lists, chosen) {
    this.#names = lists.map(({ name }) => name);
    this.#element.replaceChildren(...lists.map((list) => this.#tab(list)));
    this.stand(this.#standing);
    this.choose(chosen);
  }

  #tab({ name, description }) {
    const button = document.createElement("button");
    button.type = "button";
    button.id = `tab-${name}`;
    button.dataset.list = name;
    button.append(make("span", "label", title(name)), make("span", "count", "\u2007"));
    button.title = description;
    button.setAttribute("role", "tab");
    button.setAttribute("aria-controls", "panel");
    return button;
  }

  /** How all lists stand. @param {Record<string, {size: number, state: string}>} lists */
  stand(lists) {
    const first = Object.keys(this.#standing).length === 0;
    this.#standing = lists;
    for (const button of this.#element.children) this.#count(button, lists[button.dataset.list]);
    if (first) this.#reveal(); // the tabs before it have grown
  }

  #count(button, standing) {
    const closed = standing?.state === "closed";
    const count = button.querySelector(".count");
    const text = !standing ? "\u2007" : closed ? "closed" : String(standing.size);
    if (count.textContent !== text) count.textContent = text;
    button.classList.toggle("closed", closed);
  }

  choose(name) {
    for (const button of this.#element.children) {
      const chosen = button.dataset.list === name;
      button.setAttribute("aria-selected", String(chosen));
      button.tabIndex = chosen ? 0 : -1;
    }
    this.#reveal();
  }

  #reveal() {
    this.#element.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  /** The list `steps` after `name`, around the end. */
  neighbour(name, steps) {
    const at = this.#names.indexOf(name);
    return this.#names.at((at + steps) % this.#names.length);
  }

  #key(event) {
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    const from = event.target.dataset.list;
    if (!steps || !from || event.repeat) return;
    event.preventDefault();
    event.stopPropagation();
    const to = this.neighbour(from, steps);
    this.#onChoose(to);
    this.#element.querySelector(`#tab-${to}`)?.focus();
  }
}
