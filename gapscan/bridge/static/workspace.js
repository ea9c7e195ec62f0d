/**
 * The panels of the page: what stands where, which list the keys and the tools are about, which lists are followed.
 *
 * Events (CustomEvent, values in `detail`):
 *   current  {panel}           another list panel is the one that keys and tools are about
 *   changed  {panel}           what a list panel shows, or how, is another: its list, its hold, its search
 *   drawn    {panel, entries}  a list panel drew; `entries`: who came and left
 *   frame                      what was due is drawn: what stands around it can be drawn with it
 *   kept     {tree}            the layout is another
 */

import { Frames } from "./frames.js";
import { Borders } from "./layout/borders.js";
import { Dragging } from "./layout/dragging.js";
import { beside, freeId, neighbourOf, panelsOf, places, replaced, resized, swapped, turned, without } from "./layout/tree.js";
import { Frame } from "./panels/frame.js";
import { Chime } from "./sound.js";
import { Trends } from "./trend.js";
import { Wishes, withFields } from "./wishes.js";

const NOTHING = () => {};

export class Workspace extends EventTarget {
  #element;
  #frames = new Map(); // id -> Frame
  #borders;
  #dragging;
  #wishes;
  #settling = false; // panels are being opened: what they keep and wish is looked at after that
  tree = null;
  chime = new Chime();
  #trends = new Trends();
  #drawing = new Frames(() => this.#emit("frame"));

