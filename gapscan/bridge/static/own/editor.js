/** The dialog of own lists: which there are, one that is written, what it would have now, and how often it would have fired. */

import { make } from "../patch.js";
import { toast } from "../status.js";
import { previewed, tried } from "./answers.js";
import { Completion } from "./completion.js";
import { NEW_LIST, NEW_WATCHLIST, rebased, saidOf } from "./drafts.js";
import { showFaults } from "./faults.js";
import { ListForm } from "./form.js";
import { tomlOf } from "./toml.js";
import { Trying } from "./trying.js";
import { grown, symbolsOf, watching } from "./watchlist.js";
import { COLUMNS, KEYS, WORDS } from "./words.js";

const byId = (id) => document.getElementById(id);
const FAULTY = ["where", "sort", "gate", ""]; // keys that have a place for their faults
const FRESH = Object.freeze({ where: "", sort: ["-change_percent"] });

function fillBox(id, ...nodes) {
  byId(id).replaceChildren(...nodes);
}

const slotOf = (table) => (symbolsOf(table.where) ? NEW_WATCHLIST : NEW_LIST);

export class ListEditor {
  #own;
  #added;
  #busy = false; // whether a change is on its way
  #dialog = byId("own-dialog");
  #form = new ListForm(byId("own-form"));
  #lists = [];
  #tag = null; // of the list that is written; null: it is new
  #comment = "";
  #kept = ""; // the text as it was opened or saved
  #base = FRESH; // the table of that text, as the form gives it
  #slot = NEW_LIST; // what a draft of it is kept by: the list's name, or which kind of a new one it is
  #drafts = new Map(); // as written and not saved, by slot: {name, base, table, tag, comment}
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
    click("own-token", () => this.#own.askToken(() => this.#look()));
    this.#dialog.addEventListener("close", () => this.#end());
    byId("own-remove").addEventListener("blur", () => this.#sure(false));
  }

  /** Open the dialog; with symbols, at a new watchlist of these. @param {string[]} [symbols] */
  async open(symbols = []) {
    if (!this.#dialog.open) this.#dialog.showModal();
    if (symbols.length) this.#begin(watching([]), symbols);
    else if (this.#kept === "") this.#begin(FRESH);
    else this.#written(0);
    await this.#look();
  }

  get #text() {
    return tomlOf(this.#form.name || "unnamed", this.#form.table, this.#comment);
  }

  /** What is written and not saved is kept, to be gone on with when its list is chosen again. */
  #leave() {
    if (this.#kept === "") return; // nothing was begun yet
    const { name, table } = this.#form;
    const draft = { name, base: this.#base, table, tag: this.#tag, comment: this.#comment };
    if (this.#text === this.#kept) this.#drafts.delete(this.#slot);
    else this.#drafts.set(this.#slot, draft);
  }

  /** Write a new list, or go on with that which was begun; with more symbols in it. */
  #begin(table, symbols = []) {
    this.#leave();
    this.#start(table, symbols);
  }

  #start(table, symbols = []) {
    const before = this.#drafts.get(slotOf(table));
    const draft = before ?? { name: "", base: table, table, tag: null, comment: "" };
    this.#write("", table, { draft: symbols.length ? { ...draft, table: grown(draft.table, symbols) } : draft });
    if (before) this.#tell(saidOf({ changed: false }));
  }

  /** Write one of the lists: as it is, or as it was being written. */
  #choose({ name, table, tag, comment }) {
    this.#leave();
    const draft = this.#drafts.get(name);
    const over = this.#write(name, table, { tag, comment, draft });
    if (this.#text === this.#kept) return;
    const changed = draft.tag !== tag || draft.comment !== comment;
    this.#tell(saidOf({ name, changed, over, now: table }));
  }

  /** Show a list, or its draft as changes of it; the keys in which that would undo what somebody else changed. */
  #write(name, table, { tag = null, comment = "", draft = null } = {}) {
    [this.#tag, this.#comment, this.#slot] = [tag, comment, tag === null ? slotOf(table) : name];
    this.#form.fill(name, table, tag === null);
    [this.#kept, this.#base] = [this.#text, this.#form.table];
    const put = draft ? rebased(draft.base, draft.table, this.#base) : { table, over: [] };
    if (draft) this.#form.fill(tag === null ? draft.name : name, put.table, tag === null);
    fillBox("own-refused");
    fillBox("own-kept");
    this.#sure(false);
    byId("own-save").textContent = tag === null ? "Add" : "Change";
    byId("own-remove").hidden = tag === null;
    fillBox("own-trial");
    this.#trials.end();
    this.#written(0);
    this.#mark();
    this.#form.fieldOf(this.#form.name ? "where" : "name").focus();
    return put.over;
  }

  /** Say that a draft is shown, with a way to be rid of it. */
  #tell(text) {
    const button = make("button", "", "Discard it");
    button.type = "button";
    button.addEventListener("click", () => this.#discard());
    fillBox("own-kept", make("p", "quiet", text, " ", button));
  }

  #discard() {
    this.#drafts.delete(this.#slot);
    this.#write(this.#tag === null ? "" : this.#form.name, this.#base, { tag: this.#tag, comment: this.#comment });
  }

  async #look() {
    await this.#refresh();
    this.#takeUp();
  }

  /** The list that is written may have been changed: it is shown as it is now, and what was written stays, as changes of that. */
  #takeUp() {
    if (this.#tag === null || !byId("own-right").hidden) return;
    const list = this.#lists.find(({ name }) => name === this.#form.name);
    if (!list) this.#gone();
    else if (list.tag !== this.#tag || list.comment !== this.#comment) this.#choose(list);
  }

  /** The list that is written was removed: what was written and not saved may be added as a new one. */
  #gone() {
    const { name, table } = this.#form;
    const written = this.#text !== this.#kept;
    this.#drafts.delete(name);
    if (!written) return this.#start(FRESH);
    const base = this.#form.watches ? watching([]) : FRESH;
    this.#write("", base, { draft: { name, base, table } });
    return this.#tell(`${name} was removed in the meantime. What was written here is not saved.`);
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
      const done = this.#tag === null ? `${name} is added` : `${name} is changed`;
      this.#drafts.delete(this.#slot);
      await this.#refresh();
      this.#write(list.name, list.table, list);
      this.#added(name);
      toast(warnings[0] ?? done); // once the form is about it as it is now
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
      this.#drafts.delete(name);
      await this.#refresh();
      this.#start(FRESH);
      toast(`${name} is removed`);
    });
  }

  /** Whether the next press of the button removes the list. */
  #sure(asked) {
    this.#asked = asked;
    byId("own-remove").textContent = asked ? "Really remove it?" : "Remove";
  }

  /** One change at a time. The button stays as it is: a disabled one that has the focus swallows keys, Escape too. */
  async #change(act) {
    if (this.#busy) return;
    this.#busy = true;
    fillBox("own-refused");
    try {
      await act();
    } catch (refusal) {
      fillBox("own-refused", make("p", "warning", `${refusal.message}.`), ...(refusal.code === "changed" ? [this.#wayOn()] : []));
    }
    this.#busy = false;
  }

  /** What somebody else changed is taken in only by who asks for it. */
  #wayOn() {
    const button = make("button", "", "Look at it as it is now");
    button.type = "button";
    button.addEventListener("click", () => this.#look());
    return button;
  }

  #end() {
    this.#previews.end();
    this.#trials.end();
  }
}
