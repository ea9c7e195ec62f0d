/**
 * Layouts that are kept in the browser. What a tab shows is the tab's own, over reloads; a new tab begins with what was
 * shown last. A layout under a name is written only when somebody asks for it, and never over what another tab wrote
 * under that name in the meantime. Works without storage too: then all lasts as long as the page.
 */

import { crc32 } from "../listview.js";
import { LayoutError, nameOf, readLayout, writeLayout } from "./read.js";
import { SHIPPED } from "./shipped.js";

const OWN = "gapscan.workspace"; // in the tab's storage
const KNOWN = "gapscan.known"; // there too: checksums of named layouts
const LAST = "gapscan.last"; // in that of all tabs
const NAMED = "gapscan.layout.";
const QUIET_MS = 250; // nothing is written while a border is dragged

/** @param {() => ?Storage} get @returns {Storage|Map} */
function storage(get) {
  try {
    return get();
  } catch {
    return null;
  }
}

export class Layouts extends EventTarget {
  #own;
  #shared;
  #name;
  #tree = null;
  #links = [];
  #known; // name -> checksum of what this tab last read or wrote under it
  #timer = 0;

  /** @param {?Storage} [own] the tab's @param {?Storage} [shared] */
  constructor(own = storage(() => sessionStorage), shared = storage(() => localStorage)) {
    super();
    this.#own = own;
    this.#shared = shared;
    this.#name = "One list";
    this.#known = this.#readKnown();
    globalThis.addEventListener?.("pagehide", () => this.#write());
  }

  /** The name of the layout that is shown, whatever was changed since. */
  get name() {
    return this.#name;
  }

  /** The templates of links to pages about a symbol that are the layout's own; event `links` when they are others.
   * @returns {string[]} */
  get links() {
    return this.#links;
  }

  set links(links) {
    this.#links = links;
    this.#later();
    this.dispatchEvent(new Event("links"));
  }

  /** What this tab showed, or the last tab; null when there was none. @returns {?import("./tree.js").Node} */
  begin() {
    const found = this.#read(this.#own, OWN) ?? this.#read(this.#shared, LAST);
    if (!found) return null;
    this.#name = found.name;
    this.#links = found.links;
    return found.tree;
  }

  #readKnown() {
    try {
      return new Map(Object.entries(JSON.parse(this.#text(this.#own, KNOWN) ?? "{}")));
    } catch {
      return new Map();
    }
  }

  #know(name, text) {
    this.#known.set(name, crc32(text));
    this.#put(this.#own, KNOWN, JSON.stringify(Object.fromEntries(this.#known)));
  }

  #text(where, key) {
    try {
      return where?.getItem(key) ?? null;
    } catch {
      return null;
    }
  }

  #read(where, key) {
    const text = this.#text(where, key);
    try {
      return text === null ? null : readLayout(text);
    } catch (error) {
      if (!(error instanceof LayoutError)) throw error;
      return null; // of another version
    }
  }

  #put(where, key, text) {
    try {
      where?.setItem(key, text);
    } catch {
      // storage is full or not allowed: it lasts as long as the page
    }
  }

  /** The panels are others. @param {import("./tree.js").Node} tree */
  keep(tree) {
    this.#tree = tree;
    this.#later();
  }

  #later() {
    this.#timer ||= setTimeout(() => this.#write(), QUIET_MS);
  }

  #write() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    if (!this.#tree) return;
    const text = writeLayout(this.#name, this.#tree, this.#links);
    this.#put(this.#own, OWN, text);
    this.#put(this.#shared, LAST, text);
  }

  /** The names of all layouts: the shipped ones, then those that were kept. */
  get names() {
    const kept = Object.keys(this.#shared ?? {}).filter((key) => key.startsWith(NAMED)).map((key) => key.slice(NAMED.length));
    return [...Object.keys(SHIPPED), ...kept.filter((name) => !(name in SHIPPED)).sort()];
  }

  /** Whether a layout came with the page. */
  isShipped(name) {
    return name in SHIPPED;
  }

  /** The layout of that name, which is shown from now on; null when it is gone. @param {string} name */
  open(name) {
    const found = this.isShipped(name) ? { tree: SHIPPED[name], links: [] } : this.#read(this.#shared, NAMED + name);
    if (found) this.use(name, found.tree, found.links);
    const text = this.#text(this.#shared, NAMED + name);
    if (text !== null) this.#know(name, text);
    return found?.tree ?? null;
  }

  /** A layout is shown from now on.
   * @param {string} name @param {import("./tree.js").Node} tree @param {string[]} links */
  use(name, tree, links) {
    this.#name = name;
    this.links = links;
    this.keep(tree);
  }

  /** Keep what is shown under a name. Returns the name that it has: another when that is a shipped layout's, or another
   * tab wrote under it. @param {string} wanted @param {import("./tree.js").Node} tree */
  save(wanted, tree) {
    const name = this.#free(nameOf(wanted));
    const text = writeLayout(name, tree, this.#links);
    this.#know(name, text);
    this.#put(this.#shared, NAMED + name, text);
    this.use(name, tree, this.#links);
    return name;
  }

  #free(wanted) {
    let name = wanted;
    for (let number = 2; !this.#mine(name); number += 1) name = `${wanted} ${number}`;
    return name;
  }

  /** Whether nothing stands under the name that this tab does not know. */
  #mine(name) {
    if (name in SHIPPED) return false;
    const text = this.#text(this.#shared, NAMED + name);
    return text === null || crc32(text) === this.#known.get(name);
  }

  /** Forget the layout of that name. */
  remove(name) {
    try {
      this.#shared?.removeItem(NAMED + name);
    } catch {
      // it was never kept
    }
  }
}
