/** Pins and hides symbols of the current panel, and shows who is pinned and hidden there. */

import { MOST_HIDDEN, MOST_PINNED } from "./panels/marks.js";
import { make } from "./patch.js";
import { toast } from "./status.js";

const byId = (id) => document.getElementById(id);

/** A symbol as somebody types it: letters that are all small are meant large. */
function typed(text) {
  const symbol = text.trim();
  return symbol === symbol.toLowerCase() ? symbol.toUpperCase() : symbol;
}

function chip(symbol, label, act) {
  const button = make("button", "", "✕");
  button.type = "button";
  button.setAttribute("aria-label", `${label} ${symbol}`);
  button.addEventListener("click", act);
  return make("li", "", symbol, " ", button);
}

/** @param {import("./workspace.js").Workspace} workspace */
export function prepareMarking(workspace) {
  const [dialog, input] = [byId("marks-dialog"), byId("marks-symbol")];
  const marks = () => workspace.current.marks;

  function pin(symbol) {
    if (marks().pinned.has(symbol)) {
      marks().free(symbol);
      toast(`${symbol} is not pinned any more`);
    } else toast(marks().pin(symbol) ? `${symbol} is pinned` : `${MOST_PINNED} symbols are pinned: no more may be`);
  }

  /** Whoever is hidden cannot be picked: the way back is the dialog. */
  function hide(symbol) {
    const { table } = workspace.current;
    const next = [table.neighbour(1), table.neighbour(-1)].find((other) => other !== symbol) ?? "";
    const done = marks().exclude(symbol);
    if (done && table.selected === symbol) workspace.current.select(next);
    toast(done ? `${symbol} is hidden (V: back)` : `${MOST_HIDDEN} symbols are hidden: no more may be`);
  }

  function show() {
    const { pinned, excluded } = marks();
    const free = (symbol) => {
      marks().free(symbol);
      show();
      input.focus();
    };
    const fill = (id, symbols, label) => byId(id).replaceChildren(...(symbols.size ? [...symbols].map((symbol) => chip(symbol, label, () => free(symbol))) : [make("li", "quiet", "none")]));
    fill("marks-pinned", pinned, "Unpin");
    fill("marks-hidden", excluded, "Show");
    byId("marks-all").disabled = excluded.size === 0;
  }

  function open() {
    input.value = "";
    show();
    dialog.showModal();
  }

  byId("marks-add").addEventListener("submit", (event) => {
    event.preventDefault();
    const symbol = typed(input.value);
    if (!symbol) return;
    if (event.submitter?.value === "hide") hide(symbol);
    else if (!marks().pinned.has(symbol)) pin(symbol);
    input.value = "";
    show();
  });
  byId("marks-all").addEventListener("click", () => {
    marks().free(...marks().excluded);
    show();
  });
  byId("workspace").addEventListener("click", ({ target }) => target.closest(".hidden-rows") && open());
  return { pin, hide, open, isPinned: (symbol) => marks().pinned.has(symbol) };
}
