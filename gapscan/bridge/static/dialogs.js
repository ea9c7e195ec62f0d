/** The dialogs: help, the choice of columns, the access token. */

import { CATALOGUE, FIXED } from "./fields.js";
import { make } from "./patch.js";

const byId = (id) => document.getElementById(id);

export function openHelp() {
  byId("help-dialog").showModal();
}

/** Lets the user choose columns.
 * @param {() => import("./chosen.js").Chosen} chosen  those of the list that is shown
 * @param {() => void} changed */
export function prepareColumns(chosen, changed) {
  const [dialog, choices] = [byId("columns-dialog"), byId("columns-choices")];
  const columns = CATALOGUE.filter(({ id }) => !FIXED.includes(id));
  choices.replaceChildren(...[...new Set(columns.map(({ group }) => group))].map((group) => choicesOf(group, columns)));
  const boxes = [...choices.querySelectorAll("input")];
  const refresh = () => boxes.forEach((box) => (box.checked = chosen().ids.includes(box.value)));
  const act = (action) => {
    action();
    changed();
    refresh();
  };
  choices.addEventListener("change", () => act(() => chosen().choose(boxes.filter((box) => box.checked).map((box) => box.value))));
  byId("columns-reset").addEventListener("click", () => act(() => chosen().reset()));
  byId("columns-spread").addEventListener("click", () => act(() => chosen().spread()));
  return () => {
    refresh();
    dialog.showModal();
  };
}

function choicesOf(group, columns) {
  const labels = columns.filter((column) => column.group === group).map(choice);
  return make("fieldset", "", make("legend", "", group), ...labels);
}

function choice(column) {
  const box = make("input", "");
  box.type = "checkbox";
  box.value = column.id;
  const label = make("label", "", box, make("span", "column", column.title), make("span", "quiet", column.hint.split(/[,;:]/)[0]));
  label.title = column.hint;
  return label;
}

const READ = "gapscan.token";
/** Where the token is kept that lets own lists be changed. */
export const EDIT = "gapscan.edit-token";

/** The token that was entered in this tab, if any. */
export function storedToken(key = READ) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** Ask for the token; a wrong one is asked for again. @param {(token: string) => void} use @param {string} [key] where it is kept */
export function askToken(use, key = READ) {
  const [dialog, form, input] = [byId("token-dialog"), byId("token-form"), byId("token")];
  if (dialog.open) return;
  form.onsubmit = () => {
    try {
      sessionStorage.setItem(key, input.value);
    } catch {
      // not kept, but used
    }
    use(input.value);
  };
  input.value = "";
  dialog.showModal();
}
