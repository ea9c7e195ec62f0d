/** The tools above the panels, and the keys. Both are about the panel that was last in use. */

import { openHelp, prepareColumns } from "./dialogs.js";
import { listenToKeys } from "./keys.js";
import { prepareMarking } from "./marking.js";
import { prepareRowMenu } from "./rowmenu.js";
import { keep, onChangeElsewhere, settings } from "./settings.js";
import { toast } from "./status.js";

const THEMES = ["auto", "dark", "light"];
const byId = (id) => document.getElementById(id);

function showSettings() {
  if (settings.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
  byId("workspace").classList.toggle("compact", settings.compact);
  byId("compact").setAttribute("aria-pressed", String(settings.compact));
  byId("sound").setAttribute("aria-pressed", String(settings.sound));
  byId("theme").textContent = { auto: "Theme", dark: "Dark", light: "Light" }[settings.theme] ?? "Theme";
}

function set(values, text) {
  keep(values);
  showSettings();
  toast(text);
}

async function copySymbol({ symbol }) {
  if (!symbol) return;
  try {
    await navigator.clipboard.writeText(symbol);
    toast(`Copied ${symbol}`);
  } catch {
    toast("The browser does not allow copying here");
  }
}

/** What the tools do. */
function toolsOf(workspace, dialog, own) {
  function open(kind, state) {
    const there = workspace.frames.find(({ leaf }) => leaf.kind === kind);
    if (there) workspace.go(there);
    else if (!workspace.add(kind, state)) toast("There is no room for another panel");
  }

  return {
    hold: () => workspace.current.hold.toggle(),
    columns: prepareColumns(() => workspace.current.chosen, () => workspace.current.setColumns()),
    compact: () => set({ compact: !settings.compact }, settings.compact ? "Roomy rows" : "Compact rows"),
    sound() {
      set({ sound: !settings.sound }, settings.sound ? "Sound off" : "Sound on");
      workspace.chime.set(settings.sound);
    },
    theme() {
      const theme = THEMES[(THEMES.indexOf(settings.theme) + 1) % THEMES.length];
      set({ theme }, theme === "auto" ? "Theme: as the system" : `Theme: ${theme}`);
    },
    alerts: () => open("alerts"),
    near: () => open("near", { list: workspace.current.list }),
    own: () => own.open(),
    export: () => toast(`Saved ${workspace.current.export()}`),
    layouts: () => dialog.open(),
    help: openHelp,
  };
}

/** @param {{workspace: object, tabs: object, why: object, dialog: object, choose: function, explain: function, alerts: object, own: object}} page */
export function prepareControls({ workspace, tabs, why, dialog, choose, explain, alerts, own }) {
  const tools = toolsOf(workspace, dialog, own);
  for (const [id, action] of Object.entries(tools)) byId(id).addEventListener("click", action);

  function countUnread() {
    const { unread } = alerts.log;
    byId("alerts").textContent = unread ? `Alerts ${unread}` : "Alerts";
    byId("alerts").classList.toggle("unread", unread > 0);
  }
  alerts.log.addEventListener("changed", countUnread);
  countUnread();

  const selected = () => workspace.current.table.selected;
  const explainSelected = () => selected() && explain(selected(), workspace.current.nameOf(selected()));

  const marking = prepareMarking(workspace);
  prepareRowMenu(byId("workspace"), () => workspace.current, (symbol) => [
    ["Why it is here, or not", "W", () => explain(symbol, workspace.current.nameOf(symbol))],
    [marking.isPinned(symbol) ? "Unpin" : "Pin on top", "I", () => marking.pin(symbol)],
    ["Hide", "D", () => marking.hide(symbol)],
    ["Into the watchlist", "B", () => own.watch(symbol)],
    ["Copy the symbol", "Y", () => copySymbol({ symbol })],
    ["Pinned and hidden …", "V", marking.open],
  ]);

  function step(steps) {
    workspace.current.step(steps);
    if (why.symbol) explainSelected();
  }

  function hoverHold() {
    set({ hold: !settings.hold }, settings.hold ? "The pointer does not hold the order" : "The pointer holds the order");
    if (!settings.hold) for (const { hold } of workspace.listPanels) if (!hold.byKey) hold.release();
  }

  function clear() {
    if (why.symbol) {
      why.close();
      return;
    }
    byId("search").value = "";
    workspace.current.search("");
    workspace.current.select("");
  }

  function arrow(side, otherwise = () => {}) {
    return ({ shiftKey }) => (shiftKey ? workspace.swap(side) : otherwise());
  }

  const digits = Object.fromEntries([..."123456789"].map((digit) => [digit, () => choose(tabs.names[digit - 1])]));
  listenToKeys({
    ...digits,
    "[": () => choose(tabs.neighbour(workspace.current.list, -1)),
    "]": () => choose(tabs.neighbour(workspace.current.list, 1)),
    ArrowDown: arrow("bottom", () => step(1)),
    ArrowUp: arrow("top", () => step(-1)),
    ArrowLeft: arrow("left"),
    ArrowRight: arrow("right"),
    j: () => step(1),
    k: () => step(-1),
    Enter: explainSelected,
    w: explainSelected,
    y: () => copySymbol({ symbol: selected() }),
    i: () => selected() && marking.pin(selected()),
    d: () => selected() && marking.hide(selected()),
    v: marking.open,
    q: tools.own,
    b: () => selected() && own.watch(selected()),
    "/": () => byId("search").focus(),
    f: tools.hold,
    h: hoverHold,
    r: () => workspace.current.sort(null),
    o: tools.columns,
    c: tools.compact,
    t: tools.theme,
    s: tools.sound,
    e: tools.export,
    a: tools.alerts,
    m: tools.near,
    ",": () => workspace.turn(-1),
    ".": () => workspace.turn(1),
    n: () => workspace.add("list", { list: workspace.current.list }) || toast("There is no room for another panel"),
    x: () => workspace.close(workspace.focus.leaf.id) || toast("The last list stays"),
    u: () => workspace.turnAround(),
    l: tools.layouts,
    g: () => workspace.focus.nextGroup(),
    "?": openHelp,
    Escape: clear,
  }, () => workspace.settle());

  byId("search").addEventListener("input", ({ target }) => workspace.current.search(target.value));
  byId("search").addEventListener("keydown", (event) => {
    if (event.key !== "Escape" && event.key !== "Enter") return;
    if (event.key === "Escape") clear();
    workspace.current.focus();
    if (event.key === "Enter") workspace.current.answerOffer();
  });
  for (const type of ["pointerdown", "keydown"]) document.addEventListener(type, () => workspace.chime.wake());

  onChangeElsewhere(() => {
    showSettings();
    workspace.chime.on = settings.sound;
  });
  showSettings();
  workspace.chime.on = settings.sound;
}
