/** One chart on the page: candles, volume, average price, levels and marks, by the library in vendor/. */

import { clock, price } from "../format.js";

const LIBRARY = "../vendor/lightweight-charts/lightweight-charts.standalone.production.mjs";
const VOLUME_SHARE = 0.18; // of the height

/** The colours of the page's theme. */
function colours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue(`--${name}`).trim();
  return { ground: of("ground"), line: of("line"), text: of("quiet"), up: of("up"), down: of("down"), accent: of("accent"), warn: of("warn"), purple: of("purple") };
}

const seconds = (ms) => Math.floor(ms / 1000);
const minute = (time) => clock(time * 1000).slice(0, 5);
/** A colour as it is, but see-through: `rgb(1 2 3 / 40%)` is written by the library itself in its own form. */
const faint = (hex) => `${hex}66`;

export class Drawing {
  #library;
  #chart;
  #candles;
  #volume;
  #average;
  #marks;
  #levels = [];
  #colours = null;

  /** The library is loaded with the first chart. @param {HTMLElement} element @returns {Promise<Drawing>} */
  static async open(element) {
    return new Drawing(await import(LIBRARY), element);
  }

  constructor(library, element) {
    this.#library = library;
    this.#chart = library.createChart(element, {
      autoSize: true,
      layout: { attributionLogo: false, fontSize: 11 }, // the panel has the attribution: a style within the page is not allowed here
      localization: { timeFormatter: minute, priceFormatter: price },
      timeScale: { timeVisible: true, secondsVisible: false, tickMarkFormatter: minute, rightOffset: 4 },
      rightPriceScale: { scaleMargins: { top: 0.06, bottom: VOLUME_SHARE + 0.04 } },
    });
    this.#candles = this.#chart.addSeries(library.CandlestickSeries, { priceLineVisible: false });
    this.#volume = this.#chart.addSeries(library.HistogramSeries, { priceScaleId: "", priceFormat: { type: "volume" }, priceLineVisible: false, lastValueVisible: false });
    this.#volume.priceScale().applyOptions({ scaleMargins: { top: 1 - VOLUME_SHARE, bottom: 0 } });
    this.#average = this.#chart.addSeries(library.LineSeries, { lineWidth: 1, priceLineVisible: false, lastValueVisible: false, crosshairMarkerVisible: false });
    this.#marks = library.createSeriesMarkers(this.#candles, []);
    this.recolour();
  }

  /** Take the colours of the theme. */
  recolour() {
    const { ground, line, text, up, down, accent } = (this.#colours = colours());
    this.#chart.applyOptions({
      layout: { background: { color: ground }, textColor: text },
      grid: { vertLines: { color: line }, horzLines: { color: line } },
      timeScale: { borderColor: line },
      rightPriceScale: { borderColor: line },
    });
    this.#candles.applyOptions({ upColor: up, downColor: down, wickUpColor: up, wickDownColor: down, borderVisible: false });
    this.#average.applyOptions({ color: accent });
  }

  /** Draw all of it. @param {object} picture  {bars, average, levels: [{price, title, kind}], marks}; see chartdata.js
   * @param {boolean} whole  another symbol: the view is fitted to it */
  show({ bars, average, levels, marks }, whole) {
    const { up, down } = this.#colours;
    this.#candles.setData(bars.map((bar) => ({ ...bar, time: seconds(bar.start) })));
    this.#volume.setData(bars.map(({ start, open, close, volume }) => ({ time: seconds(start), value: volume, color: faint(close >= open ? up : down) })));
    this.#average.setData(average.map(({ start, value }) => ({ time: seconds(start), value })));
    this.#setLevels(levels);
    this.#marks.setMarkers(marks.map((mark) => this.#mark(mark)));
    if (whole) this.#chart.timeScale().fitContent();
  }

  /** Only the newest bar is another. @param {import("./chartdata.js").Bar} bar */
  update(bar) {
    this.#candles.update({ ...bar, time: seconds(bar.start) });
  }

  #mark({ start, text, kind }) {
    const { warn, accent } = this.#colours;
    const halt = kind === "halt";
    return { time: seconds(start), text, color: halt ? warn : accent, position: halt ? "aboveBar" : "belowBar", shape: halt ? "square" : "arrowUp" };
  }

  #setLevels(levels) {
    for (const line of this.#levels) this.#candles.removePriceLine(line);
    const { text, purple } = this.#colours;
    const { LineStyle } = this.#library;
    this.#levels = levels.map(({ price: at, title, kind }) =>
      this.#candles.createPriceLine({ price: at, title, color: kind === "close" ? text : purple, lineWidth: 1, lineStyle: LineStyle.Dashed, axisLabelVisible: true }),
    );
  }

  close() {
    this.#chart.remove();
  }
}
