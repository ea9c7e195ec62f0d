/** The page: connection, lists, panels, and what stands around them. */

import { Activity } from "./activity.js";
import { leader } from "./alerts/lead.js";
import { AlertLog } from "./alerts/log.js";
import { Teller } from "./alerts/teller.js";
import { Connection, Phase } from "./connection.js";
import { prepareControls } from "./controls.js";
import { askToken, storedToken } from "./dialogs.js";
import { title } from "./format.js";
import { Lateness } from "./lateness.js";
import { LayoutDialog } from "./layout/dialog.js";
import { linked } from "./layout/link.js";
import { Layouts } from "./layout/store.js";
import { expose } from "./outside.js";
import { OwnLists } from "./own/client.js";
import { ListEditor } from "./own/editor.js";
import { watcher } from "./own/watching.js";
import { MarketTime } from "./markettime.js";
import { keep, settings } from "./settings.js";
import { Status, toast } from "./status.js";
import { Symbols } from "./symbols.js";
import { named } from "./timeline/times.js";
import { Tabs } from "./tabs.js";
import { WhyPanel } from "./why.js";
import { Workspace } from "./workspace.js";

const TICK_MS = 250;
const byId = (id) => document.getElementById(id);

function socketUrl() {
  const url = new URL("ws", location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url.href;
}

/** The templates of links to pages about a symbol: the layout's own, then the bridge's. @returns {string[]} */
function links() {
  return [...new Set([...layouts.links, ...(connection.hello?.links ?? [])])];
}

/** A request to the bridge, with the token. @param {string} path  such as "api/lists" @param {RequestInit} [options] */
function ask(path, options = {}) {
  const headers = connection.token ? { Authorization: `Bearer ${connection.token}`, ...options.headers } : options.headers;
  return fetch(new URL(path, document.baseURI), { ...options, headers });
}

const connection = new Connection(socketUrl(), { token: storedToken() });
const status = new Status();
const lateness = new Lateness();
const lists = new Map();
const why = new WhyPanel(connection, () => workspace.current.focus());
const symbols = new Symbols();
const alerts = { log: new AlertLog(connection), teller: null, lead: (alert) => lead(alert), open: showList };
alerts.teller = new Teller(alerts.log, alerts.lead);
const workspace = new Workspace(byId("workspace"), { connection, market: new MarketTime(connection), lists, symbols, ask, explain, alerts, links });
const layouts = new Layouts();
const dialog = new LayoutDialog(workspace, layouts);
const lead = leader({ workspace, lists, choose, explain });
const ownLists = new OwnLists(ask);
const editor = new ListEditor(ownLists, (name) => (lists.has(name) ? choose(name) : (awaited = name)));
const own = { open: () => editor.open(), watch: watcher(ownLists, (symbols) => editor.open(symbols)) };
const tabs = new Tabs(byId("tabs"), choose);
const activity = new Activity(byId("activity"), byId("activity-empty"));
let overview = null; // how all lists stand, as long as it is not shown
let awaited = ""; // a list that was added here: it is shown once the server has it
let health = { level: "warn", word: "", text: "" };

/** Say why a symbol is in the list that the keys are about: beside it, unless a panel of its colour does. */
function explain(symbol, name) {
  const { group } = workspace.focus.leaf;
  const says = workspace.frames.some(({ leaf }) => leaf.kind === "symbol" && leaf.group === group && group > 0);
  if (!says || workspace.alone) why.open(symbol, name);
}

/** Show another list in the panel that the keys are about. */
function choose(name) {
  const panel = workspace.current;
  if (!name || name === panel.list) return;
  if (workspace.alone) {
    keep({ list: name });
    if (named(location.hash).list !== name) history.replaceState(null, "", `#${name}`); // a moment of it stays
  }
  panel.open(name);
  tick();
}

/** Have a panel with a list that there is, unless one has it. */
function showList(name) {
  if (lists.has(name) && !workspace.listPanels.some(({ list }) => list === name)) choose(name);
}

/** What stands around the panels says how the current one is. */
function present() {
  const panel = workspace.current;
  const { name, description } = panel.definition;
  document.title = `${panel.live ? "" : `${panel.health(0).word} · `}${title(name)} · gapscan`;
  byId("title").textContent = title(name);
  byId("description").textContent = byId("description").title = description;
  byId("hold").setAttribute("aria-pressed", String(panel.hold.on));
  if (byId("search").value !== panel.order.search) byId("search").value = panel.order.search;
  tabs.choose(name);
  why.setList(name);
}

/** The server said which lists there are. */
function defined(definitions) {
  if (JSON.stringify([...lists.values()]) === JSON.stringify(definitions)) return; // after a reconnect: the rows stay
  lists.clear();
  for (const list of definitions) lists.set(list.name, list);
  tabs.show(definitions, workspace.current.list);
  workspace.defined();
  for (const panel of workspace.listPanels) if (!lists.has(panel.list)) leave(panel, definitions[0]?.name);
  if (awaited && lists.has(awaited)) choose(awaited);
  if (lists.has(awaited)) awaited = "";
  present();
}

/** The list of a panel is no more, or not yet. Of several panels, each stays what it was made for. */
function leave(panel, next) {
  if (panel.list && connection.about(panel.list).view.loaded) toast(`The list ${title(panel.list)} was removed`);
  if (workspace.alone) choose(next);
  else if (!panel.list && next) panel.open(next);
}

/** What time alone changes: ages, and how the lists stand. A frame of its own for it would cost as much as the rows do:
 * it comes with the rows where they are drawn. */
function look() {
  if (document.hidden) tick(); // there are no frames
  else workspace.soon();
}

function tick() {
  const now = performance.now();
  if (overview) tabs.stand(overview);
  overview = null;
  const panel = workspace.current;
  health = panel.health(now);
  status.health(health);
  status.list(panel.about, panel.live && connection.phase === Phase.OPEN, now);
  status.simulated(connection.simulated);
  workspace.tick(now);
}

function enterPhase({ phase }) {
  tick();
  if (phase === Phase.OPEN) why.setLinks(links());
  if (phase === Phase.TOKEN) askToken(useToken);
}

function useToken(token) {
  connection.token = token;
  connection.start();
}

function drawn({ panel, entries }) {
  if (panel !== workspace.current) return;
  for (const entry of entries) activity.add(entry);
  status.order(panel.shown, panel.order.held);
}

workspace.addEventListener("drawn", ({ detail }) => drawn(detail));
workspace.addEventListener("frame", tick);
workspace.addEventListener("changed", ({ detail }) => {
  if (detail.panel !== workspace.current) return;
  present();
  tick(); // what is past is not called live, not for a moment
});
workspace.addEventListener("current", ({ detail: { panel } }) => {
  activity.show(panel.log);
  if (panel.shown) drawn({ panel, entries: [] });
  present();
  tick();
});
connection.addEventListener("lists", ({ detail }) => defined(detail));
connection.addEventListener("phase", ({ detail }) => enterPhase(detail));
connection.addEventListener("heartbeat", ({ detail }) => {
  status.lateness(lateness.text(detail));
  look();
});
document.addEventListener("gapscan:shown", () => lateness.painted(performance.now()));
connection.addEventListener("overview", ({ detail }) => {
  overview = detail;
  look();
});
connection.addEventListener("change", ({ detail }) => detail.list === workspace.current.list && lateness.heard(performance.now()));

/** What the page begins with: what the address says, what this tab showed before, or one list. */
function begin() {
  if (dialog.take(() => linked(location.hash))) {
    history.replaceState(null, "", location.pathname + location.search);
    return;
  }
  const tree = layouts.begin() ?? { id: 1, kind: "list", group: 1, state: { list: settings.list } };
  const list = named(location.hash).list;
  workspace.show(list && !tree.parts ? { ...tree, state: { ...tree.state, list } } : tree);
}

layouts.addEventListener("links", () => why.setLinks(links()));
workspace.addEventListener("kept", ({ detail: { tree } }) => layouts.keep(tree));
begin();
prepareControls({ workspace, tabs, why, dialog, choose, explain, alerts, own });
expose({ workspace, connection, alerts, health: () => health });
addEventListener("hashchange", () => dialog.take(() => linked(location.hash)) || (workspace.alone && choose(named(location.hash).list)));
connection.overview(true);
connection.alerts();
connection.start();
setInterval(look, TICK_MS);
