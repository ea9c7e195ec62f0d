/** A layout in an address: all of it stands behind the #, so it goes to no server. */

import { readLayout, writeLayout } from "./read.js";

const PREFIX = "#layout=";

/** The address that shows a layout. @param {string} name @param {import("./tree.js").Node} tree @param {string[]} links */
export function linkTo(name, tree, links) {
  const bytes = new TextEncoder().encode(writeLayout(name, tree, links));
  const text = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  return new URL(PREFIX + text, location.href.split("#")[0]).href;
}

/** The layout that an address names; null when it names none. Throws LayoutError when it cannot be read.
 * @param {string} hash  of the address */
export function linked(hash) {
  if (!hash.startsWith(PREFIX)) return null;
  return readLayout(decoded(hash.slice(PREFIX.length)));
}

function decoded(text) {
  try {
    const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
    return new TextDecoder().decode(bytes);
  } catch {
    return ""; // cut on its way
  }
}
