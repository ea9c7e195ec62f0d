/**
 * Where panels stand: a tree of splits, whose leaves are the panels. Pure: each function gives a new tree.
 *
 * @typedef {{id: number, kind: string, group: number, state: object}} Leaf  id: 1 to MOST, its own in the tree
 * @typedef {{split: "row"|"column", sizes: number[], parts: Node[]}} Split  sizes: shares of the whole, in any unit
 * @typedef {Leaf|Split} Node
 * @typedef {{left: number, top: number, width: number, height: number}} Box  shares of the workspace, 0 to 1
 */

/** So many panels a workspace may have. */
export const MOST = 8;
const LEAST_SHARE = 0.06; // of a split, that a part keeps when it is made smaller

/** The panels, in the order of reading. @param {?Node} node @returns {Leaf[]} */
export function panelsOf(node) {
  if (!node) return [];
  return node.parts ? node.parts.flatMap(panelsOf) : [node];
}

/** An id that no panel of the tree has; 0 when there is room for none. @param {?Node} tree */
export function freeId(tree) {
  const taken = new Set(panelsOf(tree).map(({ id }) => id));
  for (let id = 1; id <= MOST; id += 1) if (!taken.has(id)) return id;
  return 0;
}

/** The tree with another leaf in place of that with its id. @param {Node} tree @param {Leaf} leaf */
export function replaced(tree, leaf) {
  return mapped(tree, (each) => (each.id === leaf.id ? leaf : each));
}

/** The tree with two panels in each other's places. */
export function swapped(tree, one, other) {
  const [first, second] = [one, other].map((id) => panelsOf(tree).find((leaf) => leaf.id === id));
  if (!first || !second) return tree;
  return mapped(tree, (leaf) => (leaf === first ? second : leaf === second ? first : leaf));
}

function mapped(node, change) {
  return node.parts ? { ...node, parts: node.parts.map((part) => mapped(part, change)) } : change(node);
}

/** The tree without a panel, whose room the others of its split share; null when it was the last. */
export function without(node, id) {
  if (!node.parts) return node.id === id ? null : node;
  const kept = node.parts.map((part, index) => ({ part: without(part, id), size: node.sizes[index] })).filter(({ part }) => part);
  return joined(node.split, kept);
}

/** A split without needless levels. @param {"row"|"column"} split @param {{part: Node, size: number}[]} kept */
function joined(split, kept) {
  if (kept.length < 2) return kept[0]?.part ?? null;
  const flat = kept.flatMap(({ part, size }) => {
    if (part.split !== split) return [{ part, size }];
    const whole = total(part.sizes);
    return part.parts.map((inner, index) => ({ part: inner, size: (size * part.sizes[index]) / whole }));
  });
  return { split, sizes: flat.map(({ size }) => size), parts: flat.map(({ part }) => part) };
}

/** The tree with `leaf` beside the panel `id`, of whose room it takes half.
 * @param {Node} tree @param {number} id @param {"left"|"right"|"top"|"bottom"} side @param {Leaf} leaf */
export function beside(tree, id, side, leaf) {
  return normal(mapped(tree, (each) => (each.id === id ? pairOf(leaf, side, each) : each)));
}

/** A node on a side of another one, of whose room it takes half. @param {Node} node @param {string} side @param {Node} other */
function pairOf(node, side, other) {
  const split = side === "left" || side === "right" ? "row" : "column";
  const before = side === "left" || side === "top";
  return { split, sizes: [1, 1], parts: before ? [node, other] : [other, node] };
}

const ROUND = ["left", "top", "right", "bottom"];

/** The tree with a panel on the next side, clockwise, of what stands before it in its split: of what is after it, if it is
 * the first. With `swapped`, of neighbours, it makes every order and split that there is. @param {Node} node @param {number} id */
