/**
 * The timeline under a list: its day with who came and went, any moment of it, played at any speed, and back to now.
 *
 * Links to a moment (#gappers_up@2026-11-27T09:31:07) are followed by the panel whose list they name. A `gapscan:moment`
 * event of the document, {time}, is a wish of the page's: the panel that has the keys goes there.
 */

import { clock, title } from "../format.js";
import { behindDialog } from "../keys.js";
import { toast } from "../status.js";
import { Banner } from "./banner.js";
import { Bar, SPEEDS } from "./bar.js";
import { Day } from "./day.js";
import { Play } from "./play.js";
import { Strip } from "./strip.js";
import { named, stamp } from "./times.js";

const CURSOR_MS = 100; // between two drawings of where one is, while it moves
const SECOND = 1000;
const KEY_STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1, PageDown: -300, PageUp: 300 };

class Timeline {
  #context;
  #bar;
  #strip;
  #banner;
  #day;
  #play;
  #speed = 1;
  #aim = 0; // where the pointer or the keys lead, until the play is there
  #drawing = 0;
  #past = null; // what the panel shows of it
  #linked = ""; // a moment that the address names, and that is not opened yet

  constructor(context) {
    this.#context = context;
    const { element, connection, signal } = context;
    this.#bar = new Bar(element);
    this.#strip = new Strip(this.#bar.canvas);
    this.#banner = new Banner(element, () => this.live());
    this.#day = new Day(connection, signal);
    this.#play = new Play(connection, signal);
    element.hidden = true;
    this.#listen();
    const timer = setInterval(() => this.#moving && this.#draw(), CURSOR_MS);
    signal.addEventListener("abort", () => clearInterval(timer));
  }

  #listen() {
    const { signal } = this.#context;
    const on = (target, type, act) => target.addEventListener(type, act, { signal });
    const bar = this.#bar;
    on(this.#day, "change", () => this.#learned());
    on(this.#play, "change", () => this.#show());
    on(this.#play, "refused", ({ detail }) => this.#refused(detail.message));
    on(bar.play, "click", () => this.toggle());
    on(bar.previous, "click", () => this.step(-1));
    on(bar.next, "click", () => this.step(1));
    on(bar.live, "click", () => this.live());
    on(bar.link, "click", () => this.#copyLink());
    on(bar.speed, "change", () => this.#pace(Number(bar.speed.value)));
    on(bar.slider, "keydown", (event) => this.#key(event, { ...this.#sliderKeys(event), ...this.#keys() }));
    // Before the page's own keys, which are listened to on the document too.
    document.addEventListener("keydown", (event) => this.#isCurrent && this.#key(event, this.#keys()), { signal, capture: true });
    on(globalThis, "hashchange", () => this.#follow());
    on(document, "gapscan:moment", ({ detail }) => this.#isCurrent && this.go(detail.time));
    new ResizeObserver(() => this.#draw()).observe(bar.canvas);
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => this.#restyle());
    const themes = new MutationObserver(() => this.#restyle());
    themes.observe(document.documentElement, { attributeFilter: ["data-theme"] });
    signal.addEventListener("abort", () => themes.disconnect());
    this.#dragging(bar.slider, on);
  }

  #dragging(slider, on) {
    on(slider, "pointerdown", (event) => {
      if (event.button !== 0 || !this.#day.known) return;
      slider.setPointerCapture(event.pointerId);
      this.go(this.#strip.timeAt(this.#day, event.clientX), 0);
    });
    on(slider, "pointermove", (event) => {
      if (slider.hasPointerCapture(event.pointerId)) this.go(this.#strip.timeAt(this.#day, event.clientX), 0);
    });
  }

  get #isCurrent() {
    const panel = this.#context.element.closest(".panel");
    return !panel || panel.classList.contains("current");
  }

  get #moving() {
    return this.#play.told?.state === "playing" && !document.hidden;
  }

  /** Where it is, market time; 0 while it is live. */
  get time() {
    return this.#play.active ? this.#aim || this.#play.time : 0;
  }

  get playing() {
    return this.#play.active && this.#play.speed > 0;
  }

  /** The panel has another list. */
  listed(list) {
    const { hash } = location; // going live takes the moment out of it
    this.live();
    this.#day.follow(list);
    this.#follow(hash);
  }

  /** Open the moment that the address names, if it is one of this list. */
  #follow(hash = location.hash) {
    const { list, moment } = named(hash);
    if (!moment || list !== this.#context.panel.list) return;
    this.#linked = moment;
    if (this.#day.known) this.#openLinked();
  }

  #openLinked() {
    const moment = this.#linked;
    this.#linked = "";
    if (moment) this.#open(moment, 0);
  }

  #learned() {
    this.#context.element.hidden = !this.#day.known && !this.#play.active;
    if (this.#day.known) this.#openLinked();
    this.#draw();
  }

  #open(time, speed) {
    if (this.#play.active) {
      this.#play.go(time);
      if (speed !== this.#play.speed) this.#play.pace(speed);
    } else {
      this.#play.open(this.#context.panel.list, this.#context.panel.wish, time, speed);
    }
  }

  /** Go to a moment.
   * @param {number} time epoch ms @param {number} [speed]  0: and stay there @param {number} [least]  it is not earlier */
  go(time, speed = this.playing ? this.#play.speed : 0, least = this.#day.begin) {
    this.#banner.say("");
    if (this.#past) this.#past.settled = false;
    const end = Math.floor(Math.max(this.#day.end, this.#play.time) / SECOND) * SECOND;
    this.#aim = Math.min(Math.max(time, least), end);
    this.#open(this.#aim, speed);
    this.#draw();
  }

  /** Play, or pause. What is live is played from where its tape began to be of interest: a minute ago. */
  toggle() {
    this.#banner.say("");
    if (this.#play.active) this.#play.pace(this.playing ? 0 : this.#speed);
    else this.#open(Math.max(this.#day.begin, this.#day.end - 60 * SECOND), this.#speed);
    this.#draw();
  }

  /** To who came or left next, or before. @param {1|-1} direction */
  step(direction) {
    const time = this.#day.nextMove(this.time || this.#day.end + 1, direction);
    if (time !== null) this.go(time, 0);
  }

  /** Back to now. */
  live() {
    this.#aim = 0;
    if (!this.#play.active) return;
    this.#play.end();
    this.#leave();
    this.#address();
    this.#draw();
  }

  #leave() {
    this.#past = null;
    this.#banner.hide();
    this.#context.panel.showPast(null);
  }

  #pace(speed) {
    this.#speed = speed;
    this.#bar.speed.value = String(speed);
    if (this.playing) this.#play.pace(speed);
  }

  #faster(steps) {
    const at = SPEEDS.indexOf(this.#speed) + steps;
    if (at >= 0 && at < SPEEDS.length) this.#pace(SPEEDS[at]);
  }

  #show() {
    const { view, told } = this.#play;
    const time = this.#play.time;
    if (told.gap) this.#banner.say(`nothing is known from ${clock(told.gap.begin)} to ${clock(told.gap.end)}: passed over`);
    if (told.state !== "playing") this.#aim = 0;
    const word = `Past ${clock(time)}`;
    const { rows, asOf, epoch, sequence } = view;
    const past = (this.#past = { rows, asOf, epoch, sequence, word, text: "", time, state: told.state, settled: false });
    this.#context.panel.showPast(past);
    requestAnimationFrame(() => (past.settled = past === this.#past && !this.#aim)); // it is drawn by then
    this.#banner.show(time, title(this.#context.panel.list), told.state === "waiting");
    this.#aim = 0;
    if (told.state !== "playing") this.#address();
    this.#draw();
  }

  #refused(message) {
    this.#aim = 0;
    if (this.#play.active) this.#banner.say(message);
    else {
      this.#leave();
      toast(message);
    }
    this.#draw();
  }

  /** The address of a page with one list leads to what it shows; that of several names no moment that was left. */
  #address() {
    const list = this.#context.panel.list;
    if (!list) return;
    const { alone } = this.#context.page;
    if (!alone && (this.#play.active || named(location.hash).list !== list)) return;
    const hash = this.#play.active ? `#${list}@${stamp(this.time)}` : `#${list}`;
    if (location.hash !== hash) history.replaceState(null, "", alone ? hash : location.pathname + location.search);
  }

  async #copyLink() {
    const address = new URL(`#${this.#context.panel.list}@${stamp(this.time)}`, location.href.split("#")[0]).href;
    try {
      await navigator.clipboard.writeText(address);
      toast("Copied a link to this moment");
    } catch {
      toast(address);
    }
  }

  #keys() {
    const always = { "<": () => this.step(-1), ">": () => this.step(1), p: () => this.toggle() };
    if (!this.#play.active) return always;
    const more = { "+": () => this.#faster(1), "=": () => this.#faster(1), "-": () => this.#faster(-1) };
    return { ...always, ...more, " ": () => this.toggle(), l: () => this.live(), Escape: () => this.live() };
  }

  #sliderKeys({ shiftKey }) {
    const keys = Object.entries(KEY_STEPS).map(([key, steps]) => [key, () => this.#nudge(steps * (shiftKey ? 60 : 1))]);
    const ends = { Home: () => this.go(this.#day.begin, 0), End: () => this.live(), " ": () => this.toggle() };
    return { ...Object.fromEntries(keys), ...ends };
  }

  #nudge(seconds) {
    const { begin, end } = this.#day;
    const time = this.time || end;
    // A link may have led to an earlier day.
    this.go(Math.floor(time / SECOND) * SECOND + seconds * SECOND, 0, time < begin ? 0 : begin);
  }

  #key(event, actions) {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("input, textarea, select, dialog") || behindDialog()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (key === " " && event.target.closest("button")) return;
    if (!this.#day.known || !Object.hasOwn(actions, key)) return;
    event.preventDefault();
    event.stopPropagation();
    actions[key]();
  }

  #restyle() {
    this.#strip.restyle();
    this.#draw();
  }

  #draw() {
    this.#drawing ||= requestAnimationFrame(() => {
      this.#drawing = 0;
      if (!this.#day.known) return;
      this.#bar.show(this.#day, this.time, this.playing);
      this.#strip.draw(this.#day, this.time);
    });
  }

  close() {
    cancelAnimationFrame(this.#drawing);
    this.#banner.remove();
  }
}

/** What panels/under.js has of it. */
export const timeline = (context) => new Timeline(context);
