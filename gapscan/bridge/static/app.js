/**
 * The page: connection, lists, controls.
 *
 * `window.gapscan` is a read-only handle for looking at it from outside:
 *   list()          name of the list on the page
 *   copy(name)      {epoch, sequence, asOf, checksum, rows} of a list that the page has, null without one
 *   shown()         symbols on the page, from top to bottom
 *   status()        {phase, level, word, text, held, simulated, resyncing, rung, closed}
 *   counts()        connects, snapshots, deltas, resyncs, mismatches, unreadable, errors
 * After each frame that drew something the document gets an event `gapscan:shown` with {list, epoch, sequence}.
 */

import { Connection, Phase } from "./connection.js";
import { askToken, openHelp, prepareColumns, storedToken } from "./dialogs.js";
import { healthOf } from "./health.js";
import { Lateness } from "./lateness.js";
import { title } from "./format.js";
import { listenToKeys } from "./keys.js";
import { Page } from "./page.js";
import { keep, onChangeElsewhere, settings } from "./settings.js";
import { Status, toast } from "./status.js";
import { Tabs } from "./tabs.js";
import { WhyPanel } from "./why.js";

const TICK_MS = 250;
const byId = (id) => document.getElementById(id);

function socketUrl() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

const connection = new Connection(socketUrl(), { token: storedToken() });
const status = new Status();
const lateness = new Lateness();
const page = new Page(connection, status);
const tabs = new Tabs(byId("tabs"), choose);
const why = new WhyPanel(connection, () => byId("grid").focus({ preventScroll: true }));
let definitions = new Map();
let health = { level: "warn", word: "", text: "" };

/** Show a list, and follow it instead of the one before. */
function choose(name) {
  if (!name || name === page.list) return;
  connection.unsubscribe(page.list);
  keep({ list: name });
  history.replaceState(null, "", `#${name}`);
  present(name);
  connection.subscribe(name, page.wish);
  tick();
}

/** The list that the address names; "" when it names none that can be read. */
function named() {
  try {
    return decodeURIComponent(location.hash.slice(1));
  } catch {
    return "";
  }
}

function present(name) {
  const definition = definitions.get(name) ?? { name, description: "", sort: [], sessions: [] };
  document.title = `${title(name)} · gapscan`;
  byId("title").textContent = title(name);
  byId("description").textContent = byId("description").title = definition.description;
  tabs.choose(name);
  page.open(definition);
  why.setList(name);
}

/** The server said which lists there are. */
function defined(lists) {
  const known = JSON.stringify([...definitions.values()]);
  if (known === JSON.stringify(lists)) return; // after a reconnect: the rows stay as they are
  definitions = new Map(lists.map((list) => [list.name, list]));
  tabs.show(lists, page.list);
  if (definitions.has(page.list)) present(page.list);
  else leave(lists[0]?.name);
}

/** The list on the page is no more. */
function leave(next) {
  if (page.list && connection.about(page.list).view.loaded) toast(`The list ${title(page.list)} was removed`);
  choose(next);
}

/** What time alone changes: ages, and how the list stands. */
function tick() {
  const now = performance.now();
  const about = connection.about(page.list);
  health = healthOf(connection, about, now);
  status.health(health);
  status.list(about, connection.phase === Phase.OPEN, now);
  status.simulated(connection.simulated);
  page.tick(about.asOf);
}

function enterPhase({ phase }) {
  tick();
  if (phase === Phase.OPEN) why.setLinks(connection.hello.links ?? []);
  if (phase === Phase.TOKEN) askToken(useToken);
}

function useToken(token) {
  connection.token = token;
  connection.start();
}

connection.addEventListener("lists", ({ detail }) => defined(detail));
connection.addEventListener("phase", ({ detail }) => enterPhase(detail));
connection.addEventListener("heartbeat", ({ detail }) => {
  status.lateness(lateness.text(detail));
  page.beat(detail.lists[page.list]);
  tick();
});
document.addEventListener("gapscan:shown", () => lateness.painted(performance.now()));
connection.addEventListener("overview", ({ detail }) => tabs.stand(detail));
connection.addEventListener("change", ({ detail }) => {
  if (detail.list !== page.list) return;
  lateness.heard(performance.now());
  page.changed(detail.changes);
  tick();
});

// Controls

const THEMES = ["auto", "dark", "light"];

