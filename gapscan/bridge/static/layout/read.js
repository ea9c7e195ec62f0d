/** Layouts as files and links have them: {"gapscan_layout": 1, "name": "...", "tree": ..., "links": [...]}. Whoever made one, it is judged. */

import { templatesIn } from "../links.js";
import { freeId, MOST, panelsOf } from "./tree.js";

const VERSION = 1;
const KIND = /^[a-z][a-z0-9_-]{0,39}$/;
const DEEPEST = 12; // splits in splits
const LONGEST_NAME = 40;
const MOST_STATE = 16_384; // letters that are kept of one panel
const GROUPS = 4;

/** Why something is no layout, in words for whoever gave it. */
export class LayoutError extends Error {}

/** A layout that somebody gave. Throws LayoutError. @param {string} text JSON
 * @returns {{name: string, tree: import("./tree.js").Node, links: string[], lost: number}} links: templates; none in a layout
 * without them; lost: how many more it has, which are none or too many */
export function readLayout(text) {
  const value = parsed(text);
  if (value?.gapscan_layout === undefined) throw new LayoutError("This is no layout of gapscan.");
  if (value.gapscan_layout !== VERSION) throw new LayoutError("This layout is of a later version of gapscan.");
  const links = templatesIn(value.links);
  const lost = Array.isArray(value.links) ? new Set(value.links).size - links.length : 0;
  return { name: nameOf(value.name), tree: readTree(value.tree), links, lost };
}

/** @param {string} name @param {import("./tree.js").Node} tree @param {string[]} [links] @returns {string} JSON */
export function writeLayout(name, tree, links = []) {
  return JSON.stringify({ gapscan_layout: VERSION, name, tree, ...(links.length ? { links } : {}) });
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    throw new LayoutError("This is no layout: it is not JSON.");
  }
}

/** A name as it may be kept; "Layout" without one. */
export function nameOf(value) {
  const name = typeof value === "string" ? value.replaceAll(/\s+/g, " ").trim().slice(0, LONGEST_NAME) : "";
  return name || "Layout";
}

function readTree(value) {
  const tree = readNode(value, 0);
  const leaves = panelsOf(tree);
  if (leaves.length > MOST) throw new LayoutError(`A layout has ${MOST} panels at most; this one has ${leaves.length}.`);
  if (!leaves.some(({ kind }) => kind === "list")) throw new LayoutError("A layout has one list at least; this one has none.");
  return numbered(tree);
}

function readNode(value, depth) {
  if (typeof value !== "object" || value === null) throw new LayoutError("A part of this layout is neither a panel nor a split.");
  if (depth > DEEPEST) throw new LayoutError("This layout has splits within splits without end.");
  return value.parts === undefined ? readLeaf(value) : readSplit(value, depth);
}

function readSplit({ split, sizes, parts }, depth) {
  if (split !== "row" && split !== "column") throw new LayoutError('A split is a "row" or a "column".');
  if (!Array.isArray(parts) || parts.length < 2 || parts.length > MOST) throw new LayoutError("A split has two parts at least.");
  const fit = Array.isArray(sizes) && sizes.length === parts.length && sizes.every((size) => Number.isFinite(size) && size > 0);
  return { split, sizes: fit ? sizes : parts.map(() => 1), parts: parts.map((part) => readNode(part, depth + 1)) };
}

function readLeaf({ id, kind, group, state }) {
  if (typeof kind !== "string" || !KIND.test(kind)) throw new LayoutError("A panel of this layout does not say what it is.");
  const kept = typeof state === "object" && state !== null && !Array.isArray(state) ? state : {};
  if (JSON.stringify(kept).length > MOST_STATE) throw new LayoutError("A panel of this layout keeps too much.");
  const grouped = Number.isInteger(group) && group >= 0 && group <= GROUPS;
  return { id, kind, group: grouped ? group : 1, state: kept };
}

/** Each panel with an id of its own. */
function numbered(tree) {
  const taken = new Set();
  const again = (leaf) => {
    const good = Number.isInteger(leaf.id) && leaf.id >= 1 && leaf.id <= MOST && !taken.has(leaf.id);
    if (good) taken.add(leaf.id);
    return good ? leaf : { ...leaf, id: 0 };
  };
  const walk = (node, change) => (node.parts ? { ...node, parts: node.parts.map((part) => walk(part, change)) } : change(node));
  let found = walk(tree, again);
  for (let missing = panelsOf(found).find(({ id }) => !id); missing; missing = panelsOf(found).find(({ id }) => !id)) {
    const leaf = { ...missing, id: freeId(found) };
    found = walk(found, (each) => (each === missing ? leaf : each));
  }
  return found;
}
