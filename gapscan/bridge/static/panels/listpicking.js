/** Which row of a list panel the keys are about: picked by pointer or key, and told to all panels of its colour. */

export class ListPicking {
  #panel;
  #context;
  #grid;

  /** @param {import("./list.js").ListPanel} panel @param {object} context  the panel's
   * @param {{body: HTMLElement, grid: HTMLElement}} parts */
  constructor(panel, context, { body, grid }) {
    this.#panel = panel;
    this.#context = context;
    this.#grid = grid;
    const on = (type, act) => body.addEventListener(type, act, { signal: context.signal });
    on("click", ({ target }) => this.#point(target.closest(".row")?.dataset.symbol ?? ""));
    on("dragstart", (event) => {
      const symbol = event.target.closest?.(".row")?.dataset.symbol;
      if (symbol) event.dataTransfer.setData("text/plain", symbol); // into another program's symbol box
    });
  }

  /** Mark a row, if the symbol has one; "" for none. Returns its element. @param {string} symbol */
  select(symbol) {
    const element = this.#panel.table.select(symbol);
    if (element) this.#grid.setAttribute("aria-activedescendant", element.id);
    else this.#grid.removeAttribute("aria-activedescendant");
    return element;
  }

  /** Pick the row `steps` below. */
  step(steps) {
    const symbol = this.#panel.table.neighbour(steps);
    this.select(symbol)?.scrollIntoView({ block: "nearest" });
    if (symbol) this.#choose(symbol);
  }

  #choose(symbol) {
    this.#context.choose(symbol, this.#panel.nameOf(symbol));
  }

  #point(symbol) {
    this.select(symbol);
    if (!symbol) return;
    this.#choose(symbol);
    this.#context.page.explain(symbol, this.#panel.nameOf(symbol));
  }
}