function showSettings() {
  if (settings.theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = settings.theme;
  byId("grid").classList.toggle("compact", settings.compact);
  byId("compact").setAttribute("aria-pressed", String(settings.compact));
  byId("sound").setAttribute("aria-pressed", String(settings.sound));
  byId("theme").textContent = { auto: "Theme", dark: "Dark", light: "Light" }[settings.theme] ?? "Theme";
}

function set(values, text) {
  keep(values);
  showSettings();
  toast(text);
}

const controls = {
  hold: () => page.hold.toggle(),
  columns: prepareColumns(() => page.chosen, () => page.setColumns()),
  compact: () => set({ compact: !settings.compact }, settings.compact ? "Roomy rows" : "Compact rows"),
  sound() {
    set({ sound: !settings.sound }, settings.sound ? "Sound off" : "Sound on");
    page.chime.set(settings.sound);
  },
  theme() {
    const theme = THEMES[(THEMES.indexOf(settings.theme) + 1) % THEMES.length];
    set({ theme }, theme === "auto" ? "Theme: as the system" : `Theme: ${theme}`);
  },
  export: () => toast(`Saved ${page.export()}`),
  help: openHelp,
};
for (const [id, action] of Object.entries(controls)) byId(id).addEventListener("click", action);

function hoverHold() {
  set({ hold: !settings.hold }, settings.hold ? "The pointer does not hold the order" : "The pointer holds the order");
  if (!settings.hold && !page.hold.byKey) page.hold.release();
}

function select(steps) {
  const element = page.table.select(page.table.neighbour(steps));
  element?.scrollIntoView({ block: "nearest" });
  if (!element) return;
  byId("grid").setAttribute("aria-activedescendant", element.id);
  if (why.symbol) explain();
}

/** Say of the selected row why it is there. */
function explain() {
  const symbol = page.table.selected;
  if (symbol) why.open(symbol, page.view.rows.find((row) => row.symbol === symbol)?.name ?? "");
}

function point({ target }) {
  const symbol = target.closest(".row")?.dataset.symbol ?? "";
  page.table.select(symbol);
  explain();
}

async function copySymbol() {
  const symbol = page.table.selected;
  if (!symbol) return;
  try {
    await navigator.clipboard.writeText(symbol);
    toast(`Copied ${symbol}`);
  } catch {
    toast("The browser does not allow copying here");
  }
}

function clear() {
  if (why.symbol) {
    why.close();
    return;
  }
  byId("search").value = "";
  page.search("");
  page.table.select("");
  byId("grid").removeAttribute("aria-activedescendant");
}

const digits = Object.fromEntries([..."123456789"].map((digit) => [digit, () => choose(tabs.names[digit - 1])]));
listenToKeys({
  ...digits,
  "[": () => choose(tabs.neighbour(page.list, -1)),
  "]": () => choose(tabs.neighbour(page.list, 1)),
  ArrowDown: () => select(1),
  ArrowUp: () => select(-1),
  j: () => select(1),
  k: () => select(-1),
  Enter: explain,
  w: explain,
  y: copySymbol,
  "/": () => byId("search").focus(),
  f: controls.hold,
  h: hoverHold,
  r: () => page.sort(null),
  o: controls.columns,
  c: controls.compact,
  t: controls.theme,
  s: controls.sound,
  e: controls.export,
  "?": openHelp,
  Escape: clear,
});

byId("search").addEventListener("input", ({ target }) => page.search(target.value));
byId("search").addEventListener("keydown", (event) => {
  if (event.key !== "Escape" && event.key !== "Enter") return;
  if (event.key === "Escape") clear();
  byId("grid").focus();
  if (event.key === "Enter" && !byId("offer").hidden) byId("offer").click();
});
byId("offer").addEventListener("click", ({ currentTarget }) => why.open(currentTarget.dataset.symbol));
byId("body").addEventListener("click", point);
byId("body").addEventListener("dragstart", ({ target, dataTransfer }) => {
  const symbol = target.closest?.(".row")?.dataset.symbol;
  if (symbol) dataTransfer.setData("text/plain", symbol); // into another program's symbol box
});
addEventListener("hashchange", () => choose(named()));
document.addEventListener("pointerdown", () => page.chime.wake());
document.addEventListener("keydown", () => page.chime.wake());

window.gapscan = Object.freeze({
  list: () => page.list,
  copy(name) {
    const { view } = connection.about(name);
    const { epoch, sequence, asOf, checksum, rows } = view;
    return view.loaded ? { epoch, sequence, asOf, checksum, rows: structuredClone(rows) } : null;
  },
  shown: () => page.table.symbols(),
  status: () => ({
    phase: connection.phase,
    ...health,
    held: page.order.held,
    simulated: connection.simulated,
    resyncing: connection.about(page.list).resyncing,
    rung: page.chime.rung,
    closed: connection.closed,
  }),
  counts: () => ({ ...connection.counts }),
});

onChangeElsewhere(() => {
  showSettings();
  page.chime.on = settings.sound;
});
showSettings();
page.chime.on = settings.sound;
choose(named() || settings.list);
connection.overview(true);
connection.start();
setInterval(tick, TICK_MS);