export function turned(node, id) {
  if (!node.parts) return node;
  const at = node.parts.findIndex((part) => part.id === id);
  if (at < 0) return normal({ ...node, parts: node.parts.map((part) => turned(part, id)) });
  const other = at ? at - 1 : 1;
  const side = ROUND[(node.split === "row" ? 0 : 1) + (at ? 2 : 0)];
  const pair = pairOf(node.parts[at], ROUND[(ROUND.indexOf(side) + 1) % ROUND.length], node.parts[other]);
  const sizes = node.sizes.map((size, index) => (index === other ? size + node.sizes[at] : size));
  const parts = node.parts.map((part, index) => (index === other ? pair : part));
  return normal({ ...node, sizes: sizes.toSpliced(at, 1), parts: parts.toSpliced(at, 1) });
}

function normal(node) {
  if (!node.parts) return node;
  return joined(node.split, node.parts.map((part, index) => ({ part: normal(part), size: node.sizes[index] })));
}

function total(sizes) {
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The tree with the border after part `index` of the split at `path` moved by `share` of that split.
 * @param {Node} tree @param {number[]} path  indexes from the root @param {number} index @param {number} share */
export function resized(tree, path, index, share) {
  if (path.length) {
    const [at, ...rest] = path;
    return { ...tree, parts: tree.parts.map((part, place) => (place === at ? resized(part, rest, index, share) : part)) };
  }
  const whole = total(tree.sizes);
  const [before, after] = [tree.sizes[index] / whole, tree.sizes[index + 1] / whole];
  const least = Math.min(LEAST_SHARE, before, after);
  const moved = Math.min(Math.max(share, least - before), after - least);
  const sizes = tree.sizes.map((size) => size / whole);
  sizes[index] = before + moved;
  sizes[index + 1] = after - moved;
  return { ...tree, sizes };
}

/** Where everything stands.
 * @param {Node} tree
 * @returns {{panels: {leaf: Leaf, box: Box}[], borders: {path: number[], index: number, row: boolean, at: number, box: Box}[]}}
 *   a border is the line after part `index` of the split at `path`, whose box is `box`; `at`: share of it, 0 to 1 */
export function places(tree, box = { left: 0, top: 0, width: 1, height: 1 }, path = []) {
  if (!tree.parts) return { panels: [{ leaf: tree, box }], borders: [] };
  const found = { panels: [], borders: [] };
  const [whole, row] = [total(tree.sizes), tree.split === "row"];
  let from = 0;
  tree.parts.forEach((part, index) => {
    const share = tree.sizes[index] / whole;
    const inner = places(part, partOf(box, row, from, share), [...path, index]);
    from += share;
    found.panels.push(...inner.panels);
    found.borders.push(...inner.borders);
    if (index < tree.parts.length - 1) found.borders.push({ path, index, row, at: from, box });
  });
  return found;
}

function partOf({ left, top, width, height }, row, from, share) {
  return row
    ? { left: left + width * from, top, width: width * share, height }
    : { left, top: top + height * from, width, height: height * share };
}

/** The panel that is next to `id` in a direction, by where the middles are; 0 for none.
 * @param {Node} tree @param {number} id @param {"left"|"right"|"top"|"bottom"} side */
export function neighbourOf(tree, id, side) {
  const { panels } = places(tree);
  const from = panels.find(({ leaf }) => leaf.id === id);
  if (!from) return 0;
  const [[x, y], row, sign] = [middle(from.box), side === "left" || side === "right", side === "right" || side === "bottom" ? 1 : -1];
  const far = panels.flatMap(({ leaf, box }) => {
    const [dx, dy] = [middle(box)[0] - x, middle(box)[1] - y];
    const [ahead, aside] = row ? [dx * sign, Math.abs(dy)] : [dy * sign, Math.abs(dx)];
    return ahead > 0.01 ? [{ id: leaf.id, distance: ahead + 2 * aside }] : [];
  });
  return far.toSorted((a, b) => a.distance - b.distance)[0]?.id ?? 0;
}

function middle({ left, top, width, height }) {
  return [left + width / 2, top + height / 2];
}
