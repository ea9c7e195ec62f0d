/** Links to pages about a symbol, made from templates such as "https://quotes.example/{symbol}". */

const TEMPLATE = /^https?:\/\/[^\s/?#]+\S*$/;
const LONGEST = 300; // letters of a template
/** How many a layout may have. */
export const MOST_LINKS = 12;

/** Whether a text is a template of links. */
export function isTemplate(text) {
  return typeof text === "string" && text.length <= LONGEST && TEMPLATE.test(text) && text.includes("{symbol}") && leads(text);
}

/** Whether a template makes an address. */
function leads(template) {
  try {
    return Boolean(new URL(template.replaceAll("{symbol}", "A")));
  } catch {
    return false;
  }
}

/** What of a kept value are templates, each once. @param {*} value @returns {string[]} */
export function templatesIn(value) {
  return [...new Set(Array.isArray(value) ? value.filter(isTemplate) : [])].slice(0, MOST_LINKS);
}

/** Elements of links, each to a tab of its own that learns nothing of this one.
 * @param {string[]} templates  those that are no web addresses are left out @param {string} symbol */
export function linksOf(templates, symbol) {
  return templates.filter((each) => /^https?:\/\//.test(each) && leads(each)).map((each) => linkTo(each, symbol));
}

function linkTo(template, symbol) {
  const link = document.createElement("a");
  link.href = template.replaceAll("{symbol}", encodeURIComponent(symbol));
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = link.hostname.replace(/^www[.]/, "");
  return link;
}
