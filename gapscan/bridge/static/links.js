/** Links to pages about a symbol, made from templates such as "https://quotes.example/{symbol}". */

/** Elements of links, each to a tab of its own that learns nothing of this one.
 * @param {string[]} templates  those that are no web addresses are left out @param {string} symbol */
export function linksOf(templates, symbol) {
  return templates.filter((each) => /^https?:\/\//.test(each)).map((each) => linkTo(each, symbol));
}

function linkTo(template, symbol) {
  const link = document.createElement("a");
  link.href = template.replaceAll("{symbol}", encodeURIComponent(symbol));
  link.target = "_blank";
  link.rel = "noopener noreferrer";
  link.textContent = link.hostname.replace(/^www[.]/, "");
  return link;
}
