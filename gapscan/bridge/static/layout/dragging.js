/** Panels are dragged by their headings: onto a side of another panel, or onto its middle to change places with it. */

import { make } from "../patch.js";

const NEAR_PX = 5; // a press that moves less is no drag
const MIDDLE = 0.22; // half the width, and height, of what counts as the middle

/** Where in a box a point is: a side, or the middle. @returns {"left"|"right"|"top"|"bottom"|"middle"} */
function sideAt({ left, top, width, height }, x, y) {
  const [across, down] = [(x - left) / width - 0.5, (y - top) / height - 0.5];
  if (Math.abs(across) < MIDDLE && Math.abs(down) < MIDDLE) return "middle";
  if (Math.abs(across) > Math.abs(down)) return across < 0 ? "left" : "right";
  return down < 0 ? "top" : "bottom";
}

/** The part of a box, in percent of it, that a panel dropped there would take. */
const PARTS = { left: [0, 0, 50, 100], right: [50, 0, 50, 100], top: [0, 0, 100, 50], bottom: [0, 50, 100, 50], middle: [0, 0, 100, 100] };

export class Dragging {
  #workspace;
  #onDrop;
  #mark = make("div", "drop");

  /** @param {HTMLElement} workspace
   * @param {(id: number, target: number, side: string) => void} onDrop */
  constructor(workspace, onDrop) {
    this.#workspace = workspace;
    this.#onDrop = onDrop;
  }

  /** Let a panel be dragged. @param {import("../panels/frame.js").Frame} frame */
  listen(frame) {
    frame.handle.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && !event.target.closest("button")) this.#begin(frame, event);
    });
  }

  #begin({ leaf, handle }, down) {
    const ending = new AbortController();
    const { signal } = ending;
    let target = null;
    handle.setPointerCapture(down.pointerId);
    const move = ({ clientX, clientY }) => {
      if (Math.hypot(clientX - down.clientX, clientY - down.clientY) < NEAR_PX) return;
      target = this.#over(leaf.id, clientX, clientY);
      this.#show(target);
    };
    const end = (dropped) => {
      ending.abort();
      this.#show(null);
      if (dropped && target) this.#onDrop(leaf.id, target.id, target.side);
    };
    handle.addEventListener("pointermove", move, { signal });
    handle.addEventListener("pointerup", () => end(true), { signal });
    for (const type of ["pointercancel", "lostpointercapture"]) handle.addEventListener(type, () => end(false), { signal });
    document.addEventListener("keydown", ({ key }) => key === "Escape" && end(false), { signal });
  }

  /** What the pointer is over: another panel, and where in it. */
  #over(dragged, x, y) {
    const element = document.elementsFromPoint(x, y).find((each) => each.classList.contains("panel"));
    const id = Number(element?.dataset.id ?? 0);
    return id && id !== dragged ? { id, element, side: sideAt(element.getBoundingClientRect(), x, y) } : null;
  }

  #show(target) {
    this.#workspace.classList.toggle("dragging", target !== null);
    if (!target) {
      this.#mark.remove();
      return;
    }
    const [box, around] = [target.element.getBoundingClientRect(), this.#workspace.getBoundingClientRect()];
    const [left, top, width, height] = PARTS[target.side];
    const { style } = this.#mark;
    style.left = `${box.left - around.left + (box.width * left) / 100}px`;
    style.top = `${box.top - around.top + (box.height * top) / 100}px`;
    style.width = `${(box.width * width) / 100}px`;
    style.height = `${(box.height * height) / 100}px`;
    this.#workspace.append(this.#mark);
  }
}
