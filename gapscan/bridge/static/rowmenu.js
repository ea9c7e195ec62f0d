/** The menu of a row: by the secondary button, a long touch, or the key for menus. */

import { make } from "./patch.js";

const MARGIN = 8; // px to the window's borders
const STEPS = { __proto__: null, ArrowDown: 1, ArrowUp: -1 };

function item([text, key, act], close) {
  const button = make("button", "", make("span", "", text), make("kbd", "", key));
  button.type = "button";
  button.setAttribute("role", "menuitem");
  button.addEventListener("click", () => {
    close();
    act();
  });
  return button;
}

/** The row that is meant, and where the menu opens: the key for menus means the row that is picked. */
function meant(event, panel) {
  const pointed = event.target.closest(".body .row");
  if (pointed) return { row: pointed, x: event.clientX, y: event.clientY };
  if (!event.target.closest(".grid") || event.target.closest(".head")) return null;
  const row = event.target.querySelector(".row.selected") ?? null;
  const box = row?.getBoundingClientRect();
  return panel.table.selected && row ? { row, x: box.left + 2 * MARGIN, y: box.bottom } : null;
}

/** @param {HTMLElement} workspace @param {() => import("./panels/list.js").ListPanel} current  the panel that is in use
 * @param {(symbol: string) => [string, string, () => void][]} actions  text, key, and what is done */
export function prepareRowMenu(workspace, current, actions) {
  const menu = document.getElementById("row-menu");

  /** The keys are the panel's again at once: the event that says so comes later. */
  function close() {
    menu.hidePopover();
    current().focus();
  }

  workspace.addEventListener("contextmenu", (event) => {
    const found = meant(event, current());
    if (!found) return;
    event.preventDefault();
    current().select(found.row.dataset.symbol);
    menu.setAttribute("aria-label", found.row.dataset.symbol);
    menu.replaceChildren(...actions(found.row.dataset.symbol).map((action) => item(action, close)));
    menu.showPopover();
    menu.style.left = `${Math.max(MARGIN, Math.min(found.x, innerWidth - menu.offsetWidth - MARGIN))}px`;
    menu.style.top = `${Math.max(MARGIN, Math.min(found.y, innerHeight - menu.offsetHeight - MARGIN))}px`;
    menu.firstElementChild.focus();
  });

  menu.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page's keys are not meant
    if (event.key === "Tab") menu.hidePopover();
    if (!STEPS[event.key]) return;
    event.preventDefault();
    const items = [...menu.children];
    items.at((items.indexOf(document.activeElement) + STEPS[event.key]) % items.length).focus();
  });
  menu.addEventListener("toggle", ({ newState }) => {
    const lost = document.activeElement === document.body || menu.contains(document.activeElement);
    if (newState === "closed" && lost) current().focus();
  });
}
