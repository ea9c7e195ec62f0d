/** The headings of the table: what is shown, what the list is ranked by, and the local sort. */

import { rankingOf } from "./fields.js";
import { make } from "./patch.js";

/** Where a click on a heading leads: the greatest first, the least first, back to the server's order. */
export function nextSort(sort, id) {
  if (sort?.id !== id) return { id, descending: true };
  return sort.descending ? { id, descending: false } : null;
}

export class Head {
  #element;
  #onSort;
  #cells = new Map();

  /** @param {HTMLElement} element @param {(id: string) => void} onSort */
  constructor(element, onSort) {
    this.#element = element;
    this.#onSort = onSort;
  }

  /** @param {object[]} columns @param {string[]} ranking  the list's sort keys, such as "-gap_percent" */
  setColumns(columns, ranking) {
    const keys = rankingOf(ranking);
    this.#cells = new Map(columns.map((column) => [column.id, this.#cell(column, keys.get(column.id))]));
    this.#element.replaceChildren(...this.#cells.values());
  }

  #cell(column, descending) {
    const cell = document.createElement("div");
    cell.className = `cell ${column.id} ${column.align}`;
    cell.setAttribute("role", "columnheader");
    cell.dataset.column = column.id;
    if (column.id === "spark") {
      cell.textContent = column.title;
      cell.title = column.hint;
      cell.append(make("i", "grip"));
      return cell;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.title;
    button.title = column.hint;
    button.addEventListener("click", () => this.#onSort(column.id));
    if (descending !== undefined) {
      cell.classList.add("ranking");
      button.title += `. The list is ranked by this, ${descending ? "greatest" : "least"} first`;
    }
    cell.append(button, make("i", "grip"));
    return cell;
  }

  /** Show the local sort, or none. @param {?import("./order.js").Sort} sort */
  showSort(sort) {
    for (const [id, cell] of this.#cells) {
      if (sort?.id === id) cell.setAttribute("aria-sort", sort.descending ? "descending" : "ascending");
      else cell.removeAttribute("aria-sort");
    }
  }
}
