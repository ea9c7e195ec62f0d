/** The panel that says why a symbol is in a list, or why not: beside the rows on a desk, a dialog on a phone. */

import { allLists, notice, oneList, unknownSymbol } from "./answer.js";
import { clock } from "./format.js";
import { Inquiry } from "./inquiry.js";
import { linksOf } from "./links.js";
import { patch } from "./patch.js";
import { NARROW } from "./width.js";

const byId = (id) => document.getElementById(id);
const UNANSWERED = ", no answer since";

export class WhyPanel {
  #dialog = byId("why");
  #answer = byId("why-answer");
  #buttons = { here: byId("why-here"), all: byId("why-all") };
  #inquiry;
  #links = [];
  #list = "";
  #all = false;

  /** @param {import("./connection.js").Connection} connection @param {() => void} onClose  gives the focus back */
  constructor(connection, onClose) {
    this.#inquiry = new Inquiry(connection, (why) => this.#show(why), (error) => this.#refused(error));
    this.#buttons.here.addEventListener("click", () => this.#turn(false));
    this.#buttons.all.addEventListener("click", () => this.#turn(true));
    byId("why-close").addEventListener("click", () => this.close());
    this.#answer.addEventListener("click", ({ target }) => target.dataset.symbol && this.open(target.dataset.symbol));
    this.#dialog.addEventListener("keydown", (event) => event.key === "Escape" && this.close());
    this.#dialog.addEventListener("close", () => {
      this.#makeRoom();
      this.#inquiry.end();
      onClose();
    });
    NARROW.addEventListener("change", () => this.close());
  }

  /** The symbol that it is about; "" while it is closed. */
  get symbol() {
    return this.#inquiry.symbol;
  }

  /** Say of `symbol` why. @param {string} symbol @param {string} name  of the company, if known */
  open(symbol, name = "") {
    if (symbol === this.symbol) return;
    byId("why-symbol").textContent = symbol;
    byId("why-name").textContent = name;
    if (!this.#dialog.open) this.#appear();
    this.#makeRoom();
    this.#ask(symbol);
  }

  /** Where rows can be reached beside it, the focus stays with them. */
  #appear() {
    if (NARROW.matches) {
      this.#dialog.showModal();
      return;
    }
    const focused = document.activeElement;
    this.#dialog.show();
    focused?.focus({ preventScroll: true });
  }

  close() {
    if (this.#dialog.open) this.#dialog.close();
    this.#makeRoom();
  }

  /** The panels stand beside it. By a class: with `:has()`, each row that moves would be looked at for it. */
  #makeRoom() {
    this.#dialog.parentElement.classList.toggle("explains", this.#dialog.open);
  }

  /** Which pages about a symbol there are. @param {string[]} links  with {symbol} in them */
  setLinks(links) {
    this.#links = links;
    this.#showLinks();
  }

  #showLinks() {
    const links = byId("why-links");
    links.replaceChildren(...linksOf(this.#links, this.symbol));
    links.hidden = !links.childElementCount;
  }

  /** The page shows another list. @param {string} list */
  setList(list) {
    if (list === this.#list) return;
    this.#list = list;
    if (this.symbol && !this.#all) this.#ask(this.symbol);
  }

  #turn(all) {
    this.#all = all;
    this.#ask(this.symbol);
  }

  #ask(symbol) {
    this.#buttons.here.setAttribute("aria-pressed", String(!this.#all));
    this.#buttons.all.setAttribute("aria-pressed", String(this.#all));
    byId("why-time").textContent = "";
    this.#answer.replaceChildren(notice("Asking …"));
    this.#answer.scrollTop = 0;
    this.#inquiry.begin(symbol, this.#all ? null : this.#list);
    this.#showLinks();
  }

  #show(why) {
    if (byId("why-symbol").textContent !== why.symbol) byId("why-symbol").textContent = why.symbol;
    byId("why-time").textContent = `as of ${clock(why.as_of)}`;
    patch(this.#answer, why.known ? (this.#all ? allLists(why) : oneList(why, this.#list)) : unknownSymbol(why));
    document.dispatchEvent(new CustomEvent("gapscan:why", { detail: { symbol: why.symbol } }));
  }

  /** What was answered before stays, with the time that it is of. */
  #refused({ message }) {
    const time = byId("why-time");
    if (time.textContent && !time.textContent.endsWith(UNANSWERED)) time.textContent += UNANSWERED;
    if (!time.textContent) patch(this.#answer, notice(`${message.charAt(0).toUpperCase()}${message.slice(1)}.`));
  }
}
