/** One panel in the workspace: its heading, its room, and what it has with the page around it. */

import { make } from "../patch.js";
import { GROUPS } from "../symbols.js";
import { KINDS } from "./kinds.js";

/** A kind of a later version of the page, or of a file that somebody wrote. */
const STRANGE = Object.freeze({
  title: "Panel",
  open({ element }) {
    element.replaceChildren(make("p", "quiet strange", "This page does not know what this panel is."));
    return { close() {} };
  },
});

function button(className, text, label) {
  const element = make("button", className, text);
  element.type = "button";
  element.title = label;
  element.setAttribute("aria-label", label);
  return element;
}

export class Frame {
  #workspace;
  #ending = new AbortController();
  #parts;
  #own = { symbol: "", name: "" }; // the symbol of a panel that is in no group

  /** @param {import("../layout/tree.js").Leaf} leaf @param {import("../workspace.js").Workspace} workspace */
  constructor(leaf, workspace) {
    this.leaf = leaf;
    this.#workspace = workspace;
    const kind = KINDS[leaf.kind] ?? STRANGE;
    this.#parts = this.#build(kind);
    this.element = this.#parts.element;
    this.panel = kind.open(this.#context());
    this.#showGroup();
  }

  #build(kind) {
    const [title, word, count] = [make("h3", "panel-title", kind.title), make("span", "panel-word"), make("span", "panel-count quiet")];
    const [group, close] = [button("group", "●", "Colour group"), button("close", "✕", "Close this panel (X)")];
    group.addEventListener("click", () => this.nextGroup());
    close.addEventListener("click", () => this.#workspace.close(this.leaf.id));
    const head = make("header", "panel-head", group, title, word, count, close);
    const room = make("div", "panel-room");
    const element = make("section", `panel ${this.leaf.kind in KINDS ? this.leaf.kind : "strange"}`, head, room);
    element.setAttribute("aria-label", kind.title);
    element.dataset.id = String(this.leaf.id);
    for (const type of ["pointerdown", "focusin"]) element.addEventListener(type, () => this.#workspace.focused(this));
    return { element, head, room, title, word, count, group };
  }

  /** The handle by which it is dragged. */
  get handle() {
    return this.#parts.head;
  }

  /** What kinds.js describes. */
  #context() {
    const { workspace, leaf } = { workspace: this.#workspace, leaf: () => this.leaf };
    const symbol = () => this.symbol;
    const { connection, market, lists, ask, alerts, links } = workspace.services;
    return {
      element: this.#parts.room,
      id: (name) => (leaf().id === 1 ? name : `${name}-${leaf().id}`),
      signal: this.#ending.signal,
      connection,
      market,
      lists,
      ask,
      alerts,
      links,
      get state() {
        return leaf().state;
      },
      get symbol() {
        return symbol();
      },
      keep: (state) => workspace.keep({ ...leaf(), state }, this),
      choose: (chosen, name = "") => this.choose(chosen, name),
      title: (text) => this.#retitle(text),
      note: (text) => this.#note(text),
      status: (health) => this.#status(health),
      page: workspace.pageOf(this),
    };
  }

  #retitle(text) {
    if (this.#parts.title.textContent !== text) this.#parts.title.textContent = text;
    this.#parts.element.setAttribute("aria-label", text);
  }

  /** The word is left out while all is well. */
  #status({ level, word, text }) {
    const element = this.#parts.word;
    const shown = level === "live" ? "" : word;
    if (element.textContent !== shown) element.textContent = shown;
    const className = `panel-word status ${level}`;
    if (element.className !== className) element.className = className;
    if (element.title !== text) element.title = text;
    element.hidden = shown === "";
  }

  /** A few words beside the title. @param {string} text */
  #note(text) {
    if (this.#parts.count.textContent !== text) this.#parts.count.textContent = text;
  }

  /** The symbol that is chosen for it. @returns {{symbol: string, name: string}} */
  get symbol() {
    return this.leaf.group ? this.#workspace.services.symbols.of(this.leaf.group) : this.#own;
  }

  choose(symbol, name) {
    if (this.leaf.group) this.#workspace.services.symbols.choose(this.leaf.group, symbol, name);
    else this.#own = { symbol, name };
  }

  /** Into the next colour group, or into none. */
  nextGroup() {
    const group = (this.leaf.group + 1) % GROUPS.length;
    this.#workspace.keep({ ...this.leaf, group }, this);
    this.#showGroup();
    if (this.symbol.symbol) this.panel.select?.(this.symbol.symbol, this.symbol.name);
  }

  #showGroup() {
    const { group } = this.#parts;
    group.className = `group ${GROUPS[this.leaf.group]}`;
    const text = this.leaf.group ? `Colour group ${GROUPS[this.leaf.group]}` : "In no colour group";
    group.title = `${text}: one symbol for all of a colour (G)`;
    group.setAttribute("aria-label", text);
  }

  /** @param {boolean} on  the keys and the tools above are about it */
  current(on) {
    this.#parts.element.classList.toggle("current", on);
  }

  close() {
    this.#ending.abort();
    this.panel.close();
    this.#parts.element.remove();
  }
}
