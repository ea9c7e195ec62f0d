/** The dialog of own lists: which there are, one that is written, what it would have now, and how often it would have fired. */

import { make } from "../patch.js";
import { toast } from "../status.js";
import { previewed, tried } from "./answers.js";
import { Completion } from "./completion.js";
import { showFaults } from "./faults.js";
import { ListForm } from "./form.js";
import { tomlOf } from "./toml.js";
import { Trying } from "./trying.js";
import { symbolsOf, watching } from "./watchlist.js";
import { COLUMNS, KEYS, WORDS } from "./words.js";

const byId = (id) => document.getElementById(id);
const FAULTY = ["where", "sort", "gate", ""]; // keys that have a place for their faults
const FRESH = Object.freeze({ where: "", sort: ["-change_percent"] });

function fillBox(id, ...nodes) {
  byId(id).replaceChildren(...nodes);
}

export class ListEditor {
  #own;
  #added;
  #dialog = byId("own-dialog");
  #form = new ListForm(byId("own-form"));
  #lists = [];
  #tag = null; // of the list that is written; null: it is new
  #comment = "";
  #kept = ""; // the text as it was opened or saved
  #drafts = new Map(); // by name, "" of a new one: {tag, table} as written and not saved
  #asked = false;
  #previews;
  #trials;

  /** @param {import("./client.js").OwnLists} own @param {(name: string) => void} added  a list is there, or is another */
  constructor(own, added) {
    this.#own = own;
    this.#added = added;
    this.#previews = new Trying((text, signal) => own.preview(text, signal), (result) => this.#showPreview(result));
    this.#trials = new Trying((text, signal) => own.trial(text, signal), (result) => this.#showTrial(result));
    this.#complete();
    this.#listen();
  }

  #complete() {
    const words = { where: WORDS, gate: WORDS, sort: KEYS, columns: COLUMNS };
    for (const [key, known] of Object.entries(words)) new Completion(this.#form.fieldOf(key), byId(`own-${key}-words`), known);
  }

  #listen() {
    const click = (id, act) => byId(id).addEventListener("click", act);
    byId("own-form").addEventListener("input", () => this.#written());
    byId("own-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    click("own-new", () => this.#begin(FRESH));
    click("own-watch", () => this.#begin(watching([])));
    click("own-try", () => this.#try());
    click("own-remove", () => this.#remove());
    click("own-close", () => this.#dialog.close());
    click("own-token", () => this.#own.askToken(() => this.#refresh()));
    this.#dialog.addEventListener("close", () => this.#end());
    byId("own-remove").addEventListener("blur", () => this.#sure(false));
  }

  /** Open the dialog; with symbols, at a new watchlist of these. @param {string[]} [symbols] */
  async open(symbols = []) {
    if (!this.#dialog.open) this.#dialog.showModal();
    if (symbols.length) this.#begin(watching(symbols));
    else if (this.#kept === "") this.#begin(FRESH);
    else this.#written(0);
    await this.#refresh();
  }

  get #text() {
    return tomlOf(this.#form.name || "unnamed", this.#form.table, this.#comment);
  }

  /** What is written and not saved is kept, to be gone on with when its list is chosen again. */
  #leave() {
    const name = this.#tag === null ? "" : this.#form.name;
    if (this.#text === this.#kept) this.#drafts.delete(name);
    else this.#drafts.set(name, { tag: this.#tag, table: this.#form.table });
  }

  /** Write a new list. */
  #begin(table) {
    this.#leave();
    this.#write("", table);
  }

  /** Write one of the lists. */
  #choose({ name, table, tag, comment }) {
    this.#leave();
    const draft = this.#drafts.get(name);
    this.#write(name, table, { tag, comment, draft: draft?.tag === tag ? draft.table : table });
  }

  #write(name, table, { tag = null, comment = "", draft = table } = {}) {
    [this.#tag, this.#comment] = [tag, comment];
    this.#form.fill(name, table);
    this.#kept = this.#text;
    if (draft !== table) this.#form.fill(name, draft);
    fillBox("own-refused");
    this.#sure(false);
    byId("own-save").textContent = tag === null ? "Add" : "Change";
    byId("own-remove").hidden = tag === null;
    fillBox("own-trial");
    this.#trials.end();
    this.#written(0);
    this.#mark();
    (name ? this.#form.fieldOf("where") : this.#form.fieldOf("name")).focus();
  }

  /** Which lists there are now, or why nobody may know that here. */
  async #refresh() {
    try {
      this.#lists = await this.#own.all();
      byId("own-right").hidden = true;
    } catch (refusal) {
      this.#lists = [];
      fillBox("own-right-text", `${refusal.message.charAt(0).toUpperCase()}${refusal.message.slice(1)}. What a list would have can be tried anyway.`);
      byId("own-token").hidden = refusal.code !== "no_token";
      byId("own-right").hidden = false;
    }
    byId("own-save").disabled = !byId("own-right").hidden;
    this.#mark();
  }

  #mark() {
    const choices = this.#lists.map((list) => {
      const button = make("button", "", list.name, symbolsOf(list.table.where) ? make("span", "quiet", " watchlist") : "");
      button.type = "button";
      button.setAttribute("aria-pressed", String(this.#tag !== null && list.name === this.#form.name));
      button.addEventListener("click", () => this.#choose(list));
      return make("li", "", button);
    });
    fillBox("own-lists", ...choices);
  }

  #written(wait) {
    this.#previews.ask(this.#text, wait);
  }

  #showPreview({ answer, error }) {
    if (error) fillBox("own-preview", make("p", "quiet", error.message));
    const faults = answer?.faults ?? [];
    for (const key of FAULTY) {
      const field = key ? this.#form.fieldOf(key) : null;
      const own = faults.filter((fault) => (FAULTY.includes(fault.key) ? fault.key : "") === key);
      showFaults(byId(`own-${key || "all"}-faults`), field, this.#form.watches && key === "where" ? [] : own);
    }
    if (answer?.preview) fillBox("own-preview", ...previewed(answer));
    else if (answer) fillBox("own-preview");
  }

  #try() {
    fillBox("own-trial", make("p", "quiet", "Trying it on past days …"));
    this.#trials.ask(this.#text, 0);
  }

  #showTrial({ answer, error }) {
    fillBox("own-trial", ...(error ? [make("p", "quiet", error.message)] : tried(answer)));
  }

  async #save() {
    const { name } = this.#form;
    await this.#change(async () => {
      const { list, warnings } = await this.#own.put(name, this.#text, this.#tag);
      toast(warnings[0] ?? (this.#tag === null ? `${name} is added` : `${name} is changed`));
      this.#kept = this.#text;
      await this.#refresh();
      this.#write(list.name, list.table, list);
      this.#added(name);
    });
  }

  async #remove() {
    const { name } = this.#form;
    if (!this.#asked) {
      this.#sure(true);
      return;
    }
    await this.#change(async () => {
      await this.#own.remove(name, this.#tag);
      toast(`${name} is removed`);
      this.#drafts.delete(name);
      await this.#refresh();
      this.#write("", FRESH);
    });
  }

  /** Whether the next press of the button removes the list. */
  #sure(asked) {
    this.#asked = asked;
    byId("own-remove").textContent = asked ? "Really remove it?" : "Remove";
  }

  async #change(act) {
    byId("own-save").disabled = true;
    fillBox("own-refused");
    try {
      await act();
    } catch (refusal) {
      fillBox("own-refused", make("p", "warning", `${refusal.message}.`));
    }
    byId("own-save").disabled = !byId("own-right").hidden;
  }

  #end() {
    this.#previews.end();
    this.#trials.end();
  }
}
