/** Makes what is on the page like what was made anew, touching only what differs: focus, scroll and selection stay. */

/** Bring `element` to the attributes and children of `wanted`, which is used up. `open` of a details is the user's.
 * @param {Element} element @param {Element|DocumentFragment} wanted */
export function patch(element, wanted) {
  if (wanted.nodeType === Node.ELEMENT_NODE) patchAttributes(element, wanted);
  const [now, then] = [[...element.childNodes], [...wanted.childNodes]];
  then.forEach((child, index) => patchChild(element, now[index], child));
  for (const extra of now.slice(then.length)) extra.remove();
}

function patchAttributes(element, wanted) {
  for (const { name, value } of wanted.attributes) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  for (const name of element.getAttributeNames()) {
    if (name !== "open" && !wanted.hasAttribute(name)) element.removeAttribute(name);
  }
}

function patchChild(parent, now, then) {
  if (!now) parent.append(then);
  else if (now.nodeName !== then.nodeName || now.dataset?.key !== then.dataset?.key) now.replaceWith(then);
  else if (now.nodeType !== Node.TEXT_NODE) patch(now, then);
  else if (now.data !== then.data) now.data = then.data;
}

/** Have an element for each thing, in their order: what is there under a thing's key stays as it is.
 * @param {Element} parent @param {object[]} things @param {(thing: object) => string} keyOf
 * @param {(thing: object) => Element} build */
export function keyed(parent, things, keyOf, build) {
  const known = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  const wanted = things.map((thing) => {
    const key = keyOf(thing);
    const element = known.get(key) ?? build(thing);
    known.delete(key);
    element.dataset.key = key;
    return element;
  });
  for (const gone of known.values()) gone.remove();
  wanted.forEach((element, index) => element !== parent.children[index] && parent.insertBefore(element, parent.children[index] ?? null));
}

/** A new element. @param {string} tag @param {string} className @param {...(string|Node)} children */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== ""));
  return element;
}

/** Fill `element` from a template of the page. @param {HTMLElement} element @param {string} template  its id
 * @param {(name: string) => string} id  of a part @returns {Record<string, HTMLElement>} the parts by their names */
export function filled(element, template, id) {
  element.replaceChildren(document.getElementById(template).content.cloneNode(true));
  const parts = [...element.querySelectorAll("[data-part]")].map((part) => {
    part.id = id(part.dataset.part);
    return [part.dataset.part, part];
  });
  return Object.fromEntries(parts);
}
