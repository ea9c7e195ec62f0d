/** The timeline's controls: the strip, the time that is shown, and buttons. What they do, its owner says. */

import { clock } from "../format.js";
import { make } from "../patch.js";

export const SPEEDS = Object.freeze([1, 2, 5, 10, 30, 60]);

function button(className, text, label) {
  const element = make("button", className, text);
  element.type = "button";
  element.title = label;
  element.setAttribute("aria-label", label);
  return element;
}

function speeds() {
  const select = make("select", "tl-speed");
  select.title = "Speed of the play (+ and -)";
  select.setAttribute("aria-label", "Speed of the play");
  for (const speed of SPEEDS) select.append(new Option(`${speed}×`, String(speed)));
  return select;
}

function track() {
  const canvas = make("canvas", "tl-strip");
  const slider = make("div", "tl-track", canvas);
  slider.tabIndex = 0;
  slider.setAttribute("role", "slider");
  slider.setAttribute("aria-label", "Time of the day");
  slider.title = "Drag to a moment of the day. Arrows: a second, with Shift a minute; < and > go to who came or left before or next";
  return { slider, canvas };
}

export class Bar {
  /** @param {HTMLElement} element  filled with the controls */
  constructor(element) {
    const { slider, canvas } = track();
    Object.assign(this, { slider, canvas, speed: speeds() });
    this.previous = button("tl-step", "‹", "Who came or left before (<)");
    this.play = button("tl-play", "▶", "Play (Space)");
    this.next = button("tl-step", "›", "Who came or left next (>)");
    this.time = make("output", "tl-time", "");
    this.link = button("tl-link", "Link", "Copy a link to this moment");
    this.live = button("tl-live", "Live", "Back to live (L)");
    this.element = make("div", "timeline", this.previous, this.play, this.next, slider, this.time, this.speed, this.link, this.live);
    this.element.setAttribute("role", "group");
    this.element.setAttribute("aria-label", "The day of this list");
    element.replaceChildren(this.element);
  }

  /** @param {import("./day.js").Day} day @param {number} time  0: live @param {boolean} playing */
  show(day, time, playing) {
    const { slider } = this;
    this.element.classList.toggle("in-past", time > 0);
    this.#write(this.time, time ? clock(time) : "now");
    const label = playing ? "Pause (Space)" : "Play (Space)";
    if (this.play.title !== label) {
      this.play.title = label;
      this.play.setAttribute("aria-label", label);
      this.play.textContent = playing ? "❚❚" : "▶";
    }
    for (const part of [this.live, this.link]) part.disabled = !time;
    slider.setAttribute("aria-valuemin", String(Math.min(day.begin, time || day.begin)));
    slider.setAttribute("aria-valuemax", String(Math.max(day.end, time)));
    slider.setAttribute("aria-valuenow", String(time || day.end));
    slider.setAttribute("aria-valuetext", time ? `${clock(time)}, past` : "now");
  }

  #write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }
}
