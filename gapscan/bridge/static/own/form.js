/** The fields of a list that is being written: from its table in the file to the form, and back. */

import { symbolsIn, symbolsOf, watching, whereOf } from "./watchlist.js";

/** What a list is that says nothing of it. */
const USUAL = Object.freeze({ description: "", limit: 200, sessions: [], columns: [], gate: "default", idle: "leave", settle: 3, near: false });

/** Texts that stand with commas between them; those in brackets are one. @param {string} text @returns {{text: string, from: number}[]} */
export function partsOf(text) {
  const found = [];
  let [depth, from] = [0, 0];
  [...`${text},`].reduce((place, letter) => {
    depth += (letter === "(") - (letter === ")");
    if (letter === "," && (depth <= 0 || place === text.length)) {
      const part = text.slice(from, place);
      if (part.trim()) found.push({ text: part.trim(), from });
      from = place + 1;
    }
    return place + letter.length;
  }, 0);
  return found;
}

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);
const numberIn = ({ value }) => (value.trim() === "" || Number.isNaN(Number(value)) ? value : Number(value));

export class ListForm {
  #form;
  #parts;
  #table = {};

  /** @param {HTMLFormElement} form */
  constructor(form) {
    this.#form = form;
    this.#parts = form.elements;
  }

  /** Whether symbols are written, and no condition. */
  get watches() {
    return this.#form.classList.contains("watches");
  }

  get name() {
    return this.#parts.name.value.trim();
  }

  /** The field of a key of the table. @returns {?HTMLElement} */
  fieldOf(key) {
    return this.#parts[key === "where" && this.watches ? "symbols" : key] ?? null;
  }

  /** Show a list. @param {string} name @param {Record<string, *>} table @param {boolean} isNew  its name may be changed */
  fill(name, table, isNew) {
    this.#table = table;
    const watched = symbolsOf(table.where);
    this.#form.classList.toggle("watches", watched !== null);
    const { where = "", sort = [], sessions, columns, ...plain } = { ...USUAL, ...table };
    const parts = this.#parts;
    Object.assign(parts.name, { value: name, readOnly: !isNew });
    parts.where.value = String(where);
    parts.symbols.value = (watched ?? []).join(" ");
    parts.sort.value = [sort].flat().join(", ");
    parts.columns.value = [columns].flat().join(", ");
    for (const box of this.#sessions) box.checked = [sessions].flat().includes(box.value);
    for (const key of ["description", "limit", "gate", "idle", "settle"]) parts[key].value = String(plain[key]);
    parts.near.checked = plain.near === true;
  }

  get #sessions() {
    return this.#form.querySelectorAll("[name=session]");
  }

  /** The list as a table of the file: what is as usual, and was not said before, is not said. */
  get table() {
    const parts = this.#parts;
    const symbols = symbolsIn(parts.symbols.value);
    const written = {
      description: parts.description.value.trim(),
      where: this.watches ? whereOf(symbols) : parts.where.value,
      sort: partsOf(parts.sort.value).map(({ text }) => text),
      limit: this.watches ? watching(symbols).limit : numberIn(parts.limit),
      sessions: [...this.#sessions].filter(({ checked }) => checked).map(({ value }) => value),
      columns: partsOf(parts.columns.value).map(({ text }) => text),
      gate: parts.gate.value.trim() || USUAL.gate,
      idle: parts.idle.value,
      settle: numberIn(parts.settle),
      near: parts.near.checked,
    };
    const said = Object.entries(written).filter(([key, value]) => !same(value, USUAL[key]) || key in this.#table);
    return { ...this.#table, ...Object.fromEntries(said) };
  }
}
