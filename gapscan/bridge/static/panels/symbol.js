/** A panel about the symbol of its colour group: what it is, how it stands in each list, and why. */

import { allLists, notice, unknownSymbol } from "../answer.js";
import { columnOf } from "../fields.js";
import { clock } from "../format.js";
import { Inquiry } from "../inquiry.js";
import { linksOf } from "../links.js";
import { make, patch } from "../patch.js";

const EVERY_MS = 3000; // between two looks at the symbol's row
const FACTS = ["price", "change_percent", "gap_percent", "volume", "rvol", "pre_high", "pre_low", "prev_close", "float_shares", "market_cap", "sector", "halt", "halt_reason", "halt_time"];
const HALTS = { __proto__: null, halted: "HALTED", resumed: "RESUMED" };

function factsOf(row) {
  const known = FACTS.map(columnOf).filter((column) => column && row[column.id] !== null && row[column.id] !== undefined);
  return make("dl", "facts", ...known.map((column) => make("div", "", make("dt", "", column.title), make("dd", "", column.text(row, row.as_of)))));
}

class SymbolPanel {
  #context;
  #inquiry;
  #parts;
  #symbol = "";
  #name = "";
  #lookedAt = -Infinity;

  constructor(context) {
    this.#context = context;
    this.#parts = this.#build(context);
    this.#inquiry = new Inquiry(context.connection, (why) => this.#show(why), (error) => this.#refused(error), context.signal);
    this.select(context.symbol.symbol, context.symbol.name);
  }

  #build({ element, id }) {
    const [name, badge, links] = [make("span", "quiet symbol-name"), make("span", "badges"), make("nav", "symbol-links")];
    const [facts, answer] = [make("div", ""), make("div", "symbol-answer")];
    links.setAttribute("aria-label", "Pages about this symbol");
    const sheet = make("div", "sheet", make("p", "symbol-head", name, badge, links), facts, answer);
    sheet.id = id("sheet");
    sheet.tabIndex = 0;
    sheet.setAttribute("role", "region");
    sheet.setAttribute("aria-label", "About the symbol");
    element.append(sheet);
    answer.addEventListener("click", ({ target }) => target.dataset.symbol && this.#context.choose(target.dataset.symbol));
    return { sheet, name, badge, links, facts, answer };
  }

  select(symbol, name) {
    if (!symbol) this.#nothing();
    if (!symbol || symbol === this.#symbol) return;
    this.#symbol = symbol;
    this.#name = name;
    this.#lookedAt = -Infinity;
    const { sheet, answer, facts, badge } = this.#parts;
    this.#context.title(symbol);
    facts.replaceChildren();
    badge.textContent = "";
    answer.replaceChildren(notice("Asking …"));
    sheet.scrollTop = 0;
    this.#showName(null);
    this.#inquiry.begin(symbol, null);
    this.tick(performance.now());
  }

  #nothing() {
    this.#parts.answer.replaceChildren(notice("Choose a row of a list of this colour."));
  }

  #showName(row) {
    this.#parts.name.textContent = row?.name ?? this.#name;
    this.#parts.links.replaceChildren(...linksOf(this.#context.connection.hello?.links ?? [], this.#symbol));
  }

  /** The row that a list has of it, newest first. @param {number} now performance.now() */
  tick(now) {
    if (!this.#symbol || document.hidden || now - this.#lookedAt < EVERY_MS) return;
    this.#lookedAt = now;
    this.#look(this.#symbol);
  }

  async #look(symbol) {
    try {
      const answer = await this.#context.ask(`api/symbols/${encodeURIComponent(symbol)}`, { signal: this.#context.signal });
      if (!answer.ok) return;
      const { row } = await answer.json();
      if (symbol === this.#symbol) this.#showRow(row);
    } catch {
      // the bridge is away, or the panel is closed: it is asked again, and the answer below says how it stands
    }
  }

  #showRow(row) {
    const { facts, badge } = this.#parts;
    badge.textContent = HALTS[row?.halt] ?? "";
    this.#showName(row);
    patch(facts, make("div", "", ...(row ? [factsOf(row)] : [])));
  }

  #show(why) {
    patch(this.#parts.answer, make("div", "symbol-answer", why.known ? allLists(why) : unknownSymbol(why)));
    this.#context.status({ level: "live", word: "", text: `As of ${clock(why.as_of)}` });
  }

  #refused({ message }) {
    this.#context.status({ level: "warn", word: "No answer", text: `${message.charAt(0).toUpperCase()}${message.slice(1)}.` });
  }

  focus() {
    this.#parts.sheet.focus({ preventScroll: true });
  }

  close() {
    this.#inquiry.end();
  }
}

export const symbolPanel = Object.freeze({ title: "Symbol", open: (context) => new SymbolPanel(context) });
