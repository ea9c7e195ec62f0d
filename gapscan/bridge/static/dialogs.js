/** The dialogs: help, the choice of columns, the access token. */

import { CATALOGUE, FIXED } from "./fields.js";

const byId = (id) => document.getElementById(id);

export function openHelp() {
  byId("help-dialog").showModal();
}

/** Lets the user choose columns.
 * @param {() => string[]} chosen  the ids that are chosen now
 * @param {(ids: ?string[]) => void} choose  called with every change; null: the usual ones */
export function prepareColumns(chosen, choose) {
  const [dialog, choices] = [byId("columns-dialog"), byId("columns-choices")];
  const boxes = CATALOGUE.filter((column) => !FIXED.includes(column.id)).map((column) => choice(column));
  choices.replaceChildren(...boxes.map(({ label }) => label));
  const refresh = () => boxes.forEach(({ box }) => (box.checked = chosen().includes(box.value)));
  choices.addEventListener("change", () => choose(boxes.filter(({ box }) => box.checked).map(({ box }) => box.value)));
  byId("columns-reset").addEventListener("click", () => {
    choose(null);
    refresh();
  });
  return () => {
    refresh();
    dialog.showModal();
  };
}

function choice(column) {
  const [label, box] = [document.createElement("label"), document.createElement("input")];
  box.type = "checkbox";
  box.value = column.id;
  label.title = column.hint;
  label.append(box, ` ${column.title}`);
  return { label, box };
}

const TOKEN = "gapscan.token";

/** The token that was entered in this tab, if any. */
export function storedToken() {
  try {
    return sessionStorage.getItem(TOKEN);
  } catch {
    return null;
  }
}

/** Ask for the token; a wrong one is asked for again. @param {(token: string) => void} use */
export function askToken(use) {
  const [dialog, form, input] = [byId("token-dialog"), byId("token-form"), byId("token")];
  if (dialog.open) return;
  form.onsubmit = () => {
    try {
      sessionStorage.setItem(TOKEN, input.value);
    } catch {
      // not kept, but used
    }
    use(input.value);
  };
  input.value = "";
  dialog.showModal();
}
