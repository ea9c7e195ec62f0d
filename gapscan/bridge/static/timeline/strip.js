/** The day drawn as a strip: who came above the line, who left below it, what is not known, and where one is. */

import { clock } from "../format.js";
import { hours } from "./times.js";

const HOUR_WIDTH = 64; // pixels that an hour's name needs

export class Strip {
  #canvas;
  #colours = null;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
  }

  /** The theme is another. */
  restyle() {
    this.#colours = null;
  }

  get #theme() {
    const style = getComputedStyle(this.#canvas);
    const of = (name) => style.getPropertyValue(`--${name}`).trim();
    return (this.#colours ??= Object.fromEntries(["up", "down", "quiet", "line", "purple", "warn-soft", "panel"].map((name) => [name, of(name)])));
  }

  /** @param {import("./day.js").Day} day @param {number} time  where one is; 0: nowhere */
  draw(day, time) {
    const canvas = this.#canvas;
    const [width, height, scale] = [canvas.clientWidth, canvas.clientHeight, devicePixelRatio || 1];
    if (!width || !height) return;
    if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
    if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, width, height);
    const x = (at) => ((at - day.begin) / (day.end - day.begin)) * width;
    this.#hours(pen, day, x, width, height);
    this.#gaps(pen, day, x, height);
    this.#moves(pen, day, x, height);
    if (time) this.#cursor(pen, x(time), height);
  }

  #hours(pen, day, x, width, height) {
    pen.fillStyle = this.#theme.line;
    pen.fillRect(0, height / 2, width, 1);
    pen.font = "10px system-ui, sans-serif";
    for (const hour of hours(day.begin, day.end, width / HOUR_WIDTH)) {
      pen.fillStyle = this.#theme.line;
      pen.fillRect(x(hour), 0, 1, height);
      pen.fillStyle = this.#theme.quiet;
      if (x(hour) < width - 30) pen.fillText(clock(hour).slice(0, 5), x(hour) + 3, height - 2);
    }
  }

  #gaps(pen, day, x, height) {
    pen.fillStyle = this.#theme["warn-soft"];
    for (const { begin, end } of day.gaps) pen.fillRect(x(begin), 0, Math.max(2, x(end) - x(begin)), height);
  }

  /** A pixel's tick is the higher the more came there, or went. */
  #moves(pen, day, x, height) {
    for (const [action, colour, side] of [["enter", "up", -1], ["leave", "down", 1]]) {
      const counts = new Map();
      for (const move of day.moves) {
        if (move.action === action) counts.set(Math.round(x(move.time)), (counts.get(Math.round(x(move.time))) ?? 0) + 1);
      }
      pen.fillStyle = this.#theme[colour];
      for (const [at, count] of counts) {
        const tall = Math.min(height / 2 - 1, 2 + 2 * Math.log2(1 + count));
        pen.fillRect(at, side < 0 ? height / 2 - tall : height / 2 + 1, 1, tall);
      }
    }
  }

  #cursor(pen, at, height) {
    pen.fillStyle = this.#theme.purple;
    pen.fillRect(at - 1, 0, 3, height);
    pen.beginPath();
    pen.arc(at + 0.5, height / 2, 5, 0, 2 * Math.PI);
    pen.fill();
  }

  /** The time at a place, to the second. @param {import("./day.js").Day} day @param {number} clientX */
  timeAt(day, clientX) {
    const { left, width } = this.#canvas.getBoundingClientRect();
    const share = Math.min(Math.max((clientX - left) / width, 0), 1);
    return Math.round((day.begin + share * (day.end - day.begin)) / 1000) * 1000;
  }
}
