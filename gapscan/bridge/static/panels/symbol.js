/** A panel about the symbol of its colour group: what it is and what is said of it, how it stands in each list and why,
 * and how it stood there today. */

import { allLists, notice, unknownSymbol } from "../answer.js";
import { columnOf } from "../fields.js";
import { marketHealth } from "../health.js";
import { Inquiry } from "../inquiry.js";
import { linksOf } from "../links.js";
import { followMoment } from "../moments.js";
import { make, patch } from "../patch.js";
import { alertsSection, haltLines, newsSection, staysSection } from "./about.js";

const EVERY_MS = 3000; // between two looks at the symbol's row
const STAYS_EVERY_MS = 15_000; // and at its day on the tape
const FACTS = ["price", "change_percent", "gap_percent", "volume", "rvol", "pre_high", "pre_low", "prev_close", "float_shares", "market_cap", "sector"];
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
  #staysAt = -Infinity;
  #market = null; // how it stands, as was said last
  #answered = false; // why was said of the symbol, and is said still

  constructor(context) {
    this.#context = context;
    this.#parts = this.#build(context);
    this.#inquiry = new Inquiry(context.connection, (why) => this.#show(why), (error) => this.#refused(error), context.signal);
    context.alerts.log.addEventListener("changed", () => this.#showAlerts(), { signal: context.signal });
    context.market.addEventListener("day", () => this.#showAlerts(), { signal: context.signal });
    this.select(context.symbol.symbol, context.symbol.name);
  }

  #build({ element, id }) {
    const [name, badge, links] = [make("span", "quiet symbol-name"), make("span", "badges"), make("nav", "symbol-links")];
    const [facts, stays, alerts, answer] = ["", "", "", "symbol-answer"].map((className) => make("div", className));
    links.setAttribute("aria-label", "Pages about this symbol");
    const sheet = make("div", "sheet", make("p", "symbol-head", name, badge, links), facts, stays, alerts, answer);
    sheet.id = id("sheet");
    sheet.tabIndex = 0;
    sheet.setAttribute("role", "region");
    sheet.setAttribute("aria-label", "About the symbol");
    element.append(sheet);
    answer.addEventListener("click", ({ target }) => target.dataset.symbol && this.#context.choose(target.dataset.symbol));
    sheet.addEventListener("click", (event) => followMoment(event, this.#context.alerts.open));
    return { sheet, name, badge, links, facts, stays, alerts, answer };
  }

  select(symbol, name) {
    if (!symbol) this.#nothing();
    if (!symbol || symbol === this.#symbol) return;
    this.#symbol = symbol;
    this.#name = name;
    this.#lookedAt = this.#staysAt = -Infinity;
    this.#answered = false;
    const { sheet, answer, facts, stays, badge } = this.#parts;
    this.#context.title(symbol);
    for (const part of [facts, stays]) part.replaceChildren();
    badge.textContent = "";
    answer.replaceChildren(notice("Asking …"));
    sheet.scrollTop = 0;
    this.#showName(null);
    this.#showAlerts();
    this.#inquiry.begin(symbol, null);
    this.tick(performance.now());
  }

  #nothing() {
    this.#parts.answer.replaceChildren(notice("Choose a row of a list of this colour."));
  }

  #showName(row) {
    this.#parts.name.textContent = row?.name ?? this.#name;
    this.#parts.links.replaceChildren(...linksOf(this.#context.links(), this.#symbol));
  }

  /** What is known of it, asked for again and again. @param {number} now performance.now() */
  tick(now) {
    if (!this.#symbol || document.hidden) return;
    const path = `api/symbols/${encodeURIComponent(this.#symbol)}`;
    if (now - this.#lookedAt >= EVERY_MS) {
      this.#lookedAt = now;
      this.#look(path, (about) => this.#showAbout(about));
    }
    if (now - this.#staysAt >= STAYS_EVERY_MS) {
      this.#staysAt = now;
      this.#look(`${path}/when`, ({ stays }) => patch(this.#parts.stays, make("div", "", ...staysSection(stays, this.#context.market.now))));
    }
  }

  async #look(path, show) {
    const symbol = this.#symbol;
    try {
      const answer = await this.#context.ask(path, { signal: this.#context.signal });
      if (!answer.ok) return;
      const about = await answer.json();
      if (symbol === this.#symbol) show(about);
    } catch {
      // the bridge is away, or the panel is closed: it is asked again, and the answer below says how it stands
    }
  }

  #showAbout({ row, news = [], halt = null, halt_unread: unread = false, market_time: now = 0, state = null }) {
    this.#market = marketHealth({ market_time: now, state });
    this.#stand();
    const { facts, badge } = this.#parts;
    badge.textContent = HALTS[halt?.status ?? row?.halt] ?? "";
    this.#showName(row);
    patch(facts, make("div", "", ...haltLines(halt, unread, now), ...(row ? [factsOf(row)] : []), ...newsSection(news)));
  }

  #showAlerts() {
    patch(this.#parts.alerts, make("div", "", ...alertsSection(this.#context.alerts.log.items, this.#symbol, this.#context.market.now)));
  }

  #show(why) {
    patch(this.#parts.answer, make("div", "symbol-answer", why.known ? allLists(why, []) : unknownSymbol(why)));
    this.#answered = true;
    this.#stand();
  }

  /** What is answered is as live as the market is. */
  #stand() {
    if (this.#answered && this.#market) this.#context.status(this.#market);
  }

  #refused({ message }) {
    this.#answered = false;
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
