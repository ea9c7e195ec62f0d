/** A panel with the market's trading halts: those that last, then those of today that are over; each with its reason. */

import { clockOn, NONE, span } from "../format.js";
import { reasonText } from "../halts.js";
import { marketHealth } from "../health.js";
import { make, patch } from "../patch.js";
import { Asking } from "./asking.js";

const FRESH_MS = 60_000; // of market time; for so long a halt or a resumption stands out
const HEADS = ["Symbol", "State", "Since", "For", "Why", "To resume"];

class HaltsPanel {
  #context;
  #table;
  #note;

  constructor(context) {
    this.#context = context;
    const { element } = context;
    this.#note = make("p", "quiet", "Asking …");
    this.#note.setAttribute("role", "status");
    this.#table = make("table", "halts");
    element.replaceChildren(this.#note, this.#table);
    this.#table.addEventListener("click", ({ target }) => this.#point(target.closest("tr")?.dataset.symbol));
    new Asking(context, () => "api/halts", (answer, fault) => (answer ? this.#show(answer) : this.#failed(fault)));
  }

  /** What is shown may be old. */
  #failed(text) {
    this.#context.status({ level: "warn", word: "No answer", text });
    if (!this.#table.childElementCount) this.#say(text);
  }

  #say(text) {
    if (this.#note.textContent !== text) this.#note.textContent = text;
    this.#note.hidden = text === "";
  }

  /** Halts are said when they change: how long they last, and whether the market moves, the lists know. */
  #show(answer) {
    const { halts, market_time: now } = answer;
    const lasting = halts.filter(({ status }) => status === "halted").length;
    const old = isOfAnotherDay(answer);
    const health = marketHealth(answer);
    this.#context.status(old && health.level === "live" ? { level: "warn", word: "Old", text: oldText(answer) } : health);
    this.#context.note(halts.length ? `${lasting} halted · ${halts.length - lasting} resumed` : "");
    this.#say(old ? oldText(answer) : halts.length ? "" : nothingText(answer));
    patch(this.#table, halts.length ? tableOf(halts, now, this.#context.symbol.symbol) : make("table", "halts"));
  }

  #point(symbol) {
    if (symbol) this.#context.choose(symbol);
  }

  select(symbol) {
    for (const row of this.#table.querySelectorAll("tbody tr")) row.classList.toggle("selected", row.dataset.symbol === symbol);
  }

  focus() {
    this.#table.querySelector("button")?.focus({ preventScroll: true });
  }

  close() {}
}

/** Nobody has said anything of halts on the market's day. */
function isOfAnotherDay({ date, market_date: today }) {
  return Boolean(date && today && date !== today);
}

function oldText({ as_of: asOf, market_time: now }) {
  return `Nothing was said of halts since ${clockOn(asOf, now)}: these are of another trading day.`;
}

function nothingText({ as_of: asOf }) {
  return asOf ? "No trading halt today." : "Nothing is known of halts: neither source has said anything.";
}

function tableOf(halts, now, selected) {
  const heads = HEADS.map((text) => {
    const cell = make("th", "", text);
    cell.scope = "col";
    return cell;
  });
  const body = make("tbody", "", ...halts.map((halt) => rowOf(halt, now, selected)));
  return make("table", "halts", make("thead", "", make("tr", "", ...heads)), body);
}

function rowOf({ symbol, status, time, reason, resumes_at: resumes }, now, selected) {
  const halted = status === "halted";
  const button = make("button", "symbol", symbol);
  button.type = "button";
  const head = make("th", "", button);
  head.scope = "row";
  const badge = make("span", "badges", halted ? "HALT" : "RESUMED");
  const lasts = now ? span(now - time) : NONE;
  const next = halted && resumes ? clockOn(resumes, now) : "";
  const cells = [badge, clockOn(time, now), halted ? lasts : "", reasonText(reason), next];
  const marks = [status, now && now - time < FRESH_MS && "fresh", symbol === selected && "selected"];
  const row = make("tr", marks.filter(Boolean).join(" "), head, ...cells.map((cell) => make("td", "", cell)));
  row.dataset.symbol = row.dataset.key = symbol;
  return row;
}

export const haltsPanel = Object.freeze({ title: "Halts", open: (context) => new HaltsPanel(context) });
