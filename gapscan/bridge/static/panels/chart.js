/** A panel with the chart of its group's symbol: the day's minutes from 04:00 New York, gone on with live. */

import { clock, price, title } from "../format.js";
import { make } from "../patch.js";
import { averages, barsOf, continued, marksOn, premarket, withPrice } from "./chartdata.js";
import { Drawing } from "./drawing.js";

const EVERY_MS = 15_000; // between two looks at the provider's bars; live prices are drawn meanwhile
const AGAIN_MS = 2000; // after a look that brought nothing
const ATTRIBUTION = "https://www.tradingview.com/";

class ChartPanel {
  fields = ["price", "price_time"];
  #context;
  #room = make("div", "chart-room");
  #note = make("p", "quiet chart-note");
  #drawing = null;
  #symbol = "";
  #bars = [];
  #about = null; // {opens, row, why} of the last look
  #dueAt = Infinity;
  #fitted = false;

  constructor(context) {
    this.#context = context;
    const { element, signal, connection } = context;
    this.#room.setAttribute("role", "img");
    this.#room.setAttribute("aria-label", "One-minute chart");
    const link = make("a", "quiet", "Charts by TradingView");
    Object.assign(link, { href: ATTRIBUTION, target: "_blank", rel: "noopener noreferrer" });
    element.append(this.#room, make("footer", "chart-foot", this.#note, link));
    connection.addEventListener("change", ({ detail }) => this.#changed(detail.list), { signal });
    connection.addEventListener("aggregate", ({ detail }) => this.#cell(detail), { signal });
    this.#followTheme(signal);
    this.select(context.symbol.symbol);
  }

  #followTheme(signal) {
    const watch = new MutationObserver(() => this.#recolour());
    watch.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    signal.addEventListener("abort", () => watch.disconnect());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#recolour(), { signal });
  }

  #recolour() {
    this.#drawing?.recolour();
    this.#draw();
  }

  select(symbol) {
    if (!symbol) this.#say("Choose a row of a list of this colour.");
    if (!symbol || symbol === this.#symbol) return;
    this.#symbol = symbol;
    this.#bars = [];
    this.#about = null;
    this.#fitted = false;
    this.#context.title(symbol);
    this.#say("Asking for the day's bars …");
    this.#draw();
    this.#look(symbol);
  }

  #say(text) {
    if (this.#note.textContent !== text) this.#note.textContent = text;
  }

  /** @param {number} now performance.now() */
  tick(now) {
    if (now >= this.#dueAt && !document.hidden) this.#look(this.#symbol);
  }

  /** Ask for the bars, and for what is marked on them. */
  async #look(symbol) {
    this.#dueAt = Infinity;
    const path = `api/symbols/${encodeURIComponent(symbol)}`;
    const [bars, about, why] = await Promise.all([`${path}/bars`, path, `${path}/why`].map((each) => this.#get(each)));
    if (symbol !== this.#symbol || this.#context.signal.aborted) return;
    this.#dueAt = performance.now() + (bars.start ? EVERY_MS : AGAIN_MS);
    if (!bars.start) {
      this.#say(bars.detail ?? "The bridge cannot be reached.");
      return;
    }
    this.#bars = continued(barsOf(bars), bars.opens === this.#about?.opens ? this.#bars : []); // those of another day end
    this.#about = { opens: bars.opens, row: about.row ?? {}, lists: why.lists ?? [] };
    await this.#open();
    this.#draw();
  }

  /** What the bridge answers, or its problem; {} when there is no answer. */
  async #get(path) {
    try {
      return await (await this.#context.ask(path, { signal: this.#context.signal })).json();
    } catch {
      return {}; // the bridge is away, or the panel is closed
    }
  }

  async #open() {
    const drawing = this.#drawing ?? (await Drawing.open(this.#room));
    if (this.#context.signal.aborted) drawing.close();
    else this.#drawing = drawing;
  }

  /** What is drawn. */
  get #picture() {
    const { opens = 0, row = {}, lists = [] } = this.#about ?? {};
    const before = premarket(this.#bars, opens);
    const levels = [
      [row.prev_close, "close before", "close"],
      [row.pre_high ?? before?.high, "pre-market high", "pre"],
      [row.pre_low ?? before?.low, "pre-market low", "pre"],
    ];
    return {
      bars: this.#bars,
      average: averages(this.#bars),
      levels: levels.filter(([at]) => Number.isFinite(at)).map(([at, text, kind]) => ({ price: at, title: text, kind })),
      marks: marksOn(this.#bars, [...halts(row), ...entries(lists)]),
    };
  }

  #draw() {
    if (!this.#drawing) return;
    const picture = this.#picture;
    this.#drawing.show(picture, !this.#fitted && picture.bars.length > 0);
    this.#fitted ||= picture.bars.length > 0;
    this.#describe();
  }

  #describe() {
    const last = this.#bars.at(-1);
    const text = last ? `${clock(last.start).slice(0, 5)} · ${price(last.close)}` : "Nothing traded today.";
    if (this.#about) this.#say(text);
    this.#room.setAttribute("aria-label", `One-minute chart of ${this.#symbol}, last ${text}`);
  }

  /** A list moved on: it may have a newer price of the symbol. */
  #changed(list) {
    if (!this.#about) return;
    const row = this.#context.connection.view(list).rows.find(({ symbol }) => symbol === this.#symbol);
    if (row) this.#priced(row);
  }

  #cell({ symbol, data }) {
    if (this.#about && symbol === this.#symbol) this.#priced(data);
  }

  #priced({ price: at, price_time: time }) {
    const bars = Number.isFinite(time) ? withPrice(this.#bars, time, at) : this.#bars;
    if (bars === this.#bars) return;
    this.#bars = bars;
    this.#drawing?.update(bars.at(-1));
    this.#describe();
  }

  /** For looking at it from outside. */
  describe() {
    const { average, levels, marks } = this.#picture;
    return { symbol: this.#symbol, bars: this.#bars, average, levels, marks, drawn: this.#fitted };
  }

  close() {
    this.#drawing?.close();
  }
}

function halts({ halt_time: time, halt, halt_reason: reason }) {
  if (!Number.isFinite(time)) return [];
  return [{ time, kind: "halt", text: halt === "resumed" ? "resumed" : ["halted", reason].filter(Boolean).join(" ") }];
}

function entries(lists) {
  const inside = lists.filter(({ rank, since, at_least: atLeast }) => rank !== null && since && !atLeast);
  return inside.map(({ list, since }) => ({ time: since, kind: "entry", text: title(list) }));
}

export const chartPanel = Object.freeze({ title: "Chart", open: (context) => new ChartPanel(context) });