  /** @param {HTMLElement} element
   * @param {{connection: object, market: object, lists: Map, symbols: object, ask: function, explain: function}} services */
  constructor(element, services) {
    super();
    this.#element = element;
    this.services = services;
    this.#wishes = new Wishes(services.connection);
    this.#borders = new Borders(element, (path, index, share) => this.#set(resized(this.tree, path, index, share)));
    this.#dragging = new Dragging(element, (id, target, side) => this.#drop(id, target, side));
    services.symbols.addEventListener("chosen", ({ detail }) => this.#chosen(detail));
    new ResizeObserver(() => this.#resized()).observe(element);
  }

  #emit(type, detail = null) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }

  /** All panels' frames, in the order of reading. @returns {Frame[]} */
  get frames() {
    return panelsOf(this.tree).map(({ id }) => this.#frames.get(id)).filter(Boolean);
  }

  /** The panels that show lists. @returns {import("./panels/list.js").ListPanel[]} */
  get listPanels() {
    return this.frames.filter(({ leaf }) => leaf.kind === "list").map(({ panel }) => panel);
  }

  /** Whether there is one panel, a list. */
  get alone() {
    return this.tree === null || !this.tree.parts;
  }

  /** The id of a list panel. */
  idOf(panel) {
    return this.frames.find((frame) => frame.panel === panel)?.leaf.id ?? 0;
  }

  /** The frame that has the keys. @type {?Frame} */
  focus = null;
  #current = null;

  /** The list panel that keys and tools are about. @returns {import("./panels/list.js").ListPanel} */
  get current() {
    return this.#current.panel;
  }

  /** Show a layout. It has a list at least. @param {import("./layout/tree.js").Node} tree */
  show(tree) {
    this.#settling = true;
    for (const frame of this.#frames.values()) frame.close();
    this.#frames.clear();
    this.#current = this.focus = null;
    this.#set(tree);
    this.#settling = false;
    this.#wish();
    this.focused(this.frames.find(({ leaf }) => leaf.kind === "list"));
  }

  /** Bring the panels to a tree: open those that are new, close those that are not in it, put all in their places. */
  #set(tree) {
    const was = this.alone;
    this.tree = tree;
    const leaves = panelsOf(tree);
    this.#element.classList.toggle("alone", leaves.length === 1);
    this.#element.classList.toggle("many", leaves.length > 2);
    const ids = new Set(leaves.map(({ id }) => id));
    for (const [id, frame] of this.#frames) if (!ids.has(id)) this.#end(id, frame);
    for (const leaf of leaves) if (!this.#frames.has(leaf.id)) this.#open(leaf);
    this.#place();
    if (was !== this.alone) for (const panel of this.listPanels) panel.setColumns();
    this.#wish();
    if (!this.#settling) this.#emit("kept", { tree: this.tree });
  }

  #open(leaf) {
    const settling = this.#settling;
    this.#settling = true;
    const frame = new Frame(leaf, this);
    this.#frames.set(leaf.id, frame);
    this.#element.append(frame.element);
    this.#dragging.listen(frame);
    this.#settling = settling;
  }

  #end(id, frame) {
    this.#frames.delete(id);
    frame.close();
    if (this.focus === frame) this.focus = null;
    if (this.#current === frame) this.#current = null;
  }

  #place() {
    const { panels, borders } = places(this.tree);
    for (const { leaf, box } of panels) {
      const { style } = this.#frames.get(leaf.id).element;
      for (const side of ["left", "top", "width", "height"]) style[side] = `${(box[side] * 100).toFixed(3)}%`;
    }
    this.#borders.show(borders);
    this.#resized();
  }

  #resized() {
    for (const frame of this.frames) frame.panel.resize?.();
  }

  /** Follow what the panels show, and nothing else. */
  #wish() {
    if (this.#settling) return;
    const lists = this.frames.filter(({ leaf }) => leaf.kind === "list");
    this.#wishes.follow(lists.map(({ leaf, panel }) => ({ list: panel.list, wish: withFields(panel.wish, this.#fields(leaf.group)) })));
  }

  /** What other panels of a colour want of the rows of its lists. */
  #fields(group) {
    return this.frames.filter(({ leaf }) => leaf.group === group).flatMap(({ panel }) => panel.fields ?? []);
  }

  /** What a list panel has with the page around it. @param {Frame} frame */
  pageOf(frame) {
    const workspace = this;
    return {
      get alone() {
        return workspace.alone;
      },
      chime: this.chime,
      trends: this.#trends,
      frames: this.#drawing,
      explain: this.services.explain,
      wished: () => this.#wish(),
      changed: () => frame.panel && this.#emit("changed", { panel: frame.panel }),
      drawn: (panel, entries) => this.#emit("drawn", { panel, entries }),
    };
  }

  /** Have a frame soon, if only for what stands around the panels. */
  soon() {
    this.#drawing.soon(NOTHING);
  }

  /** Draw what a user did. The next key may come before the next frame, and is about what the last one did. */
  settle() {
    this.#drawing.settle();
  }

  /** Keep another leaf of a panel. @param {import("./layout/tree.js").Leaf} leaf @param {Frame} frame */
  keep(leaf, frame) {
    frame.leaf = leaf;
    this.tree = replaced(this.tree, leaf);
    if (!this.#settling) this.#emit("kept", { tree: this.tree });
  }

  /** A panel got the pointer or the focus. @param {Frame} frame */
  focused(frame) {
    if (!frame || this.focus === frame) return;
    this.focus?.current(false);
    this.focus = frame;
    frame.current(true);
    if (frame.leaf.kind !== "list" || this.#current === frame) return;
    this.#current = frame;
    this.#emit("current", { panel: frame.panel });
  }

  #chosen({ group, symbol, name }) {
    for (const frame of this.frames) if (frame.leaf.group === group) frame.panel.select?.(symbol, name);
  }

  /** The lists are others. */
  defined() {
    for (const frame of this.frames) frame.panel.defined?.();
  }

  /** @param {number} now performance.now() */
  tick(now) {
    for (const frame of this.frames) frame.panel.tick?.(now);
  }

  /** Open a panel beside that which has the keys. Returns false when there is no room.
   * @param {string} kind @param {object} state @param {"left"|"right"|"top"|"bottom"} side */
  add(kind, state = {}, side = "right") {
    const id = freeId(this.tree);
    if (!id) return false;
    const group = this.focus.leaf.group;
    this.#set(beside(this.tree, this.focus.leaf.id, side, { id, kind, group, state }));
    this.go(this.#frames.get(id));
    return true;
  }

  /** Close a panel; not the last list. Returns whether it was. @param {number} id */
  close(id) {
    const left = without(this.tree, id);
    if (!panelsOf(left).some(({ kind }) => kind === "list")) return false;
    this.#set(left);
    this.go(this.focus ?? this.frames.find(({ leaf }) => leaf.kind === "list"));
    if (!this.#current) this.focused(this.frames.find(({ leaf }) => leaf.kind === "list"));
    return true;
  }

  /** Give the keys to a panel. @param {Frame} frame */
  go(frame) {
    this.focused(frame);
    frame.panel.focus?.();
  }

  /** Give the keys to the panel `steps` after, in the order of reading. */
  turn(steps) {
    const { frames } = this;
    this.go(frames.at((frames.indexOf(this.focus) + steps) % frames.length));
  }

  /** A panel was dragged to a side of another, or onto it. */
  #drop(id, target, side) {
    if (side === "middle") {
      this.#set(swapped(this.tree, id, target));
      return;
    }
    const { leaf } = this.#frames.get(id);
    this.#set(beside(without(this.tree, id), target, side, leaf));
  }

  /** Put the panel that has the keys on the next side of what it stands beside. */
  turnAround() {
    this.#set(turned(this.tree, this.focus.leaf.id));
  }

  /** Exchange the panel that has the keys with its neighbour. @param {"left"|"right"|"top"|"bottom"} side */
  swap(side) {
    const other = neighbourOf(this.tree, this.focus.leaf.id, side);
    if (other) this.#set(swapped(this.tree, this.focus.leaf.id, other));
  }
}
