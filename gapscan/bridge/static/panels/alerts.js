/** A panel with the log of alerts: the newest first, how each is told, and the way to what it is about. */

import { SILENT, TONES, USUAL } from "../alerts/tones.js";
import { said, WAYS } from "../alerts/teller.js";
import { clockOn, title } from "../format.js";
import { followMoment, momentLink } from "../moments.js";
import { make, patch } from "../patch.js";
import { keep, settings } from "../settings.js";
import { toast } from "../status.js";

const SHOWN = 200;

function button(className, text, label, pressed) {
  const element = make("button", className, text);
  element.type = "button";
  element.title = label;
  element.setAttribute("aria-pressed", String(pressed));
  return element;
}

class AlertsPanel {
  #context;
  #tools;
  #items;
  #empty;
  #fresh = new Set(); // ids of those that came while nobody looked, until the panel is touched

  constructor(context) {
    this.#context = context;
    const { element, signal, alerts, market } = context;
    this.#tools = make("div", "alert-tools");
    this.#tools.setAttribute("role", "toolbar");
    this.#tools.setAttribute("aria-label", "How alerts are told");
    this.#empty = make("p", "quiet", "No alert was told yet. gapscan alerts add FILE makes some.");
    this.#items = make("ol", "alert-log");
    this.#items.tabIndex = -1;
    element.replaceChildren(this.#tools, this.#empty, this.#items);
    this.#tools.addEventListener("change", ({ target }) => this.#choose(target));
    this.#tools.addEventListener("click", ({ target }) => this.#switch(target.closest("button")?.dataset.way));
    this.#items.addEventListener("click", (event) => this.#act(event));
    alerts.log.addEventListener("changed", () => this.#show(), { signal });
    market.addEventListener("day", () => this.#show(), { signal });
    globalThis.addEventListener("storage", () => this.#showTools(), { signal });
    context.title("Alerts");
    this.#showTools();
    this.#show();
  }

  #showTools() {
    const mute = button("", "Mute", "Tell nothing; the log goes on", settings.alertMute);
    mute.dataset.way = "alertMute";
    const ways = Object.entries(WAYS).map(([way, text]) => {
      const element = button("", text, `Tell by ${text.toLowerCase()}: on, off`, settings[way]);
      element.dataset.way = way;
      return element;
    });
    patch(this.#tools, make("div", "alert-tools", mute, ...ways, this.#picker()));
  }

  /** The sound of each alert that is known. */
  #picker() {
    const names = [...new Set(this.#context.alerts.log.items.map(({ alert }) => alert.name))].sort();
    const list = make("details", "alert-sounds", make("summary", "", "Sounds"));
    for (const name of names) {
      const select = make("select", "");
      select.dataset.alert = name;
      select.setAttribute("aria-label", `Sound of ${name}`);
      for (const tone of [...Object.keys(TONES), SILENT]) {
        const option = make("option", "", tone);
        option.value = tone;
        if (tone === (settings.alertSounds[name] ?? USUAL)) option.setAttribute("selected", "");
        select.append(option);
      }
      list.append(make("label", "", `${name} `, select));
    }
    return list;
  }

  #choose({ dataset, value }) {
    if (!dataset.alert) return;
    keep({ alertSounds: { ...settings.alertSounds, [dataset.alert]: value } });
    this.#context.alerts.teller.sample(value);
  }

  async #switch(way) {
    if (!way) return;
    if (way === "alertMute") keep({ alertMute: !settings.alertMute });
    else toast(await this.#context.alerts.teller.switch(way));
    this.#showTools();
  }

  #show() {
    const { log } = this.#context.alerts;
    const items = log.items.slice(-SHOWN).reverse();
    this.#empty.hidden = items.length > 0;
    const fresh = items.filter(({ id }, index) => index < log.unread || this.#fresh.has(id));
    this.#fresh = new Set(fresh.map(({ id }) => id)); // of those that are shown
    const list = make("ol", "alert-log", ...items.map((item) => this.#item(item)));
    list.tabIndex = -1;
    patch(this.#items, list);
    this.#showTools();
    if (!document.hidden) log.see();
  }

  #item({ id, alert }) {
    const go = make("button", "alert-go", make("b", "", alert.symbol), ` ${said(alert)}`);
    go.type = "button";
    go.dataset.id = id;
    go.title = alert.conditions?.map(({ text, value }) => `${text}: ${value ?? "–"}`).join("\n") ?? "";
    const moment = momentLink(alert.list, alert.as_of, clockOn(alert.as_of, this.#context.market.now));
    const item = make("li", this.#fresh.has(id) ? "fresh" : "", moment, make("span", "quiet", title(alert.name)), go);
    item.dataset.key = id;
    return item;
  }

  #act(event) {
    followMoment(event, this.#context.alerts.open);
    const id = event.target.closest("button")?.dataset.id;
    const found = this.#context.alerts.log.items.find((item) => item.id === id);
    this.#fresh.clear();
    this.#show();
    if (found) this.#context.alerts.lead(found.alert);
  }

  focus() {
    this.#items.focus({ preventScroll: true });
    this.#context.alerts.log.see();
  }

  close() {}
}

export const alertsPanel = Object.freeze({ title: "Alerts", open: (context) => new AlertsPanel(context) });
